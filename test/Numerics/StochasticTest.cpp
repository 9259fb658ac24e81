// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stochastic rounding: exact probabilities against MPFR, then bias and variance
// with the product's own random words at fixed seeds.
#include "Inputs.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using Kind = RoundingMode::Kind;

namespace {
/// stochastic<r>, or stochastic<?> that gets r at run time, of a format without
/// run-time widths.
template <class T>
Rounder<T> rounderOf(const Format &format, unsigned r, bool isRuntime) {
  using Bits = typename Rounder<T>::Word;
  const Bits bits[] = {Bits(r)};
  if (isRuntime)
    return Rounder<T>(format, RoundingMode::runtimeStochastic(), bits);
  return Rounder<T>(format, RoundingMode(Kind::Stochastic, r));
}

/// The word whose r most significant bits are `top`, in a half of 16 bits or a
/// whole of 32; the bits below, and above the half, are noise that must not
/// matter.
uint32_t wordOf(uint32_t top, unsigned r, uint32_t noise) {
  unsigned size = r > 16 ? 32 : 16;
  uint64_t word = (uint64_t(top) << (size - r)) |
                  (noise & ((uint64_t(1) << (size - r)) - 1));
  if (size == 16)
    word |= uint64_t(noise) << 16;
  return static_cast<uint32_t>(word);
}

template <class T> class Stochastic : public testing::Test {
protected:
  struct Case {
    Format format;
    Ieee ieee;
  };
  static constexpr int F = std::numeric_limits<T>::digits - 1;
  static constexpr int maxExponent = sizeof(T) == 4 ? 8 : 11;

  /// Formats with few and many discarded bits, wide and narrow ranges.
  std::vector<Case> cases() {
    std::vector<Case> all;
    for (int exponent = 2; exponent <= maxExponent; exponent += 3)
      for (int fraction : {0, 1, 3, 7, 10, F - 16, F - 1, F})
        all.push_back(
            {Format::ieee(exponent, fraction), Ieee::of(exponent, fraction)});
    for (int fraction : {0, 2, 7, F - 2})
      all.push_back(
          {Format::mantissa(fraction), Ieee::of(maxExponent, fraction)});
    all.push_back({Format::word(12), Ieee::of(8, 3)});
    return all;
  }

  BitsOf<T> want(Neighbours &neighbours, bool away) {
    return bitsOf(static_cast<T>(neighbours.finish(away, Kind::Stochastic)));
  }
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(Stochastic, Carriers);
} // namespace

// S-PROBABILITY, S-CENTRE: of the 2^r words exactly floor(p 2^r + 1/2) round
// away from zero, the largest ones: the two words at the border and both ends.
TYPED_TEST(Stochastic, BorderWords) {
  using T = TypeParam;
  Words words(11);
  for (auto [format, ieee] : this->cases())
    for (unsigned i = 1; i <= 32 + 16; ++i) {
      unsigned r = i > 32 ? i - 32 : i;
      Rounder<T> rounder = rounderOf<T>(format, r, /*isRuntime=*/i > 32);
      std::vector<T> values = borders<T>(ieee, words, 6);
      for (T x : everyBinade<T>(words, 1, 7))
        values.push_back(x);
      Neighbours neighbours;
      for (T x : values) {
        if (!std::isfinite(x))
          continue;
        neighbours.set(x, ieee);
        uint64_t count = neighbours.wordsAway(r), all = uint64_t(1) << r;
        if (count < all)
          for (uint64_t top : {all - count - 1, uint64_t(0)})
            ASSERT_EQ(bitsOf(rounder(x, wordOf(top, r, words()))),
                      this->want(neighbours, false))
                << format.str() << " r=" << r << " of " << x;
        if (count > 0)
          for (uint64_t top : {all - count, all - 1})
            ASSERT_EQ(bitsOf(rounder(x, wordOf(top, r, words()))),
                      this->want(neighbours, true))
                << format.str() << " r=" << r << " of " << x;
      }
    }
}

// S-PROBABILITY by counting all words; each result is one of two neighbours.
TYPED_TEST(Stochastic, AllWords) {
  using T = TypeParam;
  Words words(12);
  for (auto [format, ieee] : this->cases())
    for (unsigned r : {3u, 8u, 16u}) {
      Rounder<T> rounder(format, RoundingMode(Kind::Stochastic, r));
      std::vector<T> values = borders<T>(ieee, words, 1);
      Neighbours neighbours;
      size_t stride = r == 16 ? values.size() / 3 : 1;
      for (size_t i = words() % stride; i < values.size(); i += stride) {
        T x = values[i];
        if (!std::isfinite(x))
          continue;
        neighbours.set(x, ieee);
        BitsOf<T> below = this->want(neighbours, false);
        BitsOf<T> away = this->want(neighbours, true);
        uint64_t count = 0;
        for (uint32_t top = 0; top < (1u << r); ++top) {
          BitsOf<T> got = bitsOf(rounder(x, wordOf(top, r, words())));
          ASSERT_TRUE(got == below || got == away) << x;
          count += got != below;
        }
        ASSERT_EQ(count, below == away ? 0 : neighbours.wordsAway(r))
            << format.str() << " r=" << r << " of " << x;
      }
    }
}

// Below a format's only number, the carrier's greatest power of two or its
// least normal one: 3/4 of it is reached by words from 1/4 on. Twice the first
// is no number, and fractions of the second are subnormal.
TYPED_TEST(Stochastic, OnePower) {
  using T = TypeParam;
  const int most = std::numeric_limits<T>::max_exponent - 1;
  for (int exponent : {most, 1 - most}) {
    const std::string text = std::to_string(exponent);
    const std::optional<Format> format =
        Format::parse("pow2<" + text + "," + text + ">");
    ASSERT_TRUE(format) << text;
    const T quantum = std::ldexp(T(1), exponent);
    for (unsigned r : {2, 8, 16}) {
      const Rounder<T> round(*format, RoundingMode(Kind::Stochastic, r));
      const uint32_t quarter = 1u << (r - 2);
      for (uint32_t noise : {0u, ~0u}) {
        EXPECT_EQ(round(quantum / 4 * 3, wordOf(quarter - 1, r, noise)), 0);
        EXPECT_EQ(round(quantum / 4 * 3, wordOf(quarter, r, noise)), quantum);
      }
    }
  }
}

// S-EQUAL: the first random bit decides unless the value is exact.
TYPED_TEST(Stochastic, EqualProbability) {
  using T = TypeParam;
  Words words(13);
  for (auto [format, ieee] : this->cases())
    for (unsigned r : {1u, 16u, 17u, 32u}) {
      Rounder<T> rounder(format, RoundingMode(Kind::StochasticEqual, r));
      Neighbours neighbours;
      for (T x : borders<T>(ieee, words, 30)) {
        if (!std::isfinite(x))
          continue;
        neighbours.set(x, ieee);
        for (bool away : {false, true}) {
          uint32_t noise = words();
          uint32_t word = r > 16 ? uint32_t(away) << 31 | noise >> 1
                                 : wordOf(away, 1, noise);
          ASSERT_EQ(bitsOf(rounder(x, word)), this->want(neighbours, away))
              << format.str() << " of " << x;
        }
      }
    }
}

// R-NAN, R-INFINITY hold in stochastic modes.
TYPED_TEST(Stochastic, Specials) {
  using T = TypeParam;
  Words words(14);
  for (auto [format, ieee] : this->cases())
    for (Kind kind : {Kind::Stochastic, Kind::StochasticEqual}) {
      Rounder<T> rounder(format, kind);
      for (T x : specials<T>()) {
        uint32_t random = words();
        if (std::isnan(x))
          EXPECT_EQ(bitsOf(rounder(x, random)),
                    bitsOf(std::numeric_limits<T>::quiet_NaN()));
        else if (std::isinf(x))
          EXPECT_EQ(rounder(x, random), x);
      }
    }
}

// S-RUNTIME: numbers outside 1..16 are clamped.
TYPED_TEST(Stochastic, RuntimeBitsAreClamped) {
  using T = TypeParam;
  Words words(16);
  Format format = Format::ieee(5, 7);
  for (auto [given, r] : {std::pair(0u, 1u), {17u, 16u}, {~0u, 16u}}) {
    Rounder<T> clamped = rounderOf<T>(format, given, /*isRuntime=*/true);
    Rounder<T> plain = rounderOf<T>(format, r, /*isRuntime=*/false);
    for (T x : borders<T>(Ieee::of(5, 7), words, 100)) {
      uint32_t random = words();
      ASSERT_EQ(bitsOf(clamped(x, random)), bitsOf(plain(x, random)));
    }
  }
}

// S-RUNTIME: run-time widths take the same decisions.
TYPED_TEST(Stochastic, RuntimeWidths) {
  using T = TypeParam;
  using Bits = BitsOf<T>;
  Words words(15);
  for (int exponent = 2; exponent <= this->maxExponent; ++exponent)
    for (int fraction = 0; fraction <= this->F; fraction += 3)
      for (unsigned r : {5u, 16u, 31u, 32u}) {
        RoundingMode mode(Kind::Stochastic, r);
        Rounder<T> fixed(Format::ieee(exponent, fraction), mode);
        const Bits widths[] = {Bits(exponent), Bits(fraction)};
        Rounder<T> runtime(Format::ieee(Format::runtime, Format::runtime), mode,
                           widths);
        for (T x : borders<T>(Ieee::of(exponent, fraction), words, 10)) {
          uint32_t random = words();
          ASSERT_EQ(bitsOf(fixed(x, random)), bitsOf(runtime(x, random)));
        }
      }
}

// S-BIAS, S-VARIANCE: with h32's words the mean error over N positions lies
// within the binomial interval of independent words, p(1-p)/N, at 4.5 sigma.
TEST(StochasticStatistics, BiasAndVariance) {
  const unsigned N = 1 << 16;
  for (uint64_t seed = 0; seed < 40; ++seed)
    for (unsigned half : {0u, 16u}) {
      uint64_t key = mix64(seed, hash64("site"), 3);
      double p = double(seed + 1) / 64; // m3 has steps of 1/8 from 1 to 2
      float x = 1.0f + static_cast<float>(p) / 8;
      Rounder<float> rounder(Format::mantissa(3), Kind::Stochastic);
      unsigned away = 0, runs = 0;
      bool last = false;
      for (unsigned i = 0; i < N; ++i) {
        bool up = rounder(x, h32(key, i) >> half) != 1.0f;
        away += up;
        runs += up != last;
        last = up;
      }
      double sigma = std::sqrt(N * p * (1 - p));
      EXPECT_LT(std::fabs(away - N * p), 4.5 * sigma) << seed;
      // Neighbouring positions are independent: the number of runs.
      double q = 2 * p * (1 - p);
      EXPECT_LT(std::fabs(runs - N * q), 4.5 * std::sqrt(2 * N * q)) << seed;
    }
}

namespace {
/// Errors, in units of the last place, of the roundings of a 12 x 10 x 14
/// contraction of fixed operands under one key: product and sum roundings.
struct Contraction {
  static constexpr unsigned I = 12, K = 10, J = 14;
  double a[I][K], b[K][J];

  Contraction() {
    Words words(21);
    for (auto &row : a)
      for (double &x : row)
        x = double(words() >> 11) / (uint64_t(1) << 53);
    for (auto &row : b)
      for (double &x : row)
        x = double(words() >> 11) / (uint64_t(1) << 53);
  }

  /// Sums of the errors of rounding place `fraction(ab)` to 0 or 1 with each
  /// half of the word: over all, over one row, over one element's k.
  struct Sums {
    double total[2] = {}, row[2] = {}, element[2] = {};
  };
  double place(unsigned i, unsigned k, unsigned j) const {
    double scaled = a[i][k] * b[k][j] * 16;
    return scaled - std::floor(scaled);
  }
  Sums sums(uint64_t key) const {
    Sums sums;
    for (unsigned i = 0; i < I; ++i)
      for (unsigned k = 0; k < K; ++k)
        for (unsigned j = 0; j < J; ++j) {
          uint32_t word = contractionWord(key, i * K + k, k * J + j);
          for (unsigned half : {0u, 1u}) {
            double random = ((word >> (16 * half)) & 0xffff) / 65536.0;
            double p = place(i, k, j), error = (p + random >= 1) - p;
            sums.total[half] += error;
            if (i == 3)
              sums.row[half] += error;
            if (i == 5 && j == 7)
              sums.element[half] += error;
          }
        }
    return sums;
  }
};
} // namespace

// S-OPERAND: the words of a contraction are pairwise independent, so every sum
// of its roundings has the variance of independent ones: chi-square, 4.5 sigma.
TEST(StochasticStatistics, ContractionWords) {
  Contraction contraction;
  const unsigned seeds = 3000;
  double variance[3] = {}, squares[3][2] = {}, means[3][2] = {}, cross[3] = {};
  for (unsigned i = 0; i < Contraction::I; ++i)
    for (unsigned k = 0; k < Contraction::K; ++k)
      for (unsigned j = 0; j < Contraction::J; ++j) {
        double p = contraction.place(i, k, j), v = p * (1 - p);
        variance[0] += v;
        variance[1] += i == 3 ? v : 0;
        variance[2] += i == 5 && j == 7 ? v : 0;
      }
  for (unsigned seed = 0; seed < seeds; ++seed) {
    auto sums = contraction.sums(mix64(seed, hash64("matmul"), 0));
    const double *all[3] = {sums.total, sums.row, sums.element};
    for (int s = 0; s < 3; ++s) {
      cross[s] += all[s][0] * all[s][1] / variance[s];
      for (int half = 0; half < 2; ++half) {
        means[s][half] += all[s][half] / std::sqrt(variance[s]);
        squares[s][half] += all[s][half] * all[s][half] / variance[s];
      }
    }
  }
  double interval = 4.5 * std::sqrt(2.0 / seeds);
  for (int s = 0; s < 3; ++s) {
    EXPECT_LT(std::fabs(cross[s] / seeds), 4.5 / std::sqrt(seeds)) << s;
    for (int half = 0; half < 2; ++half) {
      EXPECT_LT(std::fabs(means[s][half] / seeds), 4.5 / std::sqrt(seeds));
      EXPECT_NEAR(squares[s][half] / seeds, 1, interval) << s << " " << half;
    }
  }
}

// S-RECTANGLE: what operand-position words lack: four words around a rectangle
// of an outer product xor to zero.
TEST(StochasticStatistics, RectanglesXorToZero) {
  uint64_t key = mix64(1, 2, 3);
  EXPECT_EQ(contractionWord(key, 10, 20) ^ contractionWord(key, 11, 20) ^
                contractionWord(key, 10, 21) ^ contractionWord(key, 11, 21),
            0u);
}
