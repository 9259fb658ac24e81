// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many numbers the roundings of a step lose to the ends of a format.
#ifndef PREC_LIB_TRANSFORMS_STEPROUNDINGS_H
#define PREC_LIB_TRANSFORMS_STEPROUNDINGS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::prec {

/// For each scope four sums as i64: elements that are rounded; finite ones that
/// become infinite or NaN; numbers other than zero that become zero; finite
/// ones that become the format's largest of their sign and smaller. The last
/// sum is absent where a format of the scope shares scales.
using CountsByScope = llvm::MapVector<StringRef, SmallVector<Value>>;

/// Counts the roundings of tensors and scalars at the level of a function's
/// block and of scf.for in it, which then carry the counts. `numLeft` becomes
/// the number of roundings inside of other operations, and of vectors.
FailureOr<CountsByScope> countRoundings(func::FuncOp function,
                                        int64_t &numLeft);

} // namespace mlir::prec

#endif // PREC_LIB_TRANSFORMS_STEPROUNDINGS_H
