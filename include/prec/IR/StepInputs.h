// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the inputs of a training module's functions stand.
#ifndef PREC_IR_STEPINPUTS_H
#define PREC_IR_STEPINPUTS_H

#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::prec {

/// How many of a function's arguments before `end` are inputs: x, which is the
/// last of them whatever its role, and those of role input right before it.
inline unsigned countInputs(func::FuncOp function, unsigned end) {
  auto isInput = [&](unsigned i) {
    auto role = function.getArgAttrOfType<StringAttr>(i, roleAttrName);
    return role && role.getValue() == "input";
  };
  unsigned first = end == 0 ? 0 : end - 1;
  while (first > 0 && isInput(first - 1))
    --first;
  return end - first;
}

/// Of @step(parameters..., state..., inputs..., labels, rate).
inline unsigned countStepInputs(func::FuncOp step) {
  return countInputs(step, step.getNumArguments() - 2);
}

/// Of @predict(parameters..., inputs...).
inline unsigned countPredictInputs(func::FuncOp predict) {
  return countInputs(predict, predict.getNumArguments());
}

} // namespace mlir::prec

#endif // PREC_IR_STEPINPUTS_H
