// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the `?` of a format stand for, their legal ranges, and the format that
// is written with numbers in their place: as docs/numerics.md says.
#include "Inputs.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>

#include <limits>

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using Kind = RoundingMode::Kind;

namespace {
using Known = Format::RuntimeNumber;

/// The ranges that the table of formats gives.
const Known wholeBits{"integer bits", 1, 54}, allWhole{"integer bits", 0, 54},
    fractionBits{"fraction bits", 0, 53}, place{"integer bits", -61, 61},
    scale{"scale", std::numeric_limits<double>::min(),
          std::numeric_limits<double>::max(), /*isReal=*/true},
    bits{"bits", 1, 32}, balancedBits{"bits", 2, 32}, p3109Bits{"bits", 3, 16},
    precision{"bits of precision", 1, 16}, positBits{"bits", 2, 32},
    positExponent{"exponent bits", 0, 5},
    block{"elements in a block", 1, 65536}, blockBits{"bits", 2, 24},
    mxExponent{"exponent bits", 2, 5}, mxFraction{"fraction bits", 1, 7},
    adaptiveBits{"bits", 3, 16}, adaptiveExponent{"exponent bits", 1, 7};
/// Any width, which the carrier limits.
const Known anyExponent{"exponent bits", 0, 61},
    anyFraction{"fraction bits", 0, 61};
} // namespace

TEST(RuntimeNumbers, TextsReadBackAndNameTheirNumbers) {
  struct Case {
    const char *name;
    std::vector<Known> numbers;
  };
  for (const Case &each :
       {Case{"int8<?>", {scale}},
        {"int8<?,3>", {scale}},
        {"int8<?,?>", {scale, {"zero point", -128, 127}}},
        {"uint8<?,?>", {scale, {"zero point", 0, 255}}},
        {"int8<?>-sym", {scale}},
        {"int8<2^?>", {{"exponent of the scale", -61, 61}}},
        {"fixed<?,?>", {wholeBits, fractionBits}},
        {"ufixed<?,4>", {allWhole}},
        {"fixed<?/8>", {place}},
        {"fixed<?/?>", {place, {"bits", 3, 54}}},
        {"ufixed<?/?>", {place, {"bits", 3, 53}}},
        {"uint?", {bits}},
        {"int?", {bits}},
        {"int?-sym", {balancedBits}},
        {"fixed<?,?>-wrap", {wholeBits, fractionBits}},
        {"int?<0.5>-sym", {balancedBits}},
        {"int?<2^?>", {bits, {"exponent of the scale", -61, 61}}},
        {"int?<?,-3>", {bits, scale}},
        {"int?<?,?>", {bits, scale, {"zero point", -2147483648., 2147483647.}}},
        {"uint?<?,?>", {bits, scale, {"zero point", 0, 4294967295.}}},
        {"int?<max>", {balancedBits}}, // one bit has no positive code
        {"uint?<max>", {bits}},
        {"binary?p3se", {p3109Bits}},
        {"binary8p?uf", {precision}},
        {"binary?p?sf-sat", {p3109Bits, precision}},
        {"bits?", {{"bits", 0, 61}}},
        {"e5m?-ftz", {anyFraction}},
        {"e?m?-nosub", {anyExponent, anyFraction}},
        {"fixed<4,?>", {fractionBits}},
        {"posit<?,2>", {positBits}},
        {"posit<16,?>", {positExponent}},
        {"pow2<?,0>", {{"least exponent", -1022, 1023}}},
        {"pow2<-9,?>", {{"greatest exponent", -1022, 1023}}},
        {"mx<e?m?,?,ceil>", {mxExponent, mxFraction, block}},
        {"bfp<?,16>", {blockBits}},
        {"bfp<8,?>", {block}},
        {"adaptivfloat<?,3>", {adaptiveBits}},
        {"adaptivfloat<8,?>", {adaptiveExponent}},
        {"adaptivfloat<?,?>", {adaptiveBits, adaptiveExponent}}}) {
    std::string error;
    std::optional<Format> format = Format::parse(each.name, &error);
    ASSERT_TRUE(format) << error;
    EXPECT_EQ(format->str(), each.name);
    EXPECT_EQ(format->numRuntimeParameters(), each.numbers.size());
    const std::vector<Known> found = format->runtimeNumbers();
    ASSERT_EQ(found.size(), each.numbers.size()) << each.name;
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].what, each.numbers[i].what) << each.name;
      EXPECT_EQ(found[i].low, each.numbers[i].low) << each.name;
      EXPECT_EQ(found[i].high, each.numbers[i].high) << each.name;
      EXPECT_EQ(found[i].isReal, each.numbers[i].isReal) << each.name;
    }
  }
}

// R-RUNTIME: numbers outside the legal range of format and carrier mean the
// nearest that is legal.
TEST(RuntimeNumbers, WithNumbersInTheirPlace) {
  struct Case {
    const char *name;
    std::vector<double> numbers;
    const char *f32, *f64 = f32;
  };
  for (const Case &each :
       {Case{"e4m3", {}, "e4m3"},
        {"e?m?", {-9, -9}, "e2m0"},
        {"e?m?", {99, 99}, "e8m23", "e11m52"},
        {"e5m?", {99}, "e5m23", "e5m52"},
        {"e?m2-ftz", {99}, "e8m2-ftz", "e11m2-ftz"},
        // Without subnormals half of the least number is a normal one.
        {"e?m2-nosub", {99}, "e7m2-nosub", "e10m2-nosub"},
        {"m?", {-1}, "m0"},
        {"m?", {99}, "m23", "m52"},
        {"bits?", {0}, "bits9"},
        {"bits?", {99}, "bits32", "bits61"},
        {"int8<2^?>", {-3}, "int8<0.125>"},
        {"int8<2^?>", {99}, "int8<2305843009213693952>"}, // 2^61
        {"int?<2^?>-wrap", {5, -2}, "int5<0.25>-wrap"},
        {"int8<?>", {0.1}, "int8<0.1>"},
        {"int8<?>", {0x1p60}, "int8<1152921504606846976>"},
        {"int32<?,?>", {2, 100000}, "int32<2,100000>"},
        {"int32<?,?>", {2, -1e12}, "int32<2,-2147483648>"},
        {"fixed<?/8>", {3}, "fixed<3,5>"},
        {"ufixed<?/10>-wrap", {0}, "ufixed<0,10>-wrap"},
        {"fixed<?/?>", {3, 8}, "fixed<3,5>"},
        {"ufixed<?/?>", {3, 8}, "ufixed<3,5>"},
        {"mx<e?m?,?>", {9, 0, 0}, "mx<e5m1,1>"},
        {"int?<max>", {0}, "int2<max>"},
        // One fraction bit at least, 13 at most, beside the sign.
        {"adaptivfloat<?,3>", {0}, "adaptivfloat<5,3>"},
        {"adaptivfloat<?,3>", {99}, "adaptivfloat<16,3>"},
        {"adaptivfloat<?,1>", {99}, "adaptivfloat<15,1>"},
        {"adaptivfloat<8,?>", {0}, "adaptivfloat<8,1>"},
        {"adaptivfloat<8,?>", {99}, "adaptivfloat<8,6>"},
        {"adaptivfloat<16,?>", {0}, "adaptivfloat<16,2>"},
        {"adaptivfloat<16,?>", {99}, "adaptivfloat<16,7>"},
        {"adaptivfloat<?,?>", {16, 1}, "adaptivfloat<16,2>"},
        {"adaptivfloat<?,?>", {3, 7}, "adaptivfloat<3,1>"}})
    for (Carrier carrier : {Carrier::F32, Carrier::F64}) {
      const char *want = carrier == Carrier::F32 ? each.f32 : each.f64;
      std::string error;
      std::optional<Format> got =
          Format::parse(each.name)->with(each.numbers, carrier, &error);
      ASSERT_TRUE(got) << each.name << ": " << error;
      EXPECT_EQ(*got, *Format::parse(want))
          << each.name << ": got " << got->str() << ", expected " << want;
    }
}

// There is no text for a point before or behind all bits.
TEST(RuntimeNumbers, WithoutText) {
  for (double whole : {-3., 11.}) {
    std::string error;
    EXPECT_FALSE(Format::parse("fixed<?/10>")
                     ->with(std::vector<double>{whole}, Carrier::F32, &error));
    EXPECT_NE(error, "");
  }
}

// The fraction's bits: those of fixed point and integers follow from their
// bits, a power of two has no fraction.
TEST(RuntimeNumbers, FractionBits) {
  auto fractionBits = [](const char *name) {
    return roundFacts(*Format::parse(name), Carrier::F32).fractionBits;
  };
  for (const char *name : {"fixed<?,?>", "ufixed<4,?>", "fixed<?/?>", "int?",
                           "uint?<2^?>", "int?-sym"})
    EXPECT_EQ(fractionBits(name), Format::runtime) << name;
  for (const char *name : {"pow2<?,?>", "pow2<?,0>", "pow2<-8,?>"})
    EXPECT_EQ(fractionBits(name), 0) << name;
}

namespace {
template <class T> struct RuntimeClamps : testing::Test {
  static constexpr Carrier carrier =
      sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(RuntimeClamps, Carriers);
} // namespace

// More bits than the carrier has room for mean as many as it has.
TYPED_TEST(RuntimeClamps, BitsAreClampedToTheCarrier) {
  using T = TypeParam;
  struct Case {
    const char *name;
    std::vector<double> numbers;
    const char *f32, *f64;
  };
  for (const Case &each :
       {Case{"int?", {99}, "int25", "int32"},
        {"uint?<0.5,7>", {99}, "uint24<0.5,7>", "uint32<0.5,7>"},
        {"int?<0.3>", {99}, "int17<0.3>", "int32<0.3>"},
        {"int?<0.3,9>", {99}, "int16<0.3,9>", "int32<0.3,9>"},
        {"fixed<?/?>", {9, 99}, "fixed<9,16>", "fixed<9,45>"},
        {"ufixed<?/?>", {9, 99}, "ufixed<9,15>", "ufixed<9,44>"},
        // Fraction bits give way.
        {"fixed<?,?>", {99, 3}, "fixed<25,0>", "fixed<54,0>"},
        {"fixed<?,?>", {20, 99}, "fixed<20,5>", "fixed<20,34>"},
        {"ufixed<?,?>", {20, 99}, "ufixed<20,4>", "ufixed<20,33>"},
        // 2^61 and 2^-61.
        {"int?<2^?>",
         {4, 99},
         "int4<2305843009213693952>",
         "int4<2305843009213693952>"},
        {"int?<2^?>",
         {4, -99},
         "int4<4.336808689942018e-19>",
         "int4<4.336808689942018e-19>"},
        // Of five bits 61 or -61 stand before the point.
        {"fixed<?/?>",
         {99, 5},
         "int5<72057594037927936>",
         "int5<72057594037927936>"},
        {"fixed<?/?>",
         {-99, 5},
         "int5<1.3552527156068805e-20>",
         "int5<1.3552527156068805e-20>"},
        {"binary?p11se", {99}, "binary16p11se", "binary16p11se"},
        {"binary?p?se", {99, 99}, "binary16p15se", "binary16p15se"}}) {
    const Format format = *Format::parse(each.name);
    const Format written = *Format::parse(sizeof(T) == 4 ? each.f32 : each.f64);
    ASSERT_EQ(written.whyNotIn(this->carrier), "") << each.name;
    const auto words = wordsOf<T>(format, each.numbers);
    Words random(5);
    std::vector<T> values = specials<T>();
    for (int e = -70; e <= 70; ++e)
      for (int i = 0; i < 8; ++i)
        around(values, std::ldexp(1 + double(random() >> 11) * 0x1p-53, e));
    for (Kind kind : {Kind::NearestEven, Kind::Up, Kind::ToOdd}) {
      Rounder<T> own(written, kind), runtime(format, kind, words);
      for (T x : values)
        ASSERT_EQ(bitsOf(runtime(x)), bitsOf(own(x)))
            << each.name << " as " << written.str() << " of " << x;
    }
  }
}

// A scale becomes the carrier's nearest number, and keeps away from the ends of
// its exponents by 60, as a written one has to.
TYPED_TEST(RuntimeClamps, ScalesAreClamped) {
  using T = TypeParam;
  const int room = layoutOf(this->carrier).bias() - 60;
  const double least = std::ldexp(1.0, -room),
               most = std::ldexp(2 - 0x1p-52, room);
  const auto ulp = double(std::numeric_limits<T>::epsilon());
  std::vector<std::pair<double, double>> cases = {
      {std::numeric_limits<double>::min(), least},
      {1.75 * least / 2, least},
      {std::numeric_limits<double>::max(), most},
      {std::ldexp(1.0, room + 1), most}};
  for (double legal : {least, (1 + ulp) * least, std::ldexp(2 - 0x1p-20, room),
                       most, 0x1.000001p5, 0x1.000003p5, 0x1.0000010000001p5,
                       0x1.0000030000001p5, 0x1.0000028p5, 0x1.0000024p5})
    cases.emplace_back(legal, legal);
  const Format format = *Format::parse("int4<?>");
  for (auto [given, means] : cases) {
    Format written = format;
    written.scale = means;
    ASSERT_EQ(written.whyNotIn(this->carrier), "") << means;
    const auto words = wordsOf<T>(format, {given});
    Rounder<T> own(written, Kind::NearestEven),
        runtime(format, Kind::NearestEven, words);
    for (int k = -9; k <= 9; ++k)
      for (double place : {0.0, 0.3, 0.6})
        ASSERT_EQ(bitsOf(runtime(T((k + place) * means))),
                  bitsOf(own(T((k + place) * means))))
            << std::hexfloat << given << " means " << means;
  }
}

// Widths are regular where a normal number loses some of its bits, not all.
TYPED_TEST(RuntimeClamps, RegularWidths) {
  using T = TypeParam;
  const int F = std::numeric_limits<T>::digits - 1;
  const Format format = *Format::parse("e?m?");
  MachineOps<BitsOf<T>> ops;
  for (int exponent = 2; exponent <= (sizeof(T) == 4 ? 8 : 11); ++exponent)
    for (int fraction = 0; fraction <= F; ++fraction) {
      const BitsOf<T> words[] = {BitsOf<T>(exponent), BitsOf<T>(fraction)};
      const auto p = makeRoundParameters(ops, format, this->carrier,
                                         std::span<const BitsOf<T>>(words));
      EXPECT_EQ(hasRegularWidths(ops, p), fraction > 0 && fraction < F)
          << exponent << " " << fraction;
    }
}
