// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many values an operation makes in one call, and at what cost.
#ifndef PREC_ANALYSIS_WORK_H
#define PREC_ANALYSIS_WORK_H

#include "mlir/IR/Operation.h"

namespace mlir::prec {

/// The number of elements of a type: 1 for a scalar; none if a size is dynamic.
std::optional<int64_t> countElements(Type type);

/// The number of carrier values that `op` makes in one call of its function:
/// elements of its results (of its outputs, for linalg on buffers), once for
/// each iteration of the loops and linalg operations around it. None where a
/// size or a trip count is not static.
std::optional<int64_t> countValues(Operation *op);

/// Floating-point operations of one element of an operation that computes
/// scalars or vectors: a carrier value is one, an fma two; selection, sign
/// manipulation and conversion are none. Of narrower floats sums, differences,
/// products and quotients count.
int64_t flopsOfScalar(Operation *op);

/// The number of floating-point operations in one call, its body's included:
/// each scalar arith or math operation as flopsOfScalar counts it. None where a
/// size or a trip count is not static.
std::optional<int64_t> countFlops(Operation *op);

/// The number of multiply-adds in one call, its body's included: a contraction
/// has one for each point of its iteration space, an fma one for each element,
/// all else none. `unknownSize` stands for every size and trip count that is
/// not static; without it the number is none there.
std::optional<int64_t>
countMultiplyAdds(Operation *op,
                  std::optional<int64_t> unknownSize = std::nullopt);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_WORK_H
