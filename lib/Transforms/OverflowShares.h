// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The share of the rounded numbers that a fixed point format is too small for.
#ifndef PREC_LIB_TRANSFORMS_OVERFLOWSHARES_H
#define PREC_LIB_TRANSFORMS_OVERFLOWSHARES_H

#include "prec/IR/PrecDialect.h"

namespace mlir::prec {

/// Of all elements that `rounds` round, the share of magnitudes that reach the
/// number behind the largest, were there one (2^(IL-1) for IL integer bits, 128
/// times the scale of an int8), and of those that reach half of it; f32.
struct OverflowShares {
  Value whole, half;
};

/// Counts before `builder`'s point what the roundings of a function, each of a
/// tensor or a scalar outside of bodies and loops, were given; others are
/// refused where they stand. `number` is an i32, the integer bits or the
/// exponent of the scale, or an f32, the scale.
FailureOr<OverflowShares> countOverflows(OpBuilder &builder, Location loc,
                                         ArrayRef<RoundOp> rounds,
                                         Value number);

} // namespace mlir::prec

#endif // PREC_LIB_TRANSFORMS_OVERFLOWSHARES_H
