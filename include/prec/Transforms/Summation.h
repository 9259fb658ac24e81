// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes an order of summation into a linalg.generic.
#ifndef PREC_TRANSFORMS_SUMMATION_H
#define PREC_TRANSFORMS_SUMMATION_H

#include "prec/Analysis/Sites.h"
#include "prec/Policy/Summation.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// How one operation takes its sum.
struct SumSpec {
  /// Unset: as it is without a rule.
  std::optional<Summation> sum;
  std::optional<bool> fused;
  /// Of the order's `?`, in the order of the text.
  SmallVector<Value> numbers;
};

/// Does the operation take one sum, `acc = acc + g(inputs)`, over its reduction
/// dimensions? Then the addition in its body, else null.
Operation *matchSum(linalg::LinalgOp op);

/// Rewrites a sum (matchSum) so that its order stands in its body, where no
/// pass changes it (docs/numerics.md, O-*). To be called after the roundings
/// of the body were inserted; every addition is rounded as the body's was.
///
///   sequential   nothing, an fma, or a rounding to the carrier's own format,
///                which keeps multiply and add apart or elements ascending
///   blocked<N>   accumulators (total, block)
///   kahan        accumulators (sum, compensation)
///   pairwise     an accumulator for each level of the tree
///
/// What several accumulators hold at the end an elementwise operation joins.
/// Located errors: buffers instead of tensors, stochastic rounding of an
/// accumulator that an order adds to more than once for an element, a fused
/// product that is rounded.
LogicalResult applySummation(RewriterBase &rewriter, linalg::GenericOp op,
                             const SumSpec &spec, const SiteTable &sites);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_SUMMATION_H
