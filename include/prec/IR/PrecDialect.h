// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The prec dialect: its attributes and operations.
#ifndef PREC_IR_PRECDIALECT_H
#define PREC_IR_PRECDIALECT_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/VectorInterfaces.h"

namespace mlir::prec {

/// Names of the discardable attributes (see the dialect's description).
inline constexpr llvm::StringLiteral scopeAttrName = "prec.scope";
inline constexpr llvm::StringLiteral phaseAttrName = "prec.phase";
inline constexpr llvm::StringLiteral roleAttrName = "prec.role";
inline constexpr llvm::StringLiteral nameAttrName = "prec.name";
inline constexpr llvm::StringLiteral initAttrName = "prec.init";
/// Rules of the author's about one operation: stronger than any policy.
inline constexpr llvm::StringLiteral policyAttrName = "prec.policy";
/// Declarations that roundings and schedules name.
inline constexpr llvm::StringLiteral seedParameter = "prec.seed";
inline constexpr llvm::StringLiteral stepParameter = "prec.step";
inline constexpr llvm::StringLiteral epochStepsParameter =
    "prec.steps_per_epoch";
/// The name of the declaration that stands for a policy's parameter.
inline std::string declarationName(StringRef parameter) {
  return ("prec." + parameter).str();
}
/// The same where it stands for a real number: that is an f64, in two words.
inline std::string declarationName(StringRef parameter, bool isHighWord) {
  return declarationName(parameter) + (isHighWord ? ".high" : ".low");
}
inline int32_t wordOf(double value, bool isHighWord) {
  auto bits = llvm::bit_cast<uint64_t>(value);
  return int32_t(uint32_t(isHighWord ? bits >> 32 : bits));
}
/// The default of a slot whose number follows its schedule.
inline constexpr int32_t followsSchedule = INT32_MIN;
/// On a lowered module: the names and defaults of the context's slots.
inline constexpr llvm::StringLiteral contextAttrName = "prec.context";
inline constexpr llvm::StringLiteral lossAttrName = "prec.loss";
inline constexpr llvm::StringLiteral differentiatedAttrName =
    "prec.differentiated";
inline constexpr llvm::StringLiteral dtypeAttrName = "prec.dtype";
inline constexpr llvm::StringLiteral randomAttrName = "prec.random";
inline constexpr llvm::StringLiteral batchesAttrName = "prec.batches";

/// The carrier of a float type or of a shaped type's elements; none for the
/// types that are not f32 or f64.
std::optional<Carrier> carrierOf(Type type);

inline llvm::hash_code hash_value(const Format &format) {
  return llvm::hash_value(format.str());
}
inline llvm::hash_code hash_value(const RoundingMode &mode) {
  return llvm::hash_value(mode.str());
}

} // namespace mlir::prec

#include "prec/IR/PrecDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "prec/IR/PrecAttrs.h.inc"
#define GET_OP_CLASSES
#include "prec/IR/PrecOps.h.inc"

namespace mlir::prec {
/// The greatest or the lowest number of a rounding's format, a scalar: what
/// becomes of the carrier's toward zero.
Value limitOf(OpBuilder &builder, RoundOp round, bool isLowest);
} // namespace mlir::prec

#endif // PREC_IR_PRECDIALECT_H
