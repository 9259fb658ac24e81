// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding to fixed point by conversions to words gives all bits of THE
// rounding, which the other tests compare with oracles.
#include "prec/Numerics/GridRounding.h"
#include "Inputs.h"
#include "prec/Numerics/Round.h"
#include "prec/Numerics/Rounding.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
class GridRoundingTest : public testing::TestWithParam<FormatCase> {
protected:
  MachineOps<uint32_t> ops;
  RoundParameters<uint32_t> p = GetParam().parameters();
  const double quantum = std::ldexp(1.0, int(p.leastQuantum) - 127);

  void same(float x, const char *name, uint32_t word) {
    const RoundingMode mode = *RoundingMode::parse(name);
    ASSERT_TRUE(hasGridRounding(p.facts, mode)) << name;
    ASSERT_TRUE(hasUnits(ops, p) && fitsGrid(ops, p));
    GridRounding<MachineOps<uint32_t>> rounding(ops, bitsOf(x), p, mode, word);
    ASSERT_EQ(rounding.run(), roundWord(ops, bitsOf(x), p, mode, word))
        << name << " " << x << ", word " << word;
  }
};

// Whole numbers of quanta, halves and their neighbours, numbers of all
// exponents, and what is not finite.
TEST_P(GridRoundingTest, Values) {
  std::vector<float> values = specials<float>();
  Words random(3);
  for (int i = -40; i <= 40; ++i)
    around(values, quantum * i / 2);
  for (double end :
       {double(fromBits<float>(p.largest)), double(fromBits<float>(p.lowest))})
    for (int i = -6; i <= 6; ++i)
      around(values, end + quantum * i / 4);
  for (float x : everyBinade<float>(random, 32, 1))
    values.push_back(x);
  for (const char *name : otherModes)
    for (float x : values) {
      const auto word = uint32_t(random());
      for (uint32_t w : {word, 0u, ~0u, 0x7fffu, 0x8000u, 0x80000000u})
        same(x, name, w);
    }
}

// On both sides of what each word lacks to one.
TEST_P(GridRoundingTest, Thresholds) {
  const double most = fromBits<float>(p.largest) / quantum;
  Words random(4);
  for (const auto &[name, bits] :
       {std::pair("stochastic", 16u), std::pair("stochastic<1>", 1u),
        std::pair("stochastic<7>", 7u), std::pair("stochastic<20>", 20u)})
    for (int i = 0; i < 20000; ++i) {
      const uint32_t word = uint32_t(random()) >> (bits > 16 ? 0 : 16);
      const double top = word >> (bits > 16 ? 32 - bits : 16 - bits);
      const double lacks = 1 - std::ldexp(2 * top + 1, -int(bits) - 1);
      const double units = double(random() % 64) * (i % 2);
      std::vector<float> values;
      around(values, quantum * (std::min(units, most) + lacks));
      for (float x : values)
        same(x, name, word);
    }
}

const char *const formats[] = {
    "fixed<8,8>", "fixed<4,12>", "fixed<2,14>", "fixed<1,0>", "fixed<12,10>",
    "int8",       "int16",       "uint4",       "int8<0.25>", "uint8<0.5>"};
const std::vector<FormatCase> runtimeCases = {
    {"fixed<?,?>", {8, 8}},  {"fixed<?,4>", {1}},     {"fixed<3,?>", {0}},
    {"ufixed<?,?>", {2, 6}}, {"fixed<?/?>", {2, 16}}, {"fixed<?/8>", {-3}},
    {"int8<2^?>", {-4}},     {"int?", {8}},           {"uint?<2^?>", {1, -61}},
    {"int?<0.5>", {23}},     {"int?-sym", {2}}};
INSTANTIATE_TEST_SUITE_P(All, GridRoundingTest,
                         testing::ValuesIn(std::vector<FormatCase>(
                             std::begin(formats), std::end(formats))));
INSTANTIATE_TEST_SUITE_P(Runtime, GridRoundingTest,
                         testing::ValuesIn(runtimeCases));

// The least number of the carrier is rounded to another number than zero.
TEST(GridRounding, HeedsTiny) {
  constexpr float tiny = std::numeric_limits<float>::denorm_min();
  for (const char *name : otherModes) {
    const RoundingMode mode = *RoundingMode::parse(name);
    const Rounder<float> rounded(*Format::parse("fixed<8,8>"), mode);
    bool heeds = false;
    for (float x : {tiny, -tiny})
      for (uint32_t word : {0u, ~0u})
        heeds |= rounded(x, word) != 0;
    EXPECT_EQ(heedsTiny(mode), heeds) << name;
  }
}

// The same fact of constant numbers is what hasGridRounding says.
TEST(GridRounding, Conditions) {
  MachineOps<uint32_t> ops;
  auto mayBe = [&](const char *name, std::vector<int> numbers) {
    const auto p = FormatCase{name, numbers}.parameters();
    return hasUnits(ops, p) && fitsGrid(ops, p);
  };
  for (int exponent = -5; exponent <= 5; ++exponent)
    EXPECT_EQ(mayBe("int8<2^?>", {exponent}), exponent <= 0) << exponent;
  for (int bits = 2; bits <= 25; ++bits) {
    const std::string constant = "int" + std::to_string(bits);
    EXPECT_EQ(
        mayBe("int?", {bits}),
        hasGridRounding(roundFacts(*Format::parse(constant), Carrier::F32),
                        RoundingMode::Kind::Up))
        << bits;
  }
}

TEST(GridRounding, NotEverywhere) {
  auto has = [](const char *format, const char *mode,
                Carrier carrier = Carrier::F32) {
    return hasGridRounding(roundFacts(*Format::parse(format), carrier),
                           *RoundingMode::parse(mode));
  };
  for (const char *format : {"e4m3", "m7", "fixed<8,8>-wrap", "fixed<?,8>-wrap",
                             "int8<0.1>", "int8<?>", "int?<0.1>", "int8<2>",
                             "int8<1,3>", "int8<max>", "int32", "posit<8,1>"})
    EXPECT_FALSE(has(format, "up")) << format;
  EXPECT_TRUE(has("fixed<8,8>", "up"));
  EXPECT_FALSE(has("fixed<8,8>", "nearest-even"));
  EXPECT_FALSE(has("fixed<8,8>", "stochastic<23>"));
  EXPECT_FALSE(has("fixed<8,8>", "up", Carrier::F64));
}
} // namespace
