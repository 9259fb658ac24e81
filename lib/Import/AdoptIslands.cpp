// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floats of another width inside a model of f32: found, reported, mended.
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::prec;

/// Whether all floats that public functions take and give are f32, and there
/// are any.
static bool isModelOfF32(ModuleOp module) {
  bool found = false, others = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic())
      continue;
    auto visit = [&](Type type) {
      Type element = getElementTypeOrSelf(type);
      found |= element.isF32();
      others |= isa<FloatType>(element) && !element.isF32();
    };
    llvm::for_each(function.getArgumentTypes(), visit);
    llvm::for_each(function.getResultTypes(), visit);
  }
  return found && !others;
}

/// The type with f32 in place of f64.
static Type demote(Type type) {
  if (type.isF64())
    return Float32Type::get(type.getContext());
  if (auto shaped = dyn_cast<ShapedType>(type))
    if (shaped.getElementType().isF64())
      return shaped.clone(Float32Type::get(type.getContext()));
  return type;
}

static bool isF64(Type type) { return getElementTypeOrSelf(type).isF64(); }

static bool isNarrow(Type type) {
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  return element && element.getWidth() < 32;
}

static bool anyType(Operation *op, function_ref<bool(Type)> test) {
  return llvm::any_of(op->getOperandTypes(), test) ||
         llvm::any_of(op->getResultTypes(), test);
}

static StringRef scopeOf(Operation *op) {
  for (Operation *at = op; at; at = at->getParentOp())
    if (auto scope = at->getAttrOfType<StringAttr>(scopeAttrName))
      return scope;
  return "";
}

/// A constant's value in f32, or null if it has none.
static TypedAttr demote(Attribute value) {
  auto nearest = [](APFloat number) {
    bool lost;
    number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
    return number;
  };
  if (auto number = dyn_cast<FloatAttr>(value))
    return FloatAttr::get(Float32Type::get(value.getContext()),
                          nearest(number.getValue()));
  if (auto dense = dyn_cast<DenseFPElementsAttr>(value))
    return cast<TypedAttr>(
        Attribute(dense.mapValues(Float32Type::get(value.getContext()),
                                  [&](const APFloat &number) -> APInt {
                                    return nearest(number).bitcastToAPInt();
                                  })));
  return {};
}

/// Changes one operation from f64 to f32; conversions between the two go.
static LogicalResult demote(Operation *op) {
  if (isa<arith::BitcastOp>(op))
    return op->emitError("reads the bits of an f64 in a model of f32");
  if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
      demote(op->getOperand(0).getType()) ==
          demote(op->getResult(0).getType())) {
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
    op->erase();
    return success();
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    TypedAttr value = demote(constant.getValue());
    if (!value)
      return constant.emitError("is f64 in a model of f32 and not a plain "
                                "constant");
    constant.setValueAttr(value);
  }
  for (OpResult result : op->getResults())
    result.setType(demote(result.getType()));
  return success();
}

FailureOr<int64_t> mlir::prec::mendIslands(ModuleOp module, bool keep) {
  if (!isModelOfF32(module))
    return 0;
  SmallVector<Operation *> wide;
  llvm::StringSet<> reported;
  module.walk([&](Operation *op) {
    bool isWide = anyType(op, isF64);
    if (isWide)
      wide.push_back(op);
    if ((!isWide && !anyType(op, isNarrow)) ||
        op->hasTrait<OpTrait::ConstantLike>())
      return;
    StringRef scope = scopeOf(op);
    if (!reported.insert((scope + (isWide ? "|f64" : "|narrow")).str()).second)
      return;
    auto warning = op->emitWarning();
    if (!scope.empty())
      warning << "layer '" << scope << "': ";
    if (isWide)
      warning << "computes in f64 in a model of f32; "
              << (keep ? "kept" : "changed to f32");
    else
      warning << "has floats narrower than f32 in a model of f32; kept";
  });
  if (keep || wide.empty())
    return 0;
  module.walk([](Block *block) {
    for (BlockArgument argument : block->getArguments())
      argument.setType(demote(argument.getType()));
  });
  for (Operation *op : wide)
    if (failed(demote(op)))
      return failure();
  for (auto function : module.getOps<func::FuncOp>())
    function.setType(FunctionType::get(
        module.getContext(),
        function.isExternal()
            ? llvm::to_vector(function.getArgumentTypes())
            : llvm::to_vector(function.getBody().getArgumentTypes()),
        function.getResultTypes()));
  return int64_t(wide.size());
}
