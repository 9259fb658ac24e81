// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Versions of a reduction for certain run-time widths, which constants of the
// same values would have without a question.
#ifndef PREC_LIB_CODEGEN_RUNTIMEVERSIONS_H
#define PREC_LIB_CODEGEN_RUNTIMEVERSIONS_H

#include "RoundedReduction.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

// Each makes a version before what `reduction` then is: the rest. The rewriter
// stands before that.

/// Of one that mayBeHalf: where the widths are those of half numbers.
void versionHalf(RewriterBase &rewriter, RoundedReduction &reduction);

/// Of one that mayBeWide: where exponents are f32's and there is room for a
/// NaN's mark. Gives the version, whose roundings know the exponents' width.
linalg::GenericOp versionWide(RewriterBase &rewriter,
                              RoundedReduction &reduction);

/// Of one that mayBeRegular: where the formula need not do what regular widths
/// never ask for.
void versionRegular(RewriterBase &rewriter, RoundedReduction &reduction);

/// Where the shifter's exact form rounds what it does for constant widths.
/// Gives whether there is such a rounding.
bool versionExactShifter(RewriterBase &rewriter, RoundedReduction &reduction);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_RUNTIMEVERSIONS_H
