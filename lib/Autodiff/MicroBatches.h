// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A batch in parts: gradients are summed over them before the update.
#ifndef PREC_LIB_AUTODIFF_MICROBATCHES_H
#define PREC_LIB_AUTODIFF_MICROBATCHES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace mlir::prec {

/// What forward and backward make of a batch.
struct BatchResults {
  Value loss;
  SmallVector<Value> states; ///< the next ones, as many as it was given
  SmallVector<Value> gradients;
};

/// The scope in which a value is first used, rounded or not.
StringAttr scopeOfFirstUse(Value value);

/// The type of a batch that has `count` times as many samples.
RankedTensorType repeatBatch(RankedTensorType type, int64_t count);

/// Random words of a part go on from those of the parts before. Positions count
/// the iterations of an operation: those of part `part` begin behind the
/// others', so that each sample has the words that it has in the whole batch if
/// samples are outermost. Keys of tensors are joined with the part's number.
/// Words that follow from values stay.
LogicalResult continueRandomWords(func::FuncOp function, Value part);

/// Calls `micro(weights, states, batches, others, number) -> (loss, next
/// states, gradients)` for `count` parts of the batches, inputs and labels, one
/// after the other:
/// states go from one to the next, loss and gradients are summed and then
/// divided by `count`. Samples that are left over are not used.
BatchResults overMicroBatches(OpBuilder &b, func::FuncOp micro, int64_t count,
                              ValueRange weights, ValueRange states,
                              ValueRange batches, ValueRange others);

/// Inlines the calls of that loop. What is the same for all parts goes before
/// the loop: run-time numbers, keys, roundings of arguments.
LogicalResult inlineMicroBatches(func::FuncOp step);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_MICROBATCHES_H
