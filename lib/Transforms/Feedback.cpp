// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Residuals of roundings as state of @step.
#include "prec/Transforms/Feedback.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::prec;

/// @step(parameters..., state..., x, labels, rate) -> (parameters...,
/// state..., loss)
static bool isTrainingStep(func::FuncOp function) {
  return function.getName() == "step" && function.getNumArguments() >= 4 &&
         function.getNumResults() >= 2 && function.getBody().hasOneBlock();
}

/// Can the residual be a state?
static LogicalResult check(const FeedbackRound &each) {
  RoundOp round = each.round;
  auto refuse = [&] {
    return round.emitError("rule '")
           << each.origin
           << "' keeps what a rounding loses from one training step to the "
              "next, ";
  };
  auto function = round->getParentOfType<func::FuncOp>();
  if (!isTrainingStep(function))
    return refuse() << "as state of @step(parameters..., state..., x, labels, "
                       "rate) -> (parameters..., state..., loss); found a site "
                       "of @"
                    << function.getName()
                    << "; choose sites by phase or by function:step";
  if (round->getParentOp() != function)
    return refuse() << "found a rounding inside '"
                    << round->getParentOp()->getName()
                    << "', of which there are several in a step";
  Type type = round.getType();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (isa<ShapedType>(type) && (!tensor || !tensor.hasStaticShape()))
    return refuse() << "which takes a tensor of a known size, found " << type;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<StringAttr>(i, nameAttrName);
    if (name && name.getValue() == "loss_scale")
      return refuse() << "but a dynamic loss scale changes what it is a "
                         "multiple of; choose a fixed scale";
  }
  return success();
}

LogicalResult mlir::prec::addFeedback(ModuleOp module,
                                      ArrayRef<FeedbackRound> rounds) {
  for (const FeedbackRound &each : rounds)
    if (failed(check(each)))
      return failure();
  if (rounds.empty())
    return success();
  auto step = module.lookupSymbol<func::FuncOp>("step");
  auto end = cast<func::ReturnOp>(step.front().getTerminator());
  OpBuilder b(step);
  SmallVector<Value> results(end.getOperands());
  llvm::DenseMap<int64_t, unsigned> count;
  for (auto [i, each] : llvm::enumerate(rounds)) {
    RoundOp round = each.round;
    Location loc = round.getLoc();
    Type type = round.getType();
    int64_t site = round.getSiteAttr().getNumber();
    std::string name = "prec.feedback." + std::to_string(site);
    if (unsigned earlier = count[site]++)
      name += "." + std::to_string(earlier);
    auto named = b.getNamedAttr(nameAttrName, b.getStringAttr(name));
    NamedAttribute attributes[] = {
        named, b.getNamedAttr(roleAttrName, b.getStringAttr("state")),
        b.getNamedAttr(initAttrName, b.getStringAttr("zeros"))};
    unsigned argument = step.getNumArguments() - 3;
    unsigned result = step.getNumResults() - 1;
    (void)step.insertArgument(argument, type, b.getDictionaryAttr(attributes),
                              loc);
    (void)step.insertResult(result, type, b.getDictionaryAttr(named));
    auto sum = round.getOperand().getDefiningOp<arith::AddFOp>();
    sum.getRhsMutable().assign(step.getArgument(argument));
    b.setInsertionPointAfter(round);
    Value rest = arith::SubFOp::create(b, loc, sum, round.getResult());
    results.insert(results.end() - 1, rest);
  }
  end->setOperands(results);
  return success();
}
