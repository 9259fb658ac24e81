// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What rounding must give, by MPFR and from the definition: the value divided
// by the quantum, floor and ceiling. Shares no text and no bit trick with the
// algorithm under test.
#ifndef PREC_TEST_NUMERICS_ORACLE_H
#define PREC_TEST_NUMERICS_ORACLE_H

#include "prec/Numerics/RoundingMode.h"

#include <bit>
#include <cmath>
#include <limits>
#include <mpfr.h>

namespace mlir::prec::oracle {

/// A binary format: `fraction` explicit bits, least and greatest exponent of
/// normal numbers, codes missing at the top, and what it has beside numbers.
struct Ieee {
  int fraction, least, greatest;
  int missing = 0;
  bool infinities = true, nans = true, negativeZero = true, saturates = false;

  static Ieee of(int exponentBits, int fraction) {
    int bias = (1 << (exponentBits - 1)) - 1;
    return {fraction, 1 - bias, bias};
  }
  double largest() const {
    return std::ldexp(2.0 - (1 + missing) * std::ldexp(1.0, -fraction),
                      greatest);
  }
  /// What infinity becomes.
  double infinity() const {
    if (saturates || (!infinities && !nans))
      return largest();
    return infinities ? std::numeric_limits<double>::infinity()
                      : std::numeric_limits<double>::quiet_NaN();
  }
  double quantum() const { return std::ldexp(1.0, least - fraction); }
};

class Number {
public:
  Number() { mpfr_init2(value, 128); }
  ~Number() { mpfr_clear(value); }
  Number(const Number &) = delete;
  Number &operator=(const Number &) = delete;
  operator mpfr_ptr() { return value; }

private:
  mpfr_t value;
};

/// The two neighbours of one finite value and its exact place between them.
/// All MPFR operations are exact (128 bits hold every significand here), but
/// for the one in wordsAway.
class Neighbours {
public:
  Neighbours() = default;
  Neighbours(double x, const Ieee &format) { set(x, format); }

  void set(double x, const Ieee &newFormat) {
    format = newFormat;
    isNegative = std::signbit(x);
    isExact = true;
    isZero = x == 0;
    if (isZero)
      return;
    mpfr_set_d(scaled, std::fabs(x), MPFR_RNDN);
    exponent = static_cast<int>(mpfr_get_exp(scaled)) - 1;
    if (exponent < format.least)
      exponent = format.least;
    mpfr_div_2si(scaled, scaled, exponent - format.fraction, MPFR_RNDN);
    mpfr_floor(below, scaled);
    isExact = mpfr_equal_p(scaled, below);
    mpfr_sub(place, scaled, below, MPFR_RNDN);
    half = mpfr_cmp_d(place, 0.5);
  }

  /// floor(place * 2^bits + 1/2): how many of 2^bits random words round away.
  double wordsAway(unsigned bits) {
    if (isExact)
      return 0;
    mpfr_mul_2ui(count, place, bits, MPFR_RNDN);
    mpfr_add_d(count, count, 0.5, MPFR_RNDD); // keeps the floor
    mpfr_floor(count, count);
    return mpfr_get_d(count, MPFR_RNDN);
  }

  /// The magnitude of the neighbour toward zero or away from it, with the
  /// exponent unbounded upwards.
  double magnitude(bool away) {
    if (isZero)
      return 0;
    mpfr_add_ui(result, below, away && !isExact, MPFR_RNDN);
    mpfr_mul_2si(result, result, exponent - format.fraction, MPFR_RNDN);
    return mpfr_get_d(result, MPFR_RNDN);
  }

  /// Is the code of the neighbour toward zero odd? Codes count the numbers
  /// from zero: 2^fraction for each exponent.
  bool isBelowOdd() {
    mpfr_div_2ui(result, below, 1, MPFR_RNDN);
    if (format.fraction > 0)
      return !mpfr_integer_p(result);
    // Without a fraction each exponent is one code.
    if (mpfr_zero_p(below))
      return false;
    return (exponent - format.least + 1) & 1;
  }

  bool goesAway(RoundingMode::Kind kind) {
    using Kind = RoundingMode::Kind;
    if (isExact)
      return false;
    switch (kind) {
    case Kind::TowardZero:
      return false;
    case Kind::Away:
      return true;
    case Kind::Up:
      return !isNegative;
    case Kind::Down:
      return isNegative;
    case Kind::NearestEven:
      return half > 0 || (half == 0 && isBelowOdd());
    case Kind::NearestAway:
      return half >= 0;
    case Kind::NearestToZero:
      return half > 0;
    case Kind::ToOdd:
      return !isBelowOdd();
    default:
      return false;
    }
  }

  /// The result with sign and overflow.
  double finish(bool away, RoundingMode::Kind kind) {
    using Kind = RoundingMode::Kind;
    double rounded = magnitude(away);
    if (rounded > format.largest()) {
      bool toLargest = kind == Kind::TowardZero || kind == Kind::ToOdd ||
                       (kind == Kind::Up && isNegative) ||
                       (kind == Kind::Down && !isNegative);
      rounded = toLargest ? format.largest() : format.infinity();
    }
    if (rounded == 0 && !format.negativeZero)
      return 0;
    return isNegative && !std::isnan(rounded) ? -rounded : rounded;
  }

  double rounded(RoundingMode::Kind kind) {
    return finish(goesAway(kind), kind);
  }

  bool isExact = true, isNegative = false;

private:
  Ieee format = {};
  bool isZero = true;
  Number scaled, below, place, count, result;
  int exponent = 0;
  int half = -1;
};

/// Deterministic rounding of any value; NaN is the positive quiet NaN.
inline double rounded(double x, const Ieee &format, RoundingMode::Kind kind) {
  const double quiet = std::bit_cast<double>(uint64_t(0x7ff8000000000000));
  if (std::isnan(x))
    return format.nans ? quiet : 0;
  if (std::isinf(x)) {
    double becomes = format.infinity();
    if (kind == RoundingMode::Kind::TowardZero && !format.infinities)
      becomes = format.largest();
    return std::isnan(becomes) ? quiet : std::copysign(becomes, x);
  }
  return Neighbours(x, format).rounded(kind);
}

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_ORACLE_H
