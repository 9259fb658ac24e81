// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of a policy that follow the loss or the share of overflows.
#ifndef PREC_TRANSFORMS_DRIVEPARAMETERS_H
#define PREC_TRANSFORMS_DRIVEPARAMETERS_H

#include "prec/Policy/Policy.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// Makes the numbers that wait for a plateau (Plateau) or count overflows
/// (OverflowShare) state of the training step, so that checkpoints hold them
/// and no one has to watch the run:
///
///   @step(parameters..., NAME..., NAME.best, NAME.wait, ..., state..., x,
///   labels, rate)                 (.over, .half, .wait for overflows)
///   @predict(parameters..., NAME..., x)
///
/// each f32, initialised, and returned with its next value. `prec.parameter` of
/// such a number becomes the argument; other functions keep the declaration's
/// default. To be called after the roundings were inserted. A module with
/// neither is a warning: the numbers keep their defaults.
LogicalResult driveParameters(ModuleOp module, const Policy &policy);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_DRIVEPARAMETERS_H
