// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// R-TWICE: where exactThroughCarrier says so, rounding the carrier's result
// gives MPFR's one rounding of the exact result; where it does not, a
// counter-example exists. Operands are made so that results lie near borders.
#include "prec/Numerics/DoubleRounding.h"
#include "Inputs.h"
#include "Operations.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
/// MPFR's operation in the format's own precision and range.
class Direct {
public:
  explicit Direct(Ieee format)
      : format(format), operationOf(format.fraction + 1) {}

  template <class T>
  double operator()(Operation operation, Operands<T> x, mpfr_rnd_t mode) {
    operationOf.setOperands(x);
    // MPFR's significands are below 1.
    mpfr_exp_t least = mpfr_get_emin(), greatest = mpfr_get_emax();
    mpfr_set_emin(format.least - format.fraction + 1);
    mpfr_set_emax(format.greatest + 1);
    int inexact = operationOf.apply(operation, mode);
    mpfr_subnormalize(operationOf.result, inexact, mode);
    mpfr_set_emin(least);
    mpfr_set_emax(greatest);
    return mpfr_get_d(operationOf.result, MPFR_RNDN);
  }

private:
  Ieee format;
  MpfrOperation operationOf;
};

/// Numbers of the format, at random and so that a result lies near a border: a
/// number of one bit more.
template <class T> class Source {
public:
  Source(Ieee format, const Format &own, Words &words)
      : format(format), words(words), nearest(own, RoundingMode()) {}

  Operands<T> operator()(Operation operation) {
    const int p = format.fraction + 1;
    T a = number(), b = number(), c = number();
    const T border = T(1) + std::ldexp(T(words() >> (64 - p + 1)) * 2 + 1, -p);
    switch (words() % 4) {
    case 0:
      return {a, b, c};
    case 1: // around the middle of the range, small against each other
      a = significand();
      b = std::ldexp(significand(), -int(words() % unsigned(2 * p + 3)));
      c = std::ldexp(significand(), -int(words() % unsigned(3 * p + 3)));
      return {a, nearest(words() & 1 ? b : -b), nearest(words() & 1 ? c : -c)};
    case 2: // the least numbers
      a = scaled(format.least - int(words() % unsigned(p)));
      b = operation == Operation::Divide ? b : scaled(-int(words() % 4));
      return {a, b, c};
    default:
      break;
    }
    a = significand();
    switch (operation) {
    case Operation::Add: { // a border of a's binade, and a little
      b = std::ldexp(T(1) + std::ldexp(T(1), -p + 1), -p - int(words() & 1));
      return {nearest(a), nearest(words() & 1 ? b : -b), c};
    }
    case Operation::Multiply:
      return product(p);
    case Operation::FusedMultiplyAdd: // a border, and a little
      a = T(1.5);
      b = T(1) + std::ldexp(T((words() >> (64 - p + 1)) / 3 | 1), -p + 1);
      c = std::ldexp(significand(), -int(words() % 60));
      return {a, nearest(b), nearest(words() & 1 ? c : -c)};
    case Operation::Divide: {
      Operands<T> factors = product(p);
      return {nearest(factors.a * factors.b), nearest(factors.a), c};
    }
    case Operation::SquareRoot:
      if (words() & 1) // near 1 the squares' last bits are few
        b = T(1) + std::ldexp(T(words() % 8), -p);
      else
        b = border;
      return {nearest(b * b), b, c};
    }
    return {a, b, c};
  }

private:
  /// a b with the low p bits, of 2p, those of a border or a little beside.
  Operands<T> product(int p) {
    const uint64_t mask = (uint64_t(1) << p) - 1;
    uint64_t a = (words() & mask) | 1 | uint64_t(1) << (p - 1), inverse = a;
    for (int i = 0; i < 5; ++i)
      inverse *= 2 - a * inverse;
    uint64_t target = (words() & 1) << (p - 1);
    target += words() % 7 - 3;
    uint64_t b = target * inverse & mask;
    return {std::ldexp(T(a), 1 - p), std::ldexp(T(b), 1 - p), T(1)};
  }

  /// In [1, 2), often with few bits set or few missing.
  T significand() {
    const int p = format.fraction + 1;
    uint64_t bits = p > 1 ? words() >> (64 - p + 1) : 0, last = 1;
    if (words() % 4 == 0)
      bits = words() & 1 ? last : 0;
    if (words() % 8 == 0)
      bits = (uint64_t(1) << (p - 1)) - 1;
    return T(1) + std::ldexp(T(bits), -p + 1);
  }
  T scaled(int exponent) {
    T x = nearest(std::ldexp(significand(), exponent));
    return words() & 1 ? x : -x;
  }
  T number() {
    int range = format.greatest - format.least + format.fraction + 1;
    return scaled(format.greatest - int(words() % unsigned(range)));
  }

  Ieee format;
  Words &words;
  Rounder<T> nearest;
};

struct Mode {
  RoundingMode::Kind kind;
  mpfr_rnd_t mpfr;
};
constexpr Mode modes[] = {{RoundingMode::Kind::NearestEven, MPFR_RNDN},
                          {RoundingMode::Kind::TowardZero, MPFR_RNDZ},
                          {RoundingMode::Kind::Up, MPFR_RNDU},
                          {RoundingMode::Kind::Down, MPFR_RNDD},
                          {RoundingMode::Kind::Away, MPFR_RNDA}};

/// Does one of `count` results differ from MPFR's?
template <class T>
bool misses(Operation operation, Ieee ieee, const Format &format, Mode mode,
            unsigned count) {
  Words words(unsigned(format.fractionBits) * 8 + unsigned(operation));
  Source<T> source(ieee, format, words);
  Direct direct(ieee);
  Rounder<T> round(format, mode.kind);
  for (unsigned i = 0; i < count; ++i) {
    Operands<T> x = source(operation);
    double want = direct(operation, x, mode.mpfr);
    double got = round(inCarrier(operation, x));
    if (std::isnan(want) ? !std::isnan(got) : got != want)
      return true;
  }
  return false;
}

/// Where the predicate is only careful: a fused multiply-add of a format with
/// few exponents, what lies just above or below subnormal borders of the
/// carrier, square roots above a number.
bool mayBeCareful(Operation operation, const Format &format, Carrier carrier,
                  RoundingMode::Kind mode) {
  const int q = int(layoutOf(carrier).fractionBits) + 1;
  const int p = format.fractionBits + 1;
  switch (operation) {
  case Operation::FusedMultiplyAdd:
    return format.exponentBits < 8 || p < 10;
  case Operation::Multiply:
    return q >= 2 * p && p < 11;
  case Operation::SquareRoot:
    return mode == RoundingMode::Kind::Up || mode == RoundingMode::Kind::Away;
  default:
    return false;
  }
}

template <class T> void compare(int exponentBits, int fraction) {
  constexpr Carrier carrier = sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
  Format format = Format::ieee(exponentBits, fraction);
  Ieee ieee = Ieee::of(exponentBits, fraction);
  for (Operation operation : operations)
    for (Mode mode : modes) {
      bool isExact = exactThroughCarrier(operation, format, carrier, mode.kind);
      bool isMissed =
          misses<T>(operation, ieee, format, mode, isExact ? 5000 : 400000);
      if (!isExact && !isMissed &&
          mayBeCareful(operation, format, carrier, mode.kind))
        continue;
      EXPECT_NE(isMissed, isExact)
          << format.str() << " in " << nameOf(carrier) << ", operation "
          << int(operation) << ", " << RoundingMode(mode.kind).str();
    }
}
} // namespace

class DoubleRounding : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(All, DoubleRounding,
                         testing::Values(1, 2, 3, 7, 9, 10, 11, 12, 13, 15, 18,
                                         21, 22));

TEST_P(DoubleRounding, F32) {
  for (int exponentBits : {4, 5, 6, 7, 8})
    compare<float>(exponentBits, GetParam());
}
TEST_P(DoubleRounding, F64) {
  for (int exponentBits : {5, 8})
    compare<double>(exponentBits, GetParam());
}
// The carrier itself: its own rounding is the only one, to nearest-even.
TEST(DoubleRounding, Identity) {
  compare<float>(8, 23);
  compare<double>(11, 52);
}
// Beyond f32: 25 significant bits are the most for which all four are exact.
TEST(DoubleRounding, F64Wide) {
  for (int fraction : {23, 24, 25, 26, 30})
    compare<double>(8, fraction);
}
