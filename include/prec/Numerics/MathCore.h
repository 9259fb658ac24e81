// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Building blocks of the math functions: branch-free, table-free f64 steps over
// the abstract word, so that they vectorise and give the same bits everywhere.
#ifndef PREC_NUMERICS_MATHCORE_H
#define PREC_NUMERICS_MATHCORE_H

#include "prec/Numerics/Word.h"

#include <initializer_list>
#include <limits>

namespace mlir::prec {

/// Short names for operations, and small steps made of them.
template <MathOps Ops> struct MathCore {
  using Word = typename Ops::Word;
  using Bit = typename Ops::Bit;
  using Double = typename Ops::Double;

  explicit MathCore(Ops &ops) : ops(ops) {}
  Ops &ops;

  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr double quietNaN = std::numeric_limits<double>::quiet_NaN();
  static constexpr uint64_t signBit = uint64_t(1) << 63;

  Word c(uint64_t value) { return ops.constant(value); }
  Double r(double value) { return ops.real(value); }
  Double add(Double a, Double b) { return ops.fadd(a, b); }
  Double sub(Double a, Double b) { return ops.fsub(a, b); }
  Double mul(Double a, Double b) { return ops.fmul(a, b); }
  Double div(Double a, Double b) { return ops.fdiv(a, b); }
  Double fma(Double a, Double b, Double c) { return ops.fma(a, b, c); }
  Bit less(Double a, Double b) { return ops.fless(a, b); }
  Double select(Bit bit, Double a, Double b) { return ops.fselect(bit, a, b); }

  Double absolute(Double x) {
    return ops.toDouble(ops.bitAnd(ops.toWord(x), c(signBit - 1)));
  }
  Double negate(Double x) {
    return ops.toDouble(ops.bitXor(ops.toWord(x), c(signBit)));
  }
  /// The sign bit of x as a word, for `withSign`.
  Word signOf(Double x) { return ops.bitAnd(ops.toWord(x), c(signBit)); }
  /// Flips the sign of `magnitude` where `sign` has the sign bit.
  Double withSign(Double magnitude, Word sign) {
    return ops.toDouble(ops.bitXor(ops.toWord(magnitude), sign));
  }

  /// x limited to [low, high]; a NaN stays.
  Double clamp(Double x, double low, double high) {
    return atMost(select(less(x, r(low)), r(low), x), high);
  }
  Double atMost(Double x, double high) {
    return select(less(r(high), x), r(high), x);
  }

  /// c0 + x (c1 + x (c2 + ...)), one fma a step.
  Double horner(Double x, std::initializer_list<double> coefficients) {
    const double *at = coefficients.end();
    Double sum = r(*--at);
    while (at != coefficients.begin())
      sum = fma(sum, x, r(*--at));
    return sum;
  }

  /// The nearest whole number of |x| < 2^51, as a number and as a word (two's
  /// complement in the low bits).
  struct Whole {
    Double number;
    Word word;
  };
  Whole nearestWhole(Double x) {
    Double shifter = r(0x1.8p52);
    Double shifted = add(x, shifter);
    return {sub(shifted, shifter), ops.toWord(shifted)};
  }

  /// x * 2^k for x and the result normal, k a word in two's complement.
  Double scale(Double x, Word k) {
    return ops.toDouble(ops.add(ops.toWord(x), ops.shl(k, c(52))));
  }

  /// The number of a word below 2^52.
  Double fromWord(Word word) {
    return sub(ops.toDouble(ops.bitOr(word, c(0x4330000000000000))), r(0x1p52));
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHCORE_H
