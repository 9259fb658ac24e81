// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments and results of @step for what lasts from step to step.
#include "StepState.h"
#include "prec/IR/StepInputs.h"

using namespace mlir;
using namespace mlir::prec;

/// Arguments and results behind the state: inputs, labels and rate; loss.
static unsigned argumentsBehind(func::FuncOp step) {
  return countStepInputs(step) + 2;
}
static constexpr unsigned resultsBehind = 1;

bool mlir::prec::isTrainingStep(func::FuncOp function) {
  return function.getName() == "step" && function.getNumArguments() > 3 &&
         function.getNumResults() > resultsBehind &&
         function.getBody().hasOneBlock();
}

BlockArgument StepState::add(const llvm::Twine &name, Type type, StringRef init,
                             Location loc) {
  Builder b(step.getContext());
  auto named = b.getNamedAttr(nameAttrName, b.getStringAttr(name));
  NamedAttribute attributes[] = {
      named, b.getNamedAttr(roleAttrName, b.getStringAttr("state")),
      b.getNamedAttr(initAttrName, b.getStringAttr(init))};
  unsigned argument = step.getNumArguments() - argumentsBehind(step);
  (void)step.insertArgument(argument, type, b.getDictionaryAttr(attributes),
                            loc);
  (void)step.insertResult(step.getNumResults() - resultsBehind, type,
                          b.getDictionaryAttr(named));
  return step.getArgument(argument);
}

void StepState::done() {
  if (nextValues.empty())
    return; // the step may be of any form
  auto end = cast<func::ReturnOp>(step.front().getTerminator());
  SmallVector<Value> results(end.getOperands());
  results.insert(results.end() - resultsBehind, nextValues.begin(),
                 nextValues.end());
  end->setOperands(results);
}
