// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of operations.
#include "prec/Analysis/Operations.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::prec;

bool mlir::prec::isCarrierLike(Type type) {
  return !isa<BaseMemRefType>(type) && carrierOf(type).has_value() &&
         isa<FloatType, VectorType, TensorType>(type);
}

/// f16, bf16 and smaller: precision that the author chose.
static bool isNarrowLike(Type type) {
  if (isa<BaseMemRefType>(type))
    return false;
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  return element && element.getWidth() < 32;
}

/// Wide or compound elements that no carrier holds.
static bool isForeignLike(Type type) {
  if (isa<BaseMemRefType>(type))
    return false;
  Type element = getElementTypeOrSelf(type);
  if (isa<ComplexType>(element))
    return true;
  auto floating = dyn_cast<FloatType>(element);
  return floating && floating.getWidth() > 32 && !floating.isF64();
}

/// The operations of arith and math whose results are operands up to sign.
static bool isClosedScalar(StringRef name) {
  static const llvm::StringSet<> closed = {
      "arith.select",  "arith.negf",    "arith.maximumf", "arith.minimumf",
      "arith.maxnumf", "arith.minnumf", "math.absf",      "math.copysign"};
  return closed.contains(name);
}

bool mlir::prec::changesSign(Operation *op) {
  return isa<arith::NegFOp, math::AbsFOp, math::CopySignOp>(op);
}

bool mlir::prec::isClosed(Operation *op, const Format &format) {
  // A new tensor has no elements yet that could be rounded.
  if (!format.isElementwise())
    return isa<tensor::EmptyOp>(op);
  if (isa<math::AbsFOp>(op))
    return format.hasMagnitudes();
  return !changesSign(op) || format.isSymmetric();
}

/// Vector operations that combine elements arithmetically.
static bool isVectorArithmetic(StringRef name) {
  static const llvm::StringSet<> arithmetic = {
      "vector.fma",      "vector.reduction",    "vector.multi_reduction",
      "vector.contract", "vector.outerproduct", "vector.scan"};
  return arithmetic.contains(name);
}

static bool isMinMax(vector::CombiningKind kind) {
  using Kind = vector::CombiningKind;
  return kind == Kind::MINNUMF || kind == Kind::MAXNUMF ||
         kind == Kind::MINIMUMF || kind == Kind::MAXIMUMF;
}

static std::optional<vector::CombiningKind> combiningKind(Operation *op) {
  if (auto o = dyn_cast<vector::ReductionOp>(op))
    return o.getKind();
  if (auto o = dyn_cast<vector::MultiDimReductionOp>(op))
    return o.getKind();
  if (auto o = dyn_cast<vector::ContractionOp>(op))
    return o.getKind();
  if (auto o = dyn_cast<vector::OuterProductOp>(op))
    return o.getKind();
  if (auto o = dyn_cast<vector::ScanOp>(op))
    return o.getKind();
  return std::nullopt;
}

bool mlir::prec::hidesPartialResults(Operation *op) {
  if (!llvm::any_of(op->getResultTypes(), isCarrierLike))
    return false;
  if (auto outer = dyn_cast<vector::OuterProductOp>(op))
    return static_cast<bool>(outer.getAcc());
  if (isa<vector::ContractionOp>(op))
    return true;
  if (auto kind = combiningKind(op))
    return !isMinMax(*kind);
  return false;
}

/// The kind of an operation with carrier results, by dialect and name.
static Classification classifyCarrier(Operation *op) {
  StringRef name = op->getName().getStringRef();
  StringRef dialect = op->getName().getDialectNamespace();
  if (isa<RoundOp>(op))
    return {OpKind::Rounded, ""};
  if (op->hasTrait<OpTrait::ConstantLike>())
    return {OpKind::Constant, ""};
  if (isa<linalg::LinalgOp>(op))
    return {OpKind::Structured, ""};
  if (dialect == "arith" || dialect == "math")
    return {isClosedScalar(name) ? OpKind::Closed : OpKind::Compute, ""};
  if (dialect == "vector") {
    auto kind = combiningKind(op);
    bool computes =
        isVectorArithmetic(name) &&
        !(kind && isMinMax(*kind) && !isa<vector::ContractionOp>(op));
    return {computes ? OpKind::Compute : OpKind::Closed, ""};
  }
  if (dialect == "scf" || dialect == "affine" || dialect == "cf") {
    bool isLoad = isa<affine::AffineLoadOp, affine::AffineVectorLoadOp>(op);
    return {isLoad ? OpKind::Closed : OpKind::Control, ""};
  }
  if (auto rmw = dyn_cast<memref::AtomicRMWOp>(op)) {
    if (rmw.getKind() == arith::AtomicRMWKind::addf ||
        rmw.getKind() == arith::AtomicRMWKind::mulf)
      return {OpKind::Refused,
              "its result goes to memory unrounded; write it as "
              "memref.generic_atomic_rmw or as a load, an operation and a "
              "store"};
    return {OpKind::Closed, ""};
  }
  if (dialect == "tensor" || dialect == "memref" ||
      dialect == "bufferization" || dialect == "ub")
    return {OpKind::Closed, ""};
  if (isa<func::CallOp, func::CallIndirectOp>(op))
    return {OpKind::Compute, ""};
  return {OpKind::Refused,
          "prec-insert-rounding does not know what it computes; lower it to "
          "linalg, tensor, arith, math, scf, affine, memref or vector first"};
}

Classification mlir::prec::classify(Operation *op) {
  if (isa<linalg::LinalgOp>(op)) {
    if (llvm::any_of(op->getOperandTypes(),
                     [](Type type) { return carrierOf(type).has_value(); }))
      return {OpKind::Structured, ""};
  }
  for (Type type : op->getResultTypes())
    if (isForeignLike(type)) {
      std::string text;
      llvm::raw_string_ostream(text) << getElementTypeOrSelf(type);
      return {OpKind::Refused,
              "it makes " + text +
                  " values, which no carrier (f32, f64) holds"};
    }
  if (llvm::any_of(op->getResultTypes(), isCarrierLike))
    return classifyCarrier(op);
  Classification none{OpKind::None, ""};
  none.isKeptNarrow = llvm::any_of(op->getResultTypes(), isNarrowLike);
  return none;
}
