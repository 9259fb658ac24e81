// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Deterministic rounding against MPFR: all formats, all modes, both carriers.
#include "prec/Numerics/Round.h"
#include "Inputs.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
template <class T> constexpr int carrierFraction() {
  return std::numeric_limits<T>::digits - 1;
}
template <class T> constexpr int carrierExponent() {
  return sizeof(T) == 4 ? 8 : 11;
}

std::vector<RoundingMode> deterministicModes() {
  std::vector<RoundingMode> modes;
  for (const RoundingMode::Row &row : RoundingMode::table())
    if (!row.isStochastic)
      modes.push_back(row.kind);
  return modes;
}

/// Compares all deterministic modes on all values; at most one failure is
/// reported for each mode.
template <class T>
void compare(const Format &format, const Ieee &ieee,
             const std::vector<T> &values,
             std::vector<BitsOf<T>> runtime = {}) {
  std::vector<std::pair<RoundingMode, Rounder<T>>> rounders;
  for (RoundingMode mode : deterministicModes())
    rounders.emplace_back(mode, Rounder<T>(format, mode, runtime));
  std::vector<bool> failed(rounders.size());
  Neighbours neighbours;
  for (T x : values) {
    bool finite = std::isfinite(x);
    if (finite)
      neighbours.set(x, ieee);
    for (size_t i = 0; i < rounders.size(); ++i) {
      auto &[mode, rounder] = rounders[i];
      double expected =
          finite ? neighbours.rounded(mode.kind) : rounded(x, ieee, mode.kind);
      BitsOf<T> want = bitsOf(static_cast<T>(expected));
      if (std::isnan(expected)) // R-NAN
        want = bitsOf(std::numeric_limits<T>::quiet_NaN());
      BitsOf<T> got = bitsOf(rounder(x));
      if (got != want && !failed[i]) {
        failed[i] = true;
        ADD_FAILURE() << format.str() << " " << mode.str() << " of "
                      << testing::PrintToString(x) << " (bits " << std::hex
                      << bitsOf(x) << "): got " << got << ", expected " << want;
      }
    }
  }
}

template <class T> class Round : public testing::Test {};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(Round, Carriers);
} // namespace

// R-NAN, R-INFINITY, R-ZERO, R-SUBNORMAL, R-OVERFLOW, R-TIES: every eXmY.
TYPED_TEST(Round, EveryExponentAndFraction) {
  using T = TypeParam;
  Words words(1);
  bool wide = sizeof(T) == 8;
  for (int exponent = 2; exponent <= carrierExponent<T>(); ++exponent)
    for (int fraction = 0; fraction <= carrierFraction<T>(); ++fraction) {
      Ieee ieee = Ieee::of(exponent, fraction);
      Format format = Format::ieee(exponent, fraction);
      compare(format, ieee, borders<T>(ieee, words, 400));
      compare(format, ieee, everyBinade<T>(words, 8, wide ? 8 : 1));
    }
}

// R-MANTISSA: mN is the carrier's exponent with N fraction bits.
TYPED_TEST(Round, EveryMantissa) {
  using T = TypeParam;
  Words words(2);
  for (int fraction = 0; fraction <= carrierFraction<T>(); ++fraction) {
    Ieee ieee = Ieee::of(carrierExponent<T>(), fraction);
    compare(Format::mantissa(fraction), ieee, borders<T>(ieee, words, 200));
    compare(Format::mantissa(fraction), ieee, everyBinade<T>(words, 8, 1));
  }
}

// R-WORD: bitsN is e8 with N-9 fraction bits on both carriers.
TYPED_TEST(Round, EveryWord) {
  using T = TypeParam;
  Words words(3);
  for (int fraction = 0; fraction <= carrierFraction<T>(); ++fraction) {
    Ieee ieee = Ieee::of(8, fraction);
    compare(Format::word(fraction + 9), ieee, borders<T>(ieee, words, 200));
    compare(Format::word(fraction + 9), ieee,
            everyBinade<T>(words, 8, sizeof(T) == 8 ? 3 : 1));
  }
}

namespace {
struct Named {
  const char *name;
  Ieee ieee;
};
/// Typed from the formats' definitions (OCP 8-bit and microscaling
/// specifications, and the papers of the fnuz formats), not from our table.
const Named smallFloats[] = {
    {"f8e4m3fn", {3, -6, 8, 1, false, true, true}},
    {"f8e4m3fnuz", {3, -7, 7, 0, false, true, false}},
    {"f8e5m2fnuz", {2, -15, 15, 0, false, true, false}},
    {"f8e4m3b11fnuz", {3, -10, 4, 0, false, true, false}},
    {"f6e2m3fn", {3, 0, 2, 0, false, false, true}},
    {"f6e3m2fn", {2, -2, 4, 0, false, false, true}},
    {"f4e2m1fn", {1, 0, 2, 0, false, false, true}},
};
} // namespace

// R-INFINITY, R-ZERO, R-OVERFLOW in formats without infinities or NaN, and
// saturating.
TYPED_TEST(Round, SmallFloats) {
  using T = TypeParam;
  Words words(6);
  std::vector<Named> all(std::begin(smallFloats), std::end(smallFloats));
  all.push_back({"e5m10", Ieee::of(5, 10)});
  all.push_back({"e8m7", Ieee::of(8, 7)});
  all.push_back({"e4m0", Ieee::of(4, 0)});
  for (auto [name, ieee] : all)
    for (bool saturates : {false, true}) {
      std::string text = name + std::string(saturates ? "-sat" : "");
      ieee.saturates = saturates;
      compare(*Format::parse(text), ieee, borders<T>(ieee, words, 2000));
      compare(*Format::parse(text), ieee, everyBinade<T>(words, 8, 1));
    }
}

// R-FLUSH, R-TIES with an even bias: descriptors that no name spells yet.
TYPED_TEST(Round, Descriptors) {
  using T = TypeParam;
  Words words(7);
  for (int fraction : {0, 3, 10})
    for (int offset : {-2, -1, 1, 2}) {
      Format format = Format::ieee(5, fraction);
      format.biasOffset = offset;
      Ieee ieee = Ieee::of(5, fraction);
      ieee.least -= offset;
      ieee.greatest -= offset;
      std::vector<T> values = borders<T>(ieee, words, 500);
      compare(format, ieee, values);
      Rounder<T> kept(format, RoundingMode::Kind::NearestEven);
      format.subnormals = Format::Subnormals::Flushed;
      Rounder<T> flushed(format, RoundingMode::Kind::NearestEven);
      for (T x : values) {
        T want = kept(x);
        if (std::fabs(want) < std::ldexp(1.0, ieee.least))
          want = std::copysign(T(0), x);
        ASSERT_EQ(bitsOf(flushed(x)), bitsOf(want)) << format.str() << " " << x;
      }
    }
}

// The ends of the range, with infinities and without, and of two's complement.
TYPED_TEST(Round, Outermost) {
  constexpr Carrier carrier =
      sizeof(TypeParam) == 4 ? Carrier::F32 : Carrier::F64;
  for (auto [name, ieee] : smallFloats) {
    EXPECT_EQ(outermost(*Format::parse(name), carrier, false), ieee.largest());
    EXPECT_EQ(outermost(*Format::parse(name), carrier, true), -ieee.largest());
  }
  EXPECT_EQ(outermost(Format::ieee(5, 10), carrier, false), 65504);
  EXPECT_EQ(
      outermost(Format::mantissa(carrierFraction<TypeParam>()), carrier, true),
      double(std::numeric_limits<TypeParam>::lowest()));
  EXPECT_EQ(outermost(Format::integer(8, true), carrier, false), 127);
  EXPECT_EQ(outermost(Format::integer(8, true), carrier, true), -128);
}

// R-FLUSH: of every exponent width, the carrier's own too.
TYPED_TEST(Round, Flushed) {
  using T = TypeParam;
  Words words(8);
  for (int exponent = 2; exponent <= carrierExponent<T>(); ++exponent)
    for (int fraction : {0, 1, 7, carrierFraction<T>()})
      for (bool saturates : {false, true}) {
        Ieee ieee = Ieee::of(exponent, fraction);
        ieee.saturates = saturates;
        Format format = Format::ieee(exponent, fraction);
        format.subnormals = Format::Subnormals::Flushed;
        if (saturates)
          format.overflow = Format::Overflow::Saturate;
        for (RoundingMode mode : deterministicModes()) {
          Rounder<T> rounder(format, mode);
          for (T x : borders<T>(ieee, words, 60)) {
            double want = rounded(double(x), ieee, mode.kind);
            if (std::fabs(want) < std::ldexp(1.0, ieee.least))
              want = std::copysign(0.0, want);
            ASSERT_EQ(bitsOf(rounder(x)), bitsOf(T(want)))
                << format.str() << " " << mode.str() << " of " << x;
          }
        }
      }
}

// R-RUNTIME: run-time widths give the same numbers as written ones, and values
// outside the legal range are clamped.
TYPED_TEST(Round, RuntimeWidths) {
  using T = TypeParam;
  using Bits = BitsOf<T>;
  Words words(4);
  for (int fraction = 0; fraction <= carrierFraction<T>(); ++fraction) {
    Bits Y = fraction;
    Ieee own = Ieee::of(carrierExponent<T>(), fraction);
    compare(Format::mantissa(Format::runtime), own, borders<T>(own, words, 100),
            {Y});
    Ieee word = Ieee::of(8, fraction);
    compare(Format::word(Format::runtime), word, borders<T>(word, words, 100),
            {Bits(Y + 9)});
    for (int exponent = 2; exponent <= carrierExponent<T>(); ++exponent) {
      Ieee ieee = Ieee::of(exponent, fraction);
      Bits X = exponent;
      std::vector<T> values = borders<T>(ieee, words, 100);
      compare(Format::ieee(exponent, Format::runtime), ieee, values, {Y});
      compare(Format::ieee(Format::runtime, fraction), ieee, values, {X});
      compare(Format::ieee(Format::runtime, Format::runtime), ieee, values,
              {X, Y});
    }
  }
  const Bits all = ~Bits(0);
  Ieee full = Ieee::of(carrierExponent<T>(), carrierFraction<T>());
  std::vector<T> values = borders<T>(full, words, 100);
  compare(Format::mantissa(Format::runtime), full, values, {all});
  compare(Format::ieee(Format::runtime, Format::runtime), full, values,
          {all, all});
  Ieee least = Ieee::of(2, 0);
  compare(Format::ieee(Format::runtime, 0), least,
          borders<T>(least, words, 100), {Bits(0)});
  Ieee shortest = Ieee::of(8, 0);
  compare(Format::word(Format::runtime), shortest,
          borders<T>(shortest, words, 100), {Bits(3)});
}

// The oracle itself against MPFR's own rounding to a precision, with its
// exponent range and mpfr_subnormalize, where MPFR has the mode.
TEST(Oracle, AgreesWithMpfr) {
  using Kind = RoundingMode::Kind;
  const std::pair<Kind, mpfr_rnd_t> modes[] = {{Kind::NearestEven, MPFR_RNDN},
                                               {Kind::TowardZero, MPFR_RNDZ},
                                               {Kind::Up, MPFR_RNDU},
                                               {Kind::Down, MPFR_RNDD},
                                               {Kind::Away, MPFR_RNDA}};
  Words words(5);
  const mpfr_exp_t oldMin = mpfr_get_emin(), oldMax = mpfr_get_emax();
  for (int exponent = 2; exponent <= 11; ++exponent)
    for (int fraction = 1; fraction <= 52; fraction += 3) {
      Ieee ieee = Ieee::of(exponent, fraction);
      mpfr_t value;
      mpfr_init2(value, fraction + 1);
      for (double x : borders<double>(ieee, words, 10)) {
        if (!std::isfinite(x))
          continue;
        for (auto [kind, mode] : modes) {
          // MPFR's exponents are those of significands in [1/2, 1).
          mpfr_set_emin(ieee.least - fraction + 1);
          mpfr_set_emax(ieee.greatest + 1);
          int inexact = mpfr_set_d(value, x, mode);
          inexact = mpfr_check_range(value, inexact, mode);
          mpfr_subnormalize(value, inexact, mode);
          mpfr_set_emin(oldMin);
          mpfr_set_emax(oldMax);
          double want = mpfr_get_d(value, MPFR_RNDN);
          ASSERT_EQ(bitsOf(rounded(x, ieee, kind)), bitsOf(want))
              << "e" << exponent << "m" << fraction << " of " << x << ": got "
              << rounded(x, ieee, kind) << ", MPFR " << want << ", mode "
              << int(kind);
        }
      }
      mpfr_clear(value);
    }
}
