// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loss scaling as operations of a training step.
#ifndef PREC_LIB_AUTODIFF_SCALELOSS_H
#define PREC_LIB_AUTODIFF_SCALELOSS_H

#include "prec/LossScaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::prec {

/// Scales one loss. With a dynamic scale it and the number of good steps are
/// states, scalars of the loss's type. A scale that is a parameter is made of
/// that, by an operation with the name of the state.
class ScaleLoss {
public:
  /// `states` begins with the scale and the number of good steps, if they are
  /// dynamic.
  ScaleLoss(OpBuilder &b, Location loc, const LossScaling &scaling,
            ArrayRef<BlockArgument> states)
      : b(b), loc(loc), scaling(scaling) {
    if (scaling.isDynamic) {
      scale = states[0];
      goodSteps = states[1];
    }
  }

  /// The loss to take gradients of.
  Value scaled(Value loss);
  /// The gradients of the loss itself; remembers whether all are finite.
  void unscale(MutableArrayRef<Value> gradients);
  /// With a dynamic scale: keeps `old` instead of `next` values after a step
  /// that overflowed, and appends the next scale and number of good steps.
  void finish(SmallVectorImpl<Value> &next, ArrayRef<BlockArgument> old);

private:
  /// The scale as a value, for one that is not a constant.
  Value scaleFor(Type element);

  OpBuilder &b;
  Location loc;
  const LossScaling &scaling;
  Value scale, goodSteps;
  /// Of a dynamic scale: 1 or 0.
  Value isFinite;
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_SCALELOSS_H
