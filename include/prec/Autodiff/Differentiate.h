// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reverse-mode differentiation as functions, for passes that build on it.
#ifndef PREC_AUTODIFF_DIFFERENTIATE_H
#define PREC_AUTODIFF_DIFFERENTIATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::prec {

/// Builds the gradients of `result`, a float or a tensor of one, with respect
/// to `wrt` at the builder's place, which must come after all operations that
/// `result` depends on, in the same block. A value that `result` does not
/// depend on gets zeros. No gradient goes through the values in `stopped`: for
/// those of which the result is known not to depend, as a softmax on the
/// maximum that it subtracts.
///
/// scf.for operations of the block may be replaced by ones that store what
/// the backward loops read. Failure: a located error was emitted.
FailureOr<SmallVector<Value>> buildGradients(OpBuilder &builder, Value result,
                                             ValueRange wrt,
                                             ValueRange stopped = {});

/// Makes one block of elementary operations of a function: its calls inlined,
/// its composite operations decomposed. A function that takes several blocks
/// is a located error.
LogicalResult flatten(func::FuncOp function);

/// Gives the operations of a function that have none the phase `forward`.
void markForward(func::FuncOp function);

/// Removes operations without effects whose results nobody uses.
void eraseDead(func::FuncOp function);

/// Makes @F_grad beside a function; `wrt` are argument numbers.
FailureOr<func::FuncOp> makeGradientFunction(func::FuncOp function,
                                             ArrayRef<int64_t> wrt);

} // namespace mlir::prec

#endif // PREC_AUTODIFF_DIFFERENTIATE_H
