// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Narrow types become f32 with roundings.
#include "prec/Transforms/WidenNarrow.h"
#include "prec/Analysis/Operations.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

/// The narrow element type of a value's type, or null.
static FloatType narrowOf(Type type) {
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(type));
  return element && element.getWidth() < 32 ? element : FloatType();
}

/// The same type with f32 elements.
static Type widened(Type type) {
  auto wide = Float32Type::get(type.getContext());
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(wide);
  return wide;
}

namespace {
class Widen {
public:
  explicit Widen(ModuleOp module) : module(module), b(module.getContext()) {}

  LogicalResult run() {
    if (failed(generalize()))
      return failure();
    SmallVector<Operation *> all;
    WalkResult result = module.walk([&](Operation *op) -> WalkResult {
      all.push_back(op);
      return check(op);
    });
    if (result.wasInterrupted())
      return failure();
    for (Operation *op : all)
      widenBlocks(op);
    for (Operation *op : all)
      widenResults(op);
    for (Operation *op : dead)
      op->erase();
    return success();
  }

private:
  /// Named operations on narrow types become generic: their bodies are rounded.
  LogicalResult generalize() {
    SmallVector<linalg::LinalgOp> named;
    module.walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::GenericOp>(op) &&
          llvm::any_of(op->getOperandTypes(), narrowOf))
        named.push_back(op);
    });
    IRRewriter rewriter(module.getContext());
    for (linalg::LinalgOp op : named) {
      rewriter.setInsertionPoint(op);
      DictionaryAttr attributes = op->getDiscardableAttrDictionary();
      Location loc = op.getLoc();
      auto generic = linalg::generalizeNamedOp(rewriter, op);
      if (failed(generic))
        return emitError(loc, "operation on a narrow type cannot be written "
                              "as linalg.generic");
      for (NamedAttribute attribute : attributes)
        if (attribute.getName().getValue().starts_with("prec."))
          (*generic)->setAttr(attribute.getName(), attribute.getValue());
    }
    return success();
  }

  LogicalResult check(Operation *op) {
    auto isNarrow = [](Type type) { return bool(narrowOf(type)); };
    bool touches = llvm::any_of(op->getOperandTypes(), isNarrow) ||
                   llvm::any_of(op->getResultTypes(), isNarrow);
    if (auto global = dyn_cast<memref::GlobalOp>(op))
      touches = isNarrow(global.getType());
    bool looksAtBits =
        isa<arith::BitcastOp, vector::BitCastOp, memref::ViewOp,
            memref::GlobalOp, func::CallOp, func::CallIndirectOp>(op);
    if (touches && looksAtBits)
      return op->emitError("'")
             << op->getName()
             << "' looks at a narrow type, so it cannot be widened; expected "
                "arithmetic on it, or --keep-narrow";
    for (Type type : op->getResultTypes())
      if (FloatType narrow = narrowOf(type); narrow && !formatOf(narrow))
        return op->emitError("no format is known for ") << narrow;
    return success();
  }

  /// `f8E4M3FN` is the format f8e4m3fn.
  static std::optional<Format> formatOf(FloatType type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return Format::parse(StringRef(text).lower());
  }

  Value rounded(Value value, FloatType narrow, Location loc) {
    return RoundOp::create(
        b, loc, value.getType(), value, ValueRange(), Value(),
        FormatAttr::get(b.getContext(), *formatOf(narrow)),
        ModeAttr::get(b.getContext(), RoundingMode()), SiteAttr());
  }

  void roundAfter(Value value, FloatType narrow) {
    b.setInsertionPointAfterValue(value);
    Value made = rounded(value, narrow, value.getLoc());
    value.replaceAllUsesExcept(made, made.getDefiningOp());
  }

  void widenBlocks(Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments()) {
          FloatType narrow = narrowOf(argument.getType());
          if (!narrow)
            continue;
          argument.setType(widened(argument.getType()));
          if (function && block.isEntryBlock() &&
              isCarrierLike(argument.getType()) && formatOf(narrow))
            roundAfter(argument, narrow);
        }
    if (!function)
      return;
    auto wide = [](ArrayRef<Type> types) {
      return llvm::map_to_vector(types, [](Type type) {
        return narrowOf(type) ? widened(type) : type;
      });
    };
    function.setFunctionType(b.getFunctionType(
        wide(function.getArgumentTypes()), wide(function.getResultTypes())));
  }

  void widenResults(Operation *op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (narrowOf(constant.getType()))
        constant.setValueAttr(widenedValue(constant.getValue()));
    }
    if (auto extend = dyn_cast<arith::ExtFOp>(op)) {
      Type from = extend.getIn().getType(), to = extend.getType();
      if (narrowOf(to) || from == to) {
        extend.replaceAllUsesWith(extend.getIn());
        dead.push_back(op);
        return;
      }
    }
    if (auto truncate = dyn_cast<arith::TruncFOp>(op))
      if (FloatType narrow = narrowOf(truncate.getType())) {
        // From f64 the rounding comes first: what it leaves f32 can hold.
        b.setInsertionPoint(op);
        Value value = rounded(truncate.getIn(), narrow, op->getLoc());
        Type wide = widened(truncate.getType());
        if (value.getType() != wide)
          value = arith::TruncFOp::create(b, op->getLoc(), wide, value);
        truncate.replaceAllUsesWith(value);
        dead.push_back(op);
        return;
      }
    for (OpResult result : op->getResults()) {
      FloatType narrow = narrowOf(result.getType());
      if (!narrow)
        continue;
      result.setType(widened(result.getType()));
      if (isCarrierLike(result.getType()) &&
          classify(op).kind == OpKind::Compute)
        roundAfter(result, narrow);
    }
  }

  /// The same numbers in f32.
  static TypedAttr widenedValue(TypedAttr attribute) {
    auto wide = [](APFloat value) {
      bool losesInfo;
      value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
      return value;
    };
    if (auto scalar = dyn_cast<FloatAttr>(attribute))
      return FloatAttr::get(Float32Type::get(attribute.getContext()),
                            wide(scalar.getValue()));
    auto elements = cast<DenseFPElementsAttr>(attribute);
    return cast<TypedAttr>(elements.mapValues(
        Float32Type::get(attribute.getContext()),
        [&](const APFloat &value) { return wide(value).bitcastToAPInt(); }));
  }

  ModuleOp module;
  OpBuilder b;
  SmallVector<Operation *> dead;
};
} // namespace

LogicalResult mlir::prec::widenNarrowTypes(ModuleOp module) {
  return Widen(module).run();
}
