// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions whose products and sums are rounded by MaskedShifter: under
// which condition, and what is multiplied by powers of two.
#ifndef PREC_LIB_CODEGEN_MASKEDREDUCTION_H
#define PREC_LIB_CODEGEN_MASKEDREDUCTION_H

#include "RoundedReduction.h"

namespace mlir::prec {

/// Multiplies in the body of a contraction from +0 in a masked form what the
/// form wants to be multiplied, long products by their second factor, and
/// returns its result as if nothing were.
Value scaleBody(OpBuilder &builder, linalg::GenericOp op);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_MASKEDREDUCTION_H
