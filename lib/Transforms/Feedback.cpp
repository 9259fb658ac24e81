// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Residuals of roundings as state of @step.
#include "prec/Transforms/Feedback.h"
#include "StepState.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::prec;

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
  auto isScale = [](Attribute name) {
    auto text = dyn_cast_or_null<StringAttr>(name);
    return text && text.getValue() == "loss_scale";
  };
  bool hasScale = false;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    hasScale |= isScale(function.getArgAttr(i, nameAttrName));
  for (Operation &op : function.front())
    hasScale |= isScale(op.getAttr(nameAttrName));
  if (hasScale)
    return refuse() << "but a dynamic or scheduled loss scale changes what it "
                       "is a multiple of; choose a fixed scale";
  return success();
}

LogicalResult mlir::prec::addFeedback(ModuleOp module,
                                      ArrayRef<FeedbackRound> rounds) {
  for (const FeedbackRound &each : rounds)
    if (failed(check(each)))
      return failure();
  if (rounds.empty())
    return success();
  StepState state(module.lookupSymbol<func::FuncOp>("step"));
  llvm::DenseMap<int64_t, unsigned> count;
  for (const FeedbackRound &each : rounds) {
    RoundOp round = each.round;
    Location loc = round.getLoc();
    int64_t site = round.getSiteAttr().getNumber();
    std::string name = "prec.feedback." + std::to_string(site);
    if (unsigned earlier = count[site]++)
      name += "." + std::to_string(earlier);
    auto sum = round.getOperand().getDefiningOp<arith::AddFOp>();
    sum.getRhsMutable().assign(state.add(name, round.getType(), "zeros", loc));
    OpBuilder b(round);
    b.setInsertionPointAfter(round);
    state.next(arith::SubFOp::create(b, loc, sum, round.getResult()));
  }
  state.done();
  return success();
}
