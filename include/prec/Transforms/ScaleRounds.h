// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Roundings in units of a scale that follows the largest magnitude.
#ifndef PREC_TRANSFORMS_SCALEROUNDS_H
#define PREC_TRANSFORMS_SCALEROUNDS_H

#include "prec/IR/PrecDialect.h"
#include "prec/Policy/AmaxScale.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// A rounding whose rule has a scale, and where that rule came from.
struct ScaledRound {
  RoundOp round;
  StringRef origin;
  AmaxScale scale;
  /// If the number of steps is known at run time, that; `scale` then has the
  /// most there may be.
  Value steps;
};

/// Each of the roundings q = round(x) becomes q = round(x * s) / s with a power
/// of two s, so that both operations are exact in the carrier unless they
/// overflow or underflow it. For amax, the largest magnitude of x, and the
/// format's largest number L
///
///   s(amax) = 2^k, k the greatest integer with max(amax, m) * 2^k <= L and
///             |k| <= 126 (f64: 1022), m the carrier's least normal number
///
/// Where amax is zero, infinite or NaN, or where its history holds nothing
/// else, s stays as it was, at first 1. With `amax<N>` a rounding in @step has
/// two states, the last N values of amax (0 for those that are not finite),
/// latest first, and s, which follows the largest of them, or of the first ones
/// ("delayed scaling" of Micikevicius et al. 2022, "FP8 formats for deep
/// learning"; there s is no power of two):
///
///   @step(parameters..., state..., prec.amax.SITE, prec.scale.SITE..., x,
///   labels, rate) -> (parameters..., state..., prec.amax.SITE,
///   prec.scale.SITE..., loss)
///
/// SITE is the site's number, with `.1`, `.2` behind it for further roundings
/// of one site. Constants, and roundings in other functions, have the scale of
/// their own value. A rounding of `amax<N>` in a body or loop of @step is
/// refused where it stands.
LogicalResult scaleRounds(ModuleOp module, ArrayRef<ScaledRound> rounds);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_SCALEROUNDS_H
