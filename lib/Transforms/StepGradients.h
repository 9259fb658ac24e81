// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weight gradients of a training step, as its update gets them.
#ifndef PREC_LIB_TRANSFORMS_STEPGRADIENTS_H
#define PREC_LIB_TRANSFORMS_STEPGRADIENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>

namespace mlir::prec {

struct StepGradient {
  Value value;
  /// Of the operation that updates the weight, else of the gradient's own.
  std::string scope;
};

/// For each argument of role weight, the gradients that its new value, the
/// result of the same number, is made of. A weight that stays as it is has
/// none.
///
/// From the new value the way goes back through operations of phase update or
/// without a phase, along values of the weight's shape, to the first ones of
/// role weight-gradient or phase backward (their own, or the site's of their
/// rounding); an operation of phase update and scope `loss` on such values
/// alone undoes the loss's scale and is still a gradient.
///
/// Errors: a weight that is updated without one, no weight.
FailureOr<SmallVector<StepGradient>> findGradients(func::FuncOp step);

} // namespace mlir::prec

#endif // PREC_LIB_TRANSFORMS_STEPGRADIENTS_H
