// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One walk over the elements of tensors, for what is counted beside a program.
#ifndef PREC_LIB_TRANSFORMS_ELEMENTSUMS_H
#define PREC_LIB_TRANSFORMS_ELEMENTSUMS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::prec {

/// The next values of sums, from one element of each tensor and the sums.
using NextSums = function_ref<SmallVector<Value>(
    ImplicitLocOpBuilder &, ValueRange elements, ValueRange sums)>;

/// Goes over `values`, tensors of one shape or scalars, from the sums
/// `initial`, which are scalars; returns the last ones. What `next` reads
/// besides must be there before.
SmallVector<Value> sumElements(ImplicitLocOpBuilder &b, ValueRange values,
                               ValueRange initial, NextSums next);

/// How many elements a tensor or scalar has, as i64.
Value countElements(ImplicitLocOpBuilder &b, Value value);

} // namespace mlir::prec

#endif // PREC_LIB_TRANSFORMS_ELEMENTSUMS_H
