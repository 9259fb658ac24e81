// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What roundings lose, kept from one training step to the next.
#ifndef PREC_TRANSFORMS_FEEDBACK_H
#define PREC_TRANSFORMS_FEEDBACK_H

#include "prec/IR/PrecDialect.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// A rounding whose rule has feedback, and where that rule came from. Its
/// operand is an arith.addf whose second operand is the residual's place.
struct FeedbackRound {
  RoundOp round;
  StringRef origin;
};

/// Error feedback (Seide et al. 2014, "1-bit stochastic gradient descent"):
/// each of the roundings gets a state of @step, its residual e, which starts at
/// zeros. Where it rounded g it rounds s = g + e, and the next residual is
/// s - round(s), all in the carrier:
///
///   @step(parameters..., state..., prec.feedback.SITE..., x, labels, rate)
///   -> (parameters..., state..., prec.feedback.SITE..., loss)
///
/// SITE is the site's number, with `.1`, `.2` behind it for further roundings
/// of one site. A rounding outside of @step, inside a body or a loop, or of
/// unknown size is refused where it stands.
LogicalResult addFeedback(ModuleOp module, ArrayRef<FeedbackRound> rounds);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_FEEDBACK_H
