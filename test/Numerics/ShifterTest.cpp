// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding by two additions gives the bits of THE rounding, which the other
// tests compare with oracles, but for the sign of zeros and for NaNs.
#include "prec/Numerics/Shifter.h"
#include "Inputs.h"
#include "prec/Numerics/Rounding.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
template <class T> class Shifter : public testing::Test {
protected:
  using Word = BitsOf<T>;
  static constexpr Carrier carrier =
      sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;

  RoundParameters<Word> parametersOf(const char *name,
                                     std::vector<Word> runtime = {}) {
    return makeRoundParameters(ops, *Format::parse(name), carrier,
                               std::span<const Word>(runtime));
  }

  /// All NaNs alike, all zeros alike.
  static Word plain(Word bits) {
    const T value = fromBits<T>(bits);
    if (std::isnan(value))
      return bitsOf(std::numeric_limits<T>::quiet_NaN());
    return value == 0 ? 0 : bits;
  }

  static Word withPlainZero(Word bits) {
    return fromBits<T>(bits) == 0 ? 0 : bits;
  }

  static Word withPlainNaN(Word bits) {
    return std::isnan(fromBits<T>(bits)) ? plain(bits) : bits;
  }

  Word exact(T x, const RoundParameters<Word> &p) {
    return roundWord(ops, bitsOf(x), p, RoundingMode::Kind::NearestEven,
                     Word(0));
  }

  void same(const char *name, const RoundParameters<Word> &p, T x,
            ShifterOperand operand) {
    const Word got = roundByShifter(ops, bitsOf(x), p, operand);
    // The NaN that comes of a number is the canonical one.
    ASSERT_EQ(std::isnan(x) ? plain(got) : withPlainZero(got),
              std::isnan(x) ? plain(exact(x, p)) : withPlainZero(exact(x, p)))
        << name << (operand.isSum ? ", of a sum" : "") << " " << x << " (bits "
        << std::hex << bitsOf(x) << ")";
    if (!operand.isSum)
      ASSERT_EQ(roundExactlyByShifter(ops, bitsOf(x), p), exact(x, p))
          << name << " exactly " << x << " (bits " << std::hex << bitsOf(x);
    if (!operand.isSum && !std::isnan(x))
      ASSERT_EQ(withPlainNaN(roundSignedByShifter(ops, bitsOf(x), p)),
                exact(x, p))
          << name << " signed " << x;
    const T want = fromBits<T>(exact(x, p));
    operand.isInRange = true;
    const auto magnitude = bitsOf(std::fabs(want));
    const bool isInside = magnitude < std::min(p.largest, p.lowest);
    if (isInside && std::isfinite(x))
      ASSERT_EQ(plain(roundByShifter(ops, bitsOf(x), p, operand)),
                plain(bitsOf(want)))
          << name << " in range " << x;
  }

  /// Every number of at most 12 bits of fraction in every binade, with
  /// neighbours, and the specials.
  static std::vector<T> values() {
    constexpr int least =
        std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
    std::vector<T> result = specials<T>();
    Words words(17);
    for (int exponent = std::max(least, -200);
         exponent < std::min(std::numeric_limits<T>::max_exponent, 200);
         ++exponent)
      for (int i = 0; i < 256; ++i) {
        double fraction = i < 128 ? i / 128.0 : double(words() >> 12) * 0x1p-52;
        around(result, std::ldexp(1 + fraction, exponent));
      }
    return result;
  }

  MachineOps<Word> ops;
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(Shifter, Carriers);

const char *const formats[] = {
    "e5m10",       "e4m3",       "e3m4",         "e2m1",       "e6m9",
    "e5m1",        "e7m14",      "e5m21",        "e4m3-sat",   "e5m2-sat",
    "f8e4m3fn",    "f8e4m3fnuz", "f8e4m3fn-sat", "f8e5m2fnuz", "f8e4m3b11fnuz",
    "f6e2m3fn",    "f4e2m1fn",   "fixed<4,4>",   "fixed<1,7>", "fixed<12,11>",
    "ufixed<4,4>", "int8",       "int8-sym",     "uint4",      "int8<0.25>",
    "fixed<2,1>",  "int2"};
} // namespace

TYPED_TEST(Shifter, AnyOperand) {
  const auto values = this->values();
  for (const char *name : formats) {
    const auto p = this->parametersOf(name);
    ASSERT_TRUE(hasShifter(p.facts)) << name;
    for (TypeParam x : values)
      this->same(name, p, x, {});
  }
}

// All pairs of the numbers of a small format, its infinities and NaN; pairs of
// random numbers of the others.
TYPED_TEST(Shifter, Sums) {
  using T = TypeParam;
  const auto values = this->values();
  for (const char *name : formats) {
    const auto p = this->parametersOf(name);
    std::vector<T> numbers;
    for (T x : values)
      numbers.push_back(fromBits<T>(this->exact(x, p)));
    std::sort(numbers.begin(), numbers.end(),
              [](T a, T b) { return bitsOf(a) < bitsOf(b); });
    numbers.erase(std::unique(numbers.begin(), numbers.end(),
                              [](T a, T b) { return bitsOf(a) == bitsOf(b); }),
                  numbers.end());
    const size_t step = std::max<size_t>(numbers.size() / 499, 1);
    for (size_t i = 0; i < numbers.size(); i += step)
      for (size_t j = i % step; j < numbers.size(); j += step)
        this->same(name, p, numbers[i] + numbers[j], {.isSum = true});
  }
}

TYPED_TEST(Shifter, RuntimeWidths) {
  using T = TypeParam;
  using Word = BitsOf<T>;
  const auto values = this->values();
  const ShifterLimits limits = shifterLimits(layoutOf(this->carrier));
  for (Word exponent :
       {Word(2), Word(3), Word(5), Word(limits.mostExponentBits)})
    for (Word fraction : {Word(limits.leastFraction), Word(3), Word(10),
                          Word(limits.mostFraction)}) {
      const auto p = this->parametersOf("e?m?", {exponent, fraction});
      ASSERT_TRUE(hasShifter(p.facts));
      for (T x : values)
        this->same("e?m?", p, x, {});
    }
}

// The limits are the widths at which it is right: beyond each there are numbers
// that it rounds to others.
TYPED_TEST(Shifter, RuntimeLimits) {
  using T = TypeParam;
  using Word = BitsOf<T>;
  const auto values = this->values();
  const ShifterLimits limits = shifterLimits(layoutOf(this->carrier));
  const std::pair<Word, Word> beyond[] = {
      {limits.mostExponentBits + 1, 10},
      {5, limits.leastFraction - 1},
      {5, limits.mostFraction + 1},
  };
  for (const auto &[exponent, fraction] : beyond) {
    const auto p = this->parametersOf("e?m?", {exponent, fraction});
    EXPECT_TRUE(std::any_of(values.begin(), values.end(),
                            [&](T x) {
                              return this->plain(roundByShifter(
                                         this->ops, bitsOf(x), p, {})) !=
                                     this->plain(this->exact(x, p));
                            }))
        << exponent << " exponent bits, " << fraction << " fraction bits";
  }
}

TYPED_TEST(Shifter, RuntimeGrids) {
  using T = TypeParam;
  using Word = BitsOf<T>;
  const auto values = this->values();
  const std::pair<const char *, std::vector<int>> cases[] = {
      {"fixed<?,?>", {4, 4}}, {"fixed<?/?>", {-2, 8}}, {"int8<2^?>", {5}},
      {"int?", {4}},          {"uint?<2^?>", {1, -7}}, {"fixed<?/8>", {3}},
      {"int?-sym", {2}},      {"ufixed<?,0>", {3}}};
  for (const auto &[name, numbers] : cases) {
    std::vector<Word> words;
    for (int number : numbers)
      words.push_back(uint32_t(number));
    const auto p = this->parametersOf(name, words);
    ASSERT_TRUE(hasShifter(p.facts) && fitsGrid(this->ops, p)) << name;
    for (T x : values)
      this->same(name, p, x, {});
  }
  // Two bits fewer than the carrier's significand, and a sign.
  const Word most = layoutOf(this->carrier).fractionBits - 1;
  auto fits = [&](const char *name, Word bits) {
    return fitsGrid(this->ops, this->parametersOf(name, {bits}));
  };
  if (sizeof(T) == 4) { // in f64 no integer has as many
    EXPECT_TRUE(fits("uint?", most) && fits("int?", most + 1));
    EXPECT_FALSE(fits("uint?", most + 1) || fits("int?", most + 2));
  }
}

// Where the carrier has no room, or rounding is another one.
TYPED_TEST(Shifter, NotEverywhere) {
  for (const char *name :
       {"m7", "bf16", "e3m0", "e5m2-ftz", "e5m2-nosub", "e8m7-sat", "int8-wrap",
        "int8<0.1>", "int8<1,3>", "posit<8,1>", "pow2<-8,0>", "binary8p3se",
        "f8e8m0fnu", "m?", "bits?", "int8<?>", "int?<0.1>", "fixed<?,?>-wrap",
        "e8m?"})
    EXPECT_FALSE(hasShifter(roundFacts(*Format::parse(name), Carrier::F32)))
        << name;
  for (const char *name : {"e5m22", "e?m22", "fixed<12,13>"}) {
    EXPECT_FALSE(hasShifter(roundFacts(*Format::parse(name), Carrier::F32)));
    EXPECT_TRUE(hasShifter(roundFacts(*Format::parse(name), Carrier::F64)));
  }
  // Steps are that far from the carrier's ends: 2^(F - 1) times the step is M.
  Format scaled = *Format::parse("int8<0.25>");
  scaled.scale = 0x1p68;
  EXPECT_NE(scaled.whyNotIn(Carrier::F32), "");
}
