// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect: registration, discardable attributes, inlining.
#include "prec/IR/PrecDialect.h"
#include "prec/IR/Bufferization.h"
#include "prec/IR/GradientNames.h"
#include "prec/Words.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace mlir::prec;

#include "prec/IR/PrecDialect.cpp.inc"

namespace {
/// Every operation of the dialect is legal in every place.
struct PrecInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void PrecDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "prec/IR/PrecOps.cpp.inc"
      >();
  addInterfaces<PrecInlinerInterface>();
  declarePromisedInterface<bufferization::BufferizableOpInterface, RoundOp>();
}

Operation *PrecDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

std::optional<Carrier> mlir::prec::carrierOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF32())
    return Carrier::F32;
  if (element.isF64())
    return Carrier::F64;
  return std::nullopt;
}

/// Checks one discardable attribute; `what` says where it stands.
static LogicalResult verifyWord(function_ref<InFlightDiagnostic()> emitError,
                                NamedAttribute attribute, StringRef what) {
  StringRef name = attribute.getName();
  auto text = dyn_cast<StringAttr>(attribute.getValue());
  bool known = name == scopeAttrName || name == phaseAttrName ||
               name == roleAttrName || name == nameAttrName ||
               name == initAttrName || name == lossAttrName ||
               name == dtypeAttrName || name == differentiatedAttrName ||
               name == randomAttrName || name == batchesAttrName;
  if (!known)
    return emitError() << "unknown attribute '" << name << "' on " << what
                       << ", expected prec.scope, prec.phase, prec.role, "
                          "prec.name, prec.init, prec.loss or prec.dtype";
  if (!text)
    return emitError() << "'" << name << "' must be a string";
  if (name == phaseAttrName && !isWord(phaseWords, text.getValue()))
    return emitError() << "unknown phase \"" << text.getValue()
                       << "\", expected one of " << listWords(phaseWords);
  if (name == roleAttrName && !isWord(roleWords, text.getValue()))
    return emitError() << "unknown role \"" << text.getValue()
                       << "\", expected one of " << listWords(roleWords);
  if (name == dtypeAttrName &&
      !llvm::is_contained({"u8", "u16", "u32", "u64"}, text.getValue()))
    return emitError() << "unknown dtype \"" << text.getValue()
                       << "\", expected one of u8, u16, u32, u64";
  return success();
}

LogicalResult PrecDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attribute) {
  // What prec-lower-parameters leaves of the declarations.
  if (attribute.getName() == contextAttrName && isa<ModuleOp>(op) &&
      isa<ArrayAttr>(attribute.getValue()))
    return success();
  if (isa<UnitAttr>(attribute.getValue()) &&
      (attribute.getName() == sitelessAttrName ||
       attribute.getName() == detachedAttrName ||
       attribute.getName() == gradientsAttrName ||
       attribute.getName() == insertedAttrName))
    return success();
  // Insertion reads its text; here it only has to be one.
  if (attribute.getName() == policyAttrName &&
      isa<StringAttr>(attribute.getValue()))
    return success();
  return verifyWord([&] { return op->emitError(); }, attribute, "an operation");
}

LogicalResult PrecDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned argument,
                                                    NamedAttribute attribute) {
  return verifyWord(
      [&] { return op->emitError() << "argument " << argument << ": "; },
      attribute, "an argument");
}

LogicalResult PrecDialect::verifyRegionResultAttribute(
    Operation *op, unsigned, unsigned result, NamedAttribute attribute) {
  return verifyWord(
      [&] { return op->emitError() << "result " << result << ": "; }, attribute,
      "a result");
}
