// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prec-differentiate: from a function to its value-and-gradient function.
#include "prec/Autodiff/Differentiate.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/Autodiff/Passes.h"
#include "prec/IR/PrecDialect.h"
#include "prec/IR/Prepare.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::prec {
#define GEN_PASS_DEF_DIFFERENTIATEFUNCTION
#include "prec/Autodiff/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;

FailureOr<SmallVector<Value>> mlir::prec::buildGradients(OpBuilder &b,
                                                         Value result,
                                                         ValueRange wrt,
                                                         ValueRange stopped) {
  SmallVector<Operation *> operations;
  for (auto it = b.getInsertionBlock()->begin(); it != b.getInsertionPoint();
       ++it)
    operations.push_back(&*it);
  Gradients gradients(b, wrt, Gradients::Stamp::Yes);
  for (Value value : stopped)
    gradients.stop(value);
  Type type = result.getType();
  auto one = cast<TypedAttr>(
      Attribute(b.getFloatAttr(getElementTypeOrSelf(type), 1.0)));
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    one = DenseElementsAttr::get(tensor, Attribute(one));
  gradients.add(result, arith::ConstantOp::create(b, result.getLoc(), one));
  if (failed(gradients.sweep(operations)))
    return failure();
  SmallVector<Value> found;
  for (Value value : wrt)
    found.push_back(gradients.lookupOrZero(value));
  return found;
}

LogicalResult mlir::prec::flatten(func::FuncOp function) {
  if (failed(inlineCalls(function)) || failed(decomposeComposites(function)))
    return failure();
  if (function.getBody().hasOneBlock())
    return success();
  return function.emitError("cannot differentiate '")
         << function.getName()
         << "': expected one block, found branches; write them with scf.if and "
            "scf.for";
}

void mlir::prec::markForward(func::FuncOp function) {
  auto forward = StringAttr::get(function.getContext(), "forward");
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != function && !op->hasAttr(phaseAttrName) &&
        !op->hasTrait<OpTrait::IsTerminator>())
      op->setAttr(phaseAttrName, forward);
    return isa<linalg::LinalgOp>(op) ? WalkResult::skip()
                                     : WalkResult::advance();
  });
}

void mlir::prec::eraseDead(func::FuncOp function) {
  IRRewriter rewriter(function.getContext());
  (void)runRegionDCE(rewriter, function->getRegions());
}

/// Checks the function and its arguments; messages name what is legal.
static LogicalResult check(func::FuncOp function, ArrayRef<int64_t> wrt) {
  if (!function.getBody().hasOneBlock())
    return emitError(function.getLoc(), "cannot differentiate '")
           << function.getName() << "': expected a body of one block";
  if (function.getNumResults() == 0)
    return emitError(function.getLoc(), "cannot differentiate '")
           << function.getName() << "': it has no result";
  Type first = function.getResultTypes()[0];
  auto shaped = dyn_cast<RankedTensorType>(first);
  bool isScalar = isa<FloatType>(first) || (shaped && shaped.getRank() == 0);
  if (!isScalar || !carriesGradient(first))
    return emitError(function.getLoc(), "cannot differentiate '")
           << function.getName()
           << "': its first result must be a float or a tensor of rank 0, "
              "found "
           << first;
  DenseSet<int64_t> seen;
  for (int64_t i : wrt) {
    if (i < 0 || i >= function.getNumArguments())
      return emitError(function.getLoc(), "'")
             << function.getName() << "' has no argument " << i
             << ", expected 0 to " << int64_t(function.getNumArguments()) - 1;
    if (!carriesGradient(function.getArgumentTypes()[i]))
      return emitError(function.getLoc(),
                       "cannot differentiate with respect to argument ")
             << i << ": expected a float or a tensor of floats, found "
             << function.getArgumentTypes()[i];
    if (!seen.insert(i).second)
      return emitError(function.getLoc(), "argument ")
             << i << " is named twice in wrt";
  }
  return success();
}

/// The attributes of a gradient's result: named and with a role, as the
/// argument is.
static DictionaryAttr resultAttributes(func::FuncOp function, unsigned i) {
  Builder b(function.getContext());
  auto role = function.getArgAttrOfType<StringAttr>(i, roleAttrName);
  bool isWeight = role && role.getValue() == "weight";
  NamedAttrList attributes;
  if (auto name = function.getArgAttrOfType<StringAttr>(i, nameAttrName))
    attributes.set(nameAttrName, b.getStringAttr(name.getValue() + "_grad"));
  attributes.set(roleAttrName,
                 b.getStringAttr(isWeight ? "weight-gradient" : "gradient"));
  return attributes.getDictionary(function.getContext());
}

FailureOr<func::FuncOp>
mlir::prec::makeGradientFunction(func::FuncOp function, ArrayRef<int64_t> wrt) {
  if (failed(check(function, wrt)))
    return failure();
  std::string name = (function.getName() + "_grad").str();
  if (SymbolTable::lookupSymbolIn(function->getParentOp(), name))
    return emitError(function.getLoc(), "the module already has a '")
           << name << "'";
  OpBuilder b(function);
  b.setInsertionPointAfter(function);
  auto gradient = cast<func::FuncOp>(b.clone(*function));
  gradient.setName(name);
  if (failed(flatten(gradient)))
    return failure();
  markForward(gradient);

  Operation *terminator = gradient.front().getTerminator();
  b.setInsertionPoint(terminator);
  SmallVector<Value> arguments;
  for (int64_t i : wrt)
    arguments.push_back(gradient.getArgument(i));
  auto found = buildGradients(b, terminator->getOperand(0), arguments);
  if (failed(found))
    return failure();
  for (auto [i, value] : llvm::zip_equal(wrt, *found)) {
    unsigned number = terminator->getNumOperands();
    terminator->insertOperands(number, value);
    if (failed(gradient.insertResult(number, value.getType(),
                                     resultAttributes(gradient, i))))
      return failure();
  }
  eraseDead(gradient);
  markForward(gradient);
  return gradient;
}

namespace {
struct DifferentiateFunction final
    : mlir::prec::impl::DifferentiateFunctionBase<DifferentiateFunction> {
  using Base::Base;

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    registerDifferentiableModels(registry);
  }

  /// The function by its name, or the only one.
  func::FuncOp find() {
    ModuleOp module = getOperation();
    std::string names;
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp f : functions) {
      if (f.getName() == function)
        return f;
      names += (names.empty() ? "" : ", ") + f.getName().str();
    }
    if (function.empty() && functions.size() == 1)
      return functions[0];
    if (function.empty())
      emitError(module.getLoc(), "which function to differentiate? expected "
                                 "function=NAME, one of: ")
          << names;
    else
      emitError(module.getLoc(), "no function '")
          << function << "' to differentiate, expected one of: " << names;
    return {};
  }

  void runOnOperation() override {
    func::FuncOp f = find();
    if (!f)
      return signalPassFailure();
    SmallVector<int64_t> numbers(wrt.begin(), wrt.end());
    if (numbers.empty())
      for (auto [i, type] : llvm::enumerate(f.getArgumentTypes()))
        if (carriesGradient(type))
          numbers.push_back(i);
    if (numbers.empty()) {
      emitError(f.getLoc(), "'") << f.getName()
                                 << "' has no argument of floats to "
                                    "differentiate with respect to";
      return signalPassFailure();
    }
    if (failed(makeGradientFunction(f, numbers)))
      signalPassFailure();
  }
};
} // namespace
