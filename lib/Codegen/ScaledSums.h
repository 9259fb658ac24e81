// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of a contraction multiplied by a power of two, so that the carrier
// overflows where the format does.
#ifndef PREC_LIB_CODEGEN_SCALEDSUMS_H
#define PREC_LIB_CODEGEN_SCALEDSUMS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

struct RoundFacts;

/// A format's largest number.
float largestOf(const RoundFacts &facts);

/// Changes the body of a contraction from +0 whose sums have maskedSumForm, if
/// these are to be multiplied, and returns its result as if they were not.
Value scaleSums(OpBuilder &builder, linalg::GenericOp op);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_SCALEDSUMS_H
