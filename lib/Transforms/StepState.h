// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// State that roundings keep from one training step to the next.
#ifndef PREC_LIB_TRANSFORMS_STEPSTATE_H
#define PREC_LIB_TRANSFORMS_STEPSTATE_H

#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::prec {

/// Is it a step(parameters..., state..., x, labels, rate) -> (parameters...,
/// state..., loss)?
bool isTrainingStep(func::FuncOp function);

/// Adds states to a training step, behind those that it has; `done` writes what
/// they are in the next step.
class StepState {
public:
  explicit StepState(func::FuncOp step) : step(step) {}

  /// A state that begins as `init` says (`zeros`, `constant:1`, ...).
  BlockArgument add(const llvm::Twine &name, Type type, StringRef init,
                    Location loc);
  /// The next value of the state that was added last.
  void next(Value value) { nextValues.push_back(value); }
  /// To be called once, when each state has its next value.
  void done();

private:
  func::FuncOp step;
  SmallVector<Value> nextValues;
};

} // namespace mlir::prec

#endif // PREC_LIB_TRANSFORMS_STEPSTATE_H
