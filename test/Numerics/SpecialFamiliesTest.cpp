// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps that are no powers of two, wrapping, signs, bare exponents, floats
// without subnormals; and what stochastic modes do in all of them.
#include "Inputs.h"
#include "Table.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using Kind = RoundingMode::Kind;

namespace {
const Kind deterministic[] = {
    Kind::TowardZero, Kind::NearestEven, Kind::NearestAway, Kind::NearestToZero,
    Kind::Up,         Kind::Down,        Kind::Away,        Kind::ToOdd};

template <class T> class SpecialFamilies : public testing::Test {
protected:
  static constexpr Carrier carrier =
      sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
  static T canonical(T x) {
    return std::isnan(x) ? std::numeric_limits<T>::quiet_NaN() : x;
  }

  template <class Want>
  static void compare(const char *name, Kind kind, const std::vector<T> &values,
                      Want want) {
    Rounder<T> rounder(*Format::parse(name), kind);
    unsigned failures = 0;
    for (T x : values)
      if (bitsOf(rounder(x)) != bitsOf(canonical(want(x))) && ++failures <= 5)
        ADD_FAILURE() << name << " " << RoundingMode(kind).str() << " of "
                      << std::hexfloat << x << ": got " << rounder(x)
                      << ", expected " << want(x);
  }

  /// How many of all random words of r bits give the neighbour `above`.
  static unsigned count(const Format &format, unsigned r, T x, T above) {
    Rounder<T> rounder(format, {Kind::Stochastic, r});
    unsigned found = 0;
    for (uint32_t word = 0; word < (1u << r); ++word)
      found += rounder(x, word << (16 - r)) == above;
    return found;
  }
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(SpecialFamilies, Carriers);
} // namespace

// R-SCALE: the numbers are the carrier's products; between them the exact
// middle decides.
TYPED_TEST(SpecialFamilies, Scaled) {
  using T = TypeParam;
  struct Case {
    const char *name;
    int64_t low, high;
    double scale;
  };
  const Case cases[] = {{"int8<0.1>", -128, 127, 0.1},
                        {"int8<0.1>-sym", -127, 127, 0.1},
                        {"uint8<0.007,128>", -128, 127, 0.007},
                        {"int4<3>", -8, 7, 3},
                        {"uint4<1e-20>", 0, 15, 1e-20},
                        {"int12<0.3333333333>", -2048, 2047, 0.3333333333},
                        {"int16<0.7>", -32768, 32767, 0.7}};
  for (const Case &c : cases) {
    const Table table =
        gridTable(c.name, c.low, c.high, static_cast<T>(c.scale));
    std::vector<T> values = specials<T>();
    for (const auto *side : {&table.numbers, &table.negatives})
      for (size_t i = 0; i < side->size(); ++i) {
        around(values, (*side)[i]);
        double next = i + 1 < side->size() ? (*side)[i + 1] : 2 * (*side)[i];
        around(values, ((*side)[i] + next) / 2);
        around(values, (*side)[i] + (next - (*side)[i]) * 0.3);
      }
    for (int e = -140; e <= 127; e += 3)
      around(values, std::ldexp(1.375, e));
    for (Kind kind : deterministic)
      this->compare(c.name, kind, values, [&](T x) {
        return static_cast<T>(
            roundByTable(table, static_cast<double>(x), kind));
      });
  }
}

// R-WRAP: round without bound, then take the code modulo 2^width.
TYPED_TEST(SpecialFamilies, Wraps) {
  using T = TypeParam;
  struct Case {
    const char *name;
    int width, fraction;
    bool isSigned;
  };
  const Case cases[] = {{"int8-wrap", 8, 0, true},
                        {"uint4-wrap", 4, 0, false},
                        {"fixed<4,12>-wrap", 16, 12, true},
                        {"ufixed<2,3>-wrap", 5, 3, false},
                        {"fixed<1,0>-wrap", 1, 0, true}};
  for (const Case &c : cases) {
    double step = std::ldexp(1.0, -c.fraction);
    int64_t codes = int64_t(1) << c.width;
    std::vector<T> values = specials<T>();
    for (int64_t i = 0; i < 3 * codes && i < 3000; ++i)
      around(values, static_cast<double>(i) * step / 2);
    for (int e = -30; e <= 45; ++e)
      for (double m : {1.0, 1.25, 1.4375, 1.8125})
        around(values, std::ldexp(m, e));
    for (Kind kind : deterministic)
      this->compare(c.name, kind, values, [&](T given) -> T {
        double x = static_cast<double>(given);
        if (std::isnan(x))
          return 0;
        double least = c.isSigned ? -static_cast<double>(codes) / 2 : 0;
        if (std::isinf(x))
          return static_cast<T>(step * (x < 0 ? least : least + codes - 1));
        if (std::fabs(x) >= 0x1p50)
          return 0; // a multiple of everything here
        double scaled = std::fabs(x) / step, whole = std::floor(scaled);
        double place = scaled - whole;
        bool isOdd = std::fmod(whole, 2) != 0, away = false;
        switch (kind) {
        case Kind::Away:
          away = place > 0;
          break;
        case Kind::Up:
          away = place > 0 && x > 0;
          break;
        case Kind::Down:
          away = place > 0 && x < 0;
          break;
        case Kind::NearestEven:
          away = place > 0.5 || (place == 0.5 && isOdd);
          break;
        case Kind::NearestAway:
          away = place >= 0.5;
          break;
        case Kind::NearestToZero:
          away = place > 0.5;
          break;
        case Kind::ToOdd:
          away = place > 0 && !isOdd;
          break;
        default:
          break;
        }
        double code = std::copysign(whole + away, x);
        code -= std::floor((code - least) / static_cast<double>(codes)) *
                static_cast<double>(codes);
        return static_cast<T>(code * step + 0.0);
      });
  }
}

// R-EXPONENT: powers of two, ties up, no zero, no sign.
TYPED_TEST(SpecialFamilies, ExponentOnly) {
  using T = TypeParam;
  std::vector<T> values = specials<T>();
  for (int e = -149; e <= 127; ++e)
    for (double m : {1.0, 1.25, 1.5, 1.75})
      around(values, std::ldexp(m, e));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (bool saturates : {false, true})
    for (Kind kind : deterministic)
      this->compare(saturates ? "f8e8m0fnu-sat" : "f8e8m0fnu", kind, values,
                    [&](T given) -> T {
                      double x = static_cast<double>(given);
                      double bad = saturates ? 0x1p-127 : nan;
                      if (std::isnan(x))
                        return static_cast<T>(nan);
                      if (!(x > 0))
                        return static_cast<T>(bad);
                      double beyond = saturates ? 0x1p127 : nan;
                      if (std::isinf(x))
                        return static_cast<T>(
                            kind == Kind::TowardZero ? 0x1p127 : beyond);
                      if (x <= 0x1p-127)
                        return static_cast<T>(0x1p-127);
                      int e = std::ilogb(x);
                      double low = std::ldexp(1.0, e), middle = 1.5 * low;
                      bool isOdd = (e + 127) & 1, away = false;
                      if (x > low)
                        switch (kind) {
                        case Kind::Away:
                        case Kind::Up:
                          away = true;
                          break;
                        case Kind::NearestEven:
                        case Kind::NearestAway:
                          away = x >= middle;
                          break;
                        case Kind::NearestToZero:
                          away = x > middle;
                          break;
                        case Kind::ToOdd:
                          away = !isOdd;
                          break;
                        default:
                          break;
                        }
                      double result = away ? 2 * low : low;
                      if (result <= 0x1p127)
                        return static_cast<T>(result);
                      bool toLargest = kind == Kind::TowardZero ||
                                       kind == Kind::Down ||
                                       kind == Kind::ToOdd;
                      return static_cast<T>(toLargest ? 0x1p127 : beyond);
                    });
}

// R-SIGN: the sign, zero counts as positive; up and down look for a neighbour.
TYPED_TEST(SpecialFamilies, Signs) {
  using T = TypeParam;
  std::vector<T> values = specials<T>();
  for (int e = -60; e <= 60; ++e)
    around(values, std::ldexp(1.0, e));
  for (Kind kind : deterministic)
    this->compare("binary", kind, values, [&](T x) -> T {
      if (std::isnan(x))
        return 1;
      if (kind == Kind::Up)
        return x <= -1 ? -1 : 1;
      if (kind == Kind::Down)
        return x >= 1 ? 1 : -1;
      return x < 0 ? -1 : 1;
    });
}

// The hard sigmoid: +1 for floor((x + 1) / 2 * 2^r + 1/2) of 2^r words.
TYPED_TEST(SpecialFamilies, StochasticSigns) {
  using T = TypeParam;
  Format format = *Format::parse("binary");
  for (unsigned r : {1u, 4u, 8u})
    for (double x : {-1.5, -1.0, -0.999, -0.75, -0.3, -1e-3, -1e-30, 0.0, 1e-30,
                     1e-3, 0.125, 0.3, 0.6, 0.999, 1.0, 7.0}) {
      T value = static_cast<T>(x);
      double p = std::clamp((static_cast<double>(value) + 1) / 2, 0.0, 1.0);
      // 2^-100 is lost in p, but not in the comparison: ties do not occur.
      double want = std::floor(p * std::ldexp(1.0, int(r)) + 0.5);
      EXPECT_EQ(this->count(format, r, value, T(1)), want) << x << " r " << r;
    }
}

// The same for every number of bits: with MPFR's count the two words at the
// border decide.
TYPED_TEST(SpecialFamilies, BorderWordsOfSigns) {
  using T = TypeParam;
  Words words(19);
  std::vector<T> values;
  for (int e = -36; e < 0; ++e)
    for (double m : {1.0, 1.25, 1.5, 1 + 0x1p-20, 2 - 0x1p-20})
      around(values, std::ldexp(m, e));
  for (T x : everyBinade<T>(words, 1, 7))
    if (std::fabs(x) < 1)
      values.push_back(x);
  mpfr_t place;
  mpfr_init2(place, 2200); // holds 1 + the least number
  for (unsigned r = 1; r <= 32; ++r) {
    Rounder<T> rounder(*Format::parse("binary"), {Kind::Stochastic, r});
    const unsigned below = (r > 16 ? 32 : 16) - r; // the word's other bits
    const uint64_t all = uint64_t(1) << r;
    for (T x : values) { // floor((x + 1) / 2 * 2^r + 1/2) words go up
      mpfr_set_d(place, double(x), MPFR_RNDN);
      mpfr_add_ui(place, place, 1, MPFR_RNDN);
      mpfr_mul_2si(place, place, int(r) - 1, MPFR_RNDN);
      mpfr_add_d(place, place, 0.5, MPFR_RNDN);
      const uint64_t count = mpfr_get_ui(place, MPFR_RNDD);
      if (count > 0)
        for (uint64_t word : {all - count, all - 1})
          ASSERT_EQ(rounder(x, uint32_t(word << below)), T(1))
              << x << " r " << r;
      if (count < all)
        for (uint64_t word : {all - count - 1, uint64_t(0)})
          ASSERT_EQ(rounder(x, uint32_t(word << below)), T(-1))
              << x << " r " << r;
    }
  }
  mpfr_clear(place);
}

// S-EQUAL of signs: inside (-1, 1) the first random bit alone decides, and half
// of the words give +1; the ends of the interval are exact.
TYPED_TEST(SpecialFamilies, EqualSigns) {
  using T = TypeParam;
  Words words(23);
  for (unsigned r : {1u, 16u, 17u, 32u}) {
    Rounder<T> rounder(*Format::parse("binary"), {Kind::StochasticEqual, r});
    const uint32_t first = r > 16 ? 0x80000000 : 0x8000;
    for (double x : {-0.999, -0.5, -1e-30, -0.0, 0.0, 1e-30, 0.3, 0.999}) {
      const T clear = rounder(T(x), 0), set = rounder(T(x), first);
      EXPECT_EQ(std::fabs(clear), 1) << x;
      EXPECT_EQ(set, -clear) << x;
      for (int i = 0; i < 20; ++i) {
        const auto word = uint32_t(words());
        EXPECT_EQ(rounder(T(x), word), word & first ? set : clear) << x;
      }
    }
    for (double x : {-1e30, -1.5, -1.0, 1.0, 1.5, 1e30})
      for (uint32_t word : {0u, first, ~0u})
        EXPECT_EQ(rounder(T(x), word), T(std::copysign(1.0, x))) << x;
  }
}

// S-PROBABILITY in the other families: floor(p 2^r + 1/2) words go away.
TYPED_TEST(SpecialFamilies, Stochastic) {
  using T = TypeParam;
  struct Case {
    const char *name;
    double low, high;
  };
  for (const Case &c :
       {Case{"fixed<4,4>", 1.0625, 1.125}, Case{"int8", 99, 100},
        Case{"int8", 0, 1}, Case{"pow2<-8,0>", 0.25, 0.5},
        Case{"pow2<-8,0>", 0, 0x1p-8}, Case{"pow2<-125,0>", 0, 0x1p-125},
        Case{"pow2<-122,0>", 0, 0x1p-122}, Case{"posit<8,0>", 1.03125, 1.0625},
        Case{"posit<16,1>", 0.5, 0.5 + 0x1p-13}, Case{"f8e8m0fnu", 4, 8},
        Case{"int8<3>", 9, 12}, Case{"e5m2-nosub", 0, 0x1p-14},
        Case{"binary8p3se", 4, 5}})
    for (unsigned r : {2u, 8u})
      for (double place : {0.0, 0.001, 0.125, 0.3, 0.5, 0.625, 0.998}) {
        T x = static_cast<T>(c.low + place * (c.high - c.low));
        double p = (static_cast<double>(x) - c.low) / (c.high - c.low);
        double want = std::floor(p * std::ldexp(1.0, int(r)) + 0.5);
        EXPECT_EQ(
            this->count(*Format::parse(c.name), r, x, static_cast<T>(c.high)),
            want)
            << c.name << " place " << place << " r " << r;
      }
}

// R-FLUSH and its sibling: no numbers between zero and the least normal one.
TYPED_TEST(SpecialFamilies, NoSubnormals) {
  using T = TypeParam;
  Table with, without; // e4m3: least normal 2^-6, greatest 240
  for (int e = -6; e <= 7; ++e)
    for (int i = 0; i < 8; ++i) {
      if (e == -6)
        with.numbers.push_back(std::ldexp(i, -9));
      without.numbers.push_back(std::ldexp(8 + i, e - 3));
    }
  with.numbers.insert(with.numbers.end(), without.numbers.begin(),
                      without.numbers.end());
  without.numbers.insert(without.numbers.begin(), 0.0);
  without.gap = 7;
  for (Table *table : {&with, &without}) {
    table->saturates = false;
    table->infinite = std::numeric_limits<double>::infinity();
    table->beyond = 256;
  }
  std::vector<T> values = specials<T>();
  for (double number : with.numbers)
    for (double by : {1.0, 1.03125, 1.0625, 0.5, 0.25})
      around(values, number * by);
  auto signedZero = [](double result, T x) {
    return static_cast<T>(result == 0 && std::signbit(x) ? -0.0 : result);
  };
  for (Kind kind : deterministic) {
    this->compare("e4m3-nosub", kind, values, [&](T x) {
      return signedZero(roundByTable(without, static_cast<double>(x), kind), x);
    });
    this->compare("e4m3-ftz", kind, values, [&](T x) {
      double kept = roundByTable(with, static_cast<double>(x), kind);
      return signedZero(std::fabs(kept) < 0x1p-6 ? 0 : kept, x);
    });
  }
}

// R-FLUSH where the least normal number is the carrier's own.
TYPED_TEST(SpecialFamilies, FlushedAtTheCarriersEnd) {
  using T = TypeParam;
  const bool isSingle = sizeof(T) == 4;
  const Ieee kept = Ieee::of(isSingle ? 8 : 11, 3);
  const double least = std::ldexp(1.0, kept.least);
  Words words(24);
  const std::vector<T> values = borders<T>(kept, words, 50);
  for (const char *name : {isSingle ? "e8m3-ftz" : "e11m3-ftz", "m3-ftz"})
    for (Kind kind : deterministic)
      this->compare(name, kind, values, [&](T x) {
        const double result = rounded(double(x), kept, kind);
        return T(std::fabs(result) < least ? std::copysign(0, x) : result);
      });
}
