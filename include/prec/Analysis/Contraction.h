// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which linalg operations are contractions, and what their bodies' operations
// are.
#ifndef PREC_ANALYSIS_CONTRACTION_H
#define PREC_ANALYSIS_CONTRACTION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// A body `acc + a * b` over a reduction: matrix products and convolutions.
struct Contraction {
  Operation *multiply; ///< arith.mulf of two different inputs, each unmodified
  Operation *add;      ///< arith.addf of the accumulator and the product
  unsigned a, b;       ///< which inputs, in the order of the product's operands
};

/// Matches a linalg operation, named or generic, whose body is exactly
/// `yield add(acc, mul(a, b))` (add and mul commute) and that has a reduction
/// dimension. Roundings between the operations are looked through when
/// `throughRounds` is set, and so are extensions of inputs to a wider float
/// when `throughExtensions` is.
std::optional<Contraction> matchContraction(linalg::LinalgOp op,
                                            bool throughRounds = false,
                                            bool throughExtensions = false);

/// The operation of the body that combines accumulator `output` with
/// something: `c` in `acc = c(acc, g)`; null if the body has another form or
/// the operation no reduction dimension.
Operation *matchCombiner(linalg::LinalgOp op, unsigned output,
                         bool throughRounds = false);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_CONTRACTION_H
