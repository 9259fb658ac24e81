// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding by an addition, a mask and a subtraction gives the bits of THE
// rounding, which the other tests compare with oracles, but for the sign of
// zeros: of all products and sums of numbers of small formats.
#include "prec/Numerics/MaskedShifter.h"
#include "Inputs.h"
#include "prec/Numerics/Rounding.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
const char *const formats[] = {
    "e4m3",       "e5m2",          "e3m4",         "e4m2",       "e2m1",
    "e5m3",       "f8e4m3fn",      "f8e4m3fn-sat", "f8e4m3fnuz", "e5m2-sat",
    "f8e5m2fnuz", "f8e4m3b11fnuz", "f6e2m3fn",     "f6e3m2fn",   "f4e2m1fn"};
/// At both ends of what a half of a word, and a word, can be.
constexpr uint32_t words[] = {0,          1,          0x7fff,     0x8000,
                              0xffff,     0xfffe,     0x12345678, 0x9abcdef0,
                              0xffffffff, 0x80000000, 0x7fffffff, 0x00010000};

class MaskedShifterTest : public testing::TestWithParam<FormatCase> {
protected:
  MachineOps<uint32_t> ops;
  Format format = *Format::parse(GetParam().name);
  RoundParameters<uint32_t> p = GetParam().parameters();
  const int fractionBits = 23 - int(p.discard), bias = 127;
  const int leastExponent = int(p.leastNormal) - bias;

  uint32_t exact(float x, RoundingMode mode, uint32_t word) {
    return roundWord(ops, bitsOf(x), p, mode, word);
  }
  MaskedShifter<MachineOps<uint32_t>> shifter(float x, RoundingMode mode,
                                              uint32_t word) {
    return {ops, bitsOf(x), p, mode, word};
  }
  static uint32_t withoutZero(uint32_t bits) {
    return fromBits<float>(bits) == 0 ? 0 : bits;
  }

  /// All finite numbers, or of a large format those with few bits.
  std::vector<float> numbers() {
    std::vector<float> found;
    const int fraction = std::min(fractionBits, 3);
    for (int exponent = leastExponent - fractionBits;
         exponent <= int(p.largest >> 23) - bias; ++exponent)
      for (int i = 0; i < 1 << fraction; ++i)
        for (float sign : {1.0f, -1.0f}) {
          const float x =
              sign * std::ldexp(1 + std::ldexp(float(i), -fraction), exponent);
          found.push_back(
              fromBits<float>(exact(x, RoundingMode::Kind::TowardZero, 0)));
        }
    found.push_back(0);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }
};

TEST_P(MaskedShifterTest, Products) {
  const auto all = numbers();
  const float largest = fromBits<float>(p.largest);
  for (const char *name : otherModes) {
    const RoundingMode mode = *RoundingMode::parse(name);
    ASSERT_TRUE(hasMaskedShifter(p.facts, mode)) << name;
    ASSERT_TRUE(areOwnFactors(ops, p));
    if (!format.isRuntime())
      ASSERT_LE(leastQuantumOfFactors(p.facts), leastExponent - fractionBits);
    for (float a : all)
      for (float b : all) {
        const float x = a * b;
        if (std::fabs(x) > largest)
          continue;
        for (uint32_t word : words) {
          ASSERT_EQ(withoutZero(shifter(x, mode, word).product()),
                    withoutZero(exact(x, mode, word)))
              << name << " " << a << " * " << b << ", word " << word;
          if (!mode.isStochastic())
            break;
        }
      }
  }
}

// Of the powers of four the least that comes back from x + 6 e.
TEST_P(MaskedShifterTest, LeastQuantumOfFactors) {
  if (format.isRuntime())
    return;
  const float six = std::ldexp(6.0f, leastExponent);
  auto comesBack = [&](int exponent) {
    const float x = std::ldexp(1.0f, 2 * exponent);
    return six + x - six == x;
  };
  const int least = leastQuantumOfFactors(p.facts);
  EXPECT_TRUE(comesBack(least));
  EXPECT_FALSE(comesBack(least - 1));
}

TEST_P(MaskedShifterTest, Sums) {
  const auto all = numbers();
  std::vector<const char *> names(std::begin(otherModes), std::end(otherModes));
  names.push_back("nearest-even");
  for (const char *name : names) {
    const RoundingMode mode = *RoundingMode::parse(name);
    ASSERT_TRUE(hasMaskedSums(p.facts, mode)) << name;
    const int exponent = int(exponentOfSums(ops, p, mode));
    for (float a : all)
      for (float b : all)
        for (uint32_t word : words) {
          const float scaled =
              std::ldexp(a, exponent) + std::ldexp(b, exponent);
          const float got = std::ldexp(
              fromBits<float>(shifter(scaled, mode, word).sum()), -exponent);
          float want = fromBits<float>(exact(a + b, mode, word));
          // What becomes a NaN is an infinity until the end.
          if (std::isnan(want)) {
            want = std::copysign(INFINITY, a + b);
            ASSERT_FALSE(isLimited(format, mode, a + b < 0));
          }
          ASSERT_EQ(bitsOf(got), bitsOf(want))
              << name << " " << a << " + " << b << ", word " << word;
          if (!mode.isStochastic())
            break;
        }
  }
}

using LongMaskedShifterTest = MaskedShifterTest;

// Toward zero nothing need be known of the number.
TEST_P(LongMaskedShifterTest, TowardZero) {
  const RoundingMode mode = RoundingMode::Kind::TowardZero;
  const float largest = fromBits<float>(p.largest);
  const int scale = int(exponentOfLongProducts(ops, p, mode));
  std::vector<float> values;
  Words random(5);
  for (int exponent = -149; exponent < 120; ++exponent)
    for (int i = 0; i < 256; ++i)
      around(values,
             std::ldexp(
                 1 + (i < 128 ? i / 128.0 : double(random() >> 12) * 0x1p-52),
                 exponent));
  for (float x : values)
    if (std::fabs(x) <= largest)
      ASSERT_EQ(
          withoutZero(
              shifter(std::ldexp(x, scale), mode, 0).product(/*isLong=*/true)),
          withoutZero(
              bitsOf(std::ldexp(fromBits<float>(exact(x, mode, 0)), scale))))
          << x;
}

// Nor stochastically, of a number that is multiplied: whatever the word lacks
// to 1, and its neighbours.
TEST_P(LongMaskedShifterTest, Stochastic) {
  const float largest = fromBits<float>(p.largest);
  const float quantum = std::ldexp(1.0f, leastExponent - fractionBits);
  Words random(7);
  for (const char *name : {"stochastic", "stochastic<1>", "stochastic<7>"}) {
    const RoundingMode mode = *RoundingMode::parse(name);
    ASSERT_TRUE(hasLongProducts(p.facts, mode));
    ASSERT_TRUE(mayBeLong(ops, p, mode));
    const int exponent = int(exponentOfLongProducts(ops, p, mode));
    auto same = [&](float x, uint32_t word) {
      const float scaled = std::ldexp(x, exponent);
      if (std::fabs(x) > largest || std::ldexp(scaled, -exponent) != x)
        return;
      const float got =
          std::ldexp(fromBits<float>(shifter(scaled, mode, word).product(true)),
                     -exponent);
      ASSERT_EQ(withoutZero(bitsOf(got)), withoutZero(exact(x, mode, word)))
          << name << " " << x << ", word " << word;
    };
    for (int i = 0; i < 4000; ++i) {
      const auto word = uint32_t(random());
      std::vector<float> values;
      const unsigned r = word & 0xffff, units = random() % 40;
      around(values, quantum * double(units + 1 - (2 * r + 1) * 0x1p-17));
      around(values, quantum * double(units));
      around(values, std::ldexp(1 + double(random() >> 12) * 0x1p-52,
                                int(random() % 200) - 140));
      for (float x : values)
        same(x, word);
    }
    for (uint32_t word : words)
      for (float x : specials<float>())
        if (std::isfinite(x))
          same(x, word);
  }
}

// An infinity that a sum became stays one.
TEST_P(MaskedShifterTest, Infinities) {
  for (const char *name : otherModes) {
    const RoundingMode mode = *RoundingMode::parse(name);
    for (bool isBelow : {false, true})
      if (!isLimited(format, mode, isBelow))
        for (uint32_t word : words) {
          const float x = isBelow ? -INFINITY : INFINITY;
          ASSERT_EQ(shifter(x, mode, word).sum(), bitsOf(x)) << name;
        }
  }
}

std::vector<FormatCase> casesOf(std::initializer_list<const char *> names) {
  return {names.begin(), names.end()};
}

INSTANTIATE_TEST_SUITE_P(All, MaskedShifterTest,
                         testing::ValuesIn(std::vector<FormatCase>(
                             std::begin(formats), std::end(formats))));
INSTANTIATE_TEST_SUITE_P(All, LongMaskedShifterTest,
                         testing::ValuesIn(casesOf({"e5m10", "e6m9", "e4m10",
                                                    "e4m3", "e5m2", "f8e4m3fn",
                                                    "f4e2m1fn"})));
const std::vector<FormatCase> runtimeCases = {{"e?m?", {4, 3}},
                                              {"e?m?", {2, 1}},
                                              {"e5m?", {2}},
                                              {"e?m3", {5}},
                                              {"e?m?-sat", {4, 3}}};
INSTANTIATE_TEST_SUITE_P(Runtime, MaskedShifterTest,
                         testing::ValuesIn(runtimeCases));
INSTANTIATE_TEST_SUITE_P(Runtime, LongMaskedShifterTest,
                         testing::ValuesIn(runtimeCases));
INSTANTIATE_TEST_SUITE_P(Widest, LongMaskedShifterTest,
                         testing::Values(FormatCase{"e?m?", {5, 10}},
                                         FormatCase{"e?m?-sat", {6, 9}}));

// Where the last code is NaN's, what is beyond the largest number is sent to
// infinity by a product, and f32's own division and product must bring all
// other significands back. Of two reserved codes none is made so.
TEST(MaskedShifter, Inverses) {
  for (int fraction = maskedLimits.leastFraction;
       fraction <= maskedLimits.mostFraction; ++fraction) {
    const float step = std::ldexp(1.0f, -fraction), more = 1 + step;
    const float inverse = 1 / more;
    for (int code = 0; code < 1 << fraction; ++code) {
      const float x = 1 + float(code) * step;
      EXPECT_EQ(x * more * inverse, x) << fraction << " fraction bits";
    }
    Format format = Format::finiteWithNaN(4, fraction);
    EXPECT_TRUE(
        hasMaskedSums(roundFacts(format, Carrier::F32), RoundingMode()));
    format.reservedTopCodes = 2;
    EXPECT_FALSE(
        hasMaskedSums(roundFacts(format, Carrier::F32), RoundingMode()));
  }
}

TEST(MaskedShifter, NotEverywhere) {
  const RoundingMode mode = RoundingMode::Kind::Stochastic;
  auto has = [](const char *format, RoundingMode how) {
    return hasMaskedShifter(roundFacts(*Format::parse(format), Carrier::F32),
                            how);
  };
  for (const char *name :
       {"m7", "e3m0", "e5m2-ftz", "e5m11", "e8m7-sat", "int8", "fixed<4,4>",
        "posit<8,1>", "m?", "e?m11", "bf16", "binary8p3se"})
    EXPECT_FALSE(has(name, mode)) << name;
  EXPECT_FALSE(has("e4m3", RoundingMode::Kind::NearestEven));
  EXPECT_FALSE(has("e4m3", *RoundingMode::parse("stochastic<32>")));
  EXPECT_TRUE(has("e5m10", mode));
  MachineOps<uint32_t> ops;
  auto parameters = [&](const char *name) {
    return makeRoundParameters(ops, *Format::parse(name), Carrier::F32);
  };
  EXPECT_FALSE(mayBeLong(ops, parameters("e7m10"), mode));
  EXPECT_TRUE(mayBeLong(ops, parameters("e6m10"), mode));
  EXPECT_FALSE(
      hasLongProducts(parameters("e4m3").facts, RoundingMode::Kind::Up));
  EXPECT_FALSE(hasLongProducts(parameters("e4m3").facts,
                               *RoundingMode::parse("stochastic<17>")));
  EXPECT_FALSE(areOwnFactors(ops, parameters("e5m4")));
  EXPECT_TRUE(areOwnFactors(ops, parameters("e5m3")));
  // Least number 2^-18: products of 2^-36, the least of which there is room.
  const Format odd = Format::unsignedZero(5, 3, 1);
  EXPECT_EQ(leastQuantumOfFactors(roundFacts(odd, Carrier::F32)), -18);
  EXPECT_TRUE(areOwnFactors(ops, makeRoundParameters(ops, odd, Carrier::F32)));
  // Its products have more bits below the quantum than the carrier has room.
  const auto facts = roundFacts(Format::ieee(5, 10), Carrier::F32);
  EXPECT_GT(leastQuantumOfFactors(facts), -24);
}
} // namespace
