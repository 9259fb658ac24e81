// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training step is made from.
#ifndef PREC_LIB_AUTODIFF_FORWARDFUNCTION_H
#define PREC_LIB_AUTODIFF_FORWARDFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::prec {

/// The arguments of @forward by role, and what it returns.
struct ForwardFunction {
  func::FuncOp function;
  SmallVector<unsigned> weights, states, inputs;

  /// Errors: a body of several blocks, arguments or results that are not those
  /// of a forward function; logits of fewer than `leastRank` dimensions.
  LogicalResult read(func::FuncOp f, int64_t leastRank);
  /// Makes the classes the last dimension of the logits, which they are not,
  /// here and in `predict`, which may be null. Errors: the logits have no such
  /// dimension behind the batch.
  LogicalResult moveClassesLast(int64_t axis, func::FuncOp predict);
  Type typeOf(unsigned i) { return function.getArgumentTypes()[i]; }
  RankedTensorType logits() {
    return cast<RankedTensorType>(function.getResultTypes()[0]);
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_FORWARDFUNCTION_H
