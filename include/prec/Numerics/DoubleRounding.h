// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When rounding a carrier's result once more is as good as rounding the exact
// one (docs/numerics.md, R-TWICE).
#ifndef PREC_NUMERICS_DOUBLEROUNDING_H
#define PREC_NUMERICS_DOUBLEROUNDING_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"

namespace mlir::prec {

/// The operations that IEEE 754 defines by their exact result.
enum class ExactOperation : uint8_t {
  Add, ///< and subtract
  Multiply,
  Divide,
  SquareRoot,
  FusedMultiplyAdd
};

/// Does the operation on any numbers of `format`, rounded to nearest-even in
/// `carrier` and then to `format` in `mode`, give its exact result rounded to
/// `format` in `mode`? In stochastic modes: with the probabilities of the exact
/// result. False where that is not known: run-time widths, scales that are no
/// power of two or shared.
bool exactThroughCarrier(
    ExactOperation operation, const Format &format, Carrier carrier,
    RoundingMode::Kind mode = RoundingMode::Kind::NearestEven);

} // namespace mlir::prec

#endif // PREC_NUMERICS_DOUBLEROUNDING_H
