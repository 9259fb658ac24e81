// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The range of a tensor's magnitudes, measured when the code runs.
#ifndef PREC_CODEGEN_OPERANDRANGE_H
#define PREC_CODEGEN_OPERANDRANGE_H

#include "mlir/IR/Builders.h"

namespace mlir::prec {

/// Biased exponents (i32) of an f32 tensor's elements: none is above `largest`
/// (255 if there is an infinity or a NaN), none but zeros below `least` (0 if
/// there is a subnormal, 511 if all are zero). No element's magnitude is above
/// `magnitude` (f32); NaNs are above infinities.
struct ExponentRange {
  Value largest, least, magnitude;
};

/// Emits one pass over `tensor`, of static rank at least 1.
ExponentRange buildExponentRange(OpBuilder &builder, Location loc,
                                 Value tensor);

} // namespace mlir::prec

#endif // PREC_CODEGEN_OPERANDRANGE_H
