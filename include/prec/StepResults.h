// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The names of what a training step measures, which the pass that adds it and
// the trainer that reads it share.
//
// Behind the loss @step may have results with these names, the scope after the
// slash; "(none)" stands for no scope:
//
//   gradient_squares/SCOPE   f64: the sum of the squares of the gradients of
//                            the weights that are updated there
//   rounding/SCOPE           tensor<4xi64>: elements rounded there, and of them
//                            overflows, underflows to zero, saturations;
//                            tensor<3xi64>: the last is not known
#ifndef PREC_STEPRESULTS_H
#define PREC_STEPRESULTS_H

#include "llvm/ADT/StringRef.h"

namespace mlir::prec {

inline constexpr llvm::StringLiteral gradientSquares = "gradient_squares/";
inline constexpr llvm::StringLiteral roundingCounts = "rounding/";

} // namespace mlir::prec

#endif // PREC_STEPRESULTS_H
