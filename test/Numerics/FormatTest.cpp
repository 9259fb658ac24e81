// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats as text: what parses, what it means, what is refused and with which
// words.
#include "prec/Numerics/RoundParameters.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::HasSubstr;

namespace {
std::string formatError(std::string_view text) {
  std::string error;
  EXPECT_FALSE(Format::parse(text, &error)) << text;
  return error;
}
} // namespace

TEST(Format, CanonicalTextRoundTrips) {
  for (std::string_view text : {"e5m10",
                                "e2m0",
                                "e11m52",
                                "m0",
                                "m12",
                                "m52",
                                "bits9",
                                "bits16",
                                "bits61",
                                "f8e4m3fn",
                                "f4e2m1fn",
                                "e5m10-sat",
                                "m7-sat",
                                "f8e4m3fn-sat",
                                "m?",
                                "bits?",
                                "e5m?",
                                "e?m10",
                                "e?m?",
                                "fixed<4,12>",
                                "ufixed<0,8>",
                                "fixed<1,0>",
                                "fixed<4,12>-wrap",
                                "fixed<?/10>",
                                "fixed<?/8>-wrap",
                                "fixed<?,?>-wrap",
                                "int?",
                                "int8<2^?>-wrap",
                                "ufixed<?/3>",
                                "int8",
                                "uint4",
                                "int32",
                                "int1",
                                "int8-sym",
                                "int8<0.1>",
                                "int8<0.1>-sym",
                                "uint8<0.02,128>",
                                "int8<2,-128>",
                                "int32<2,-2147483648>",
                                "uint32<2,4294967295>",
                                "uint8-wrap",
                                "int8<max>",
                                "int8<2^?>",
                                "uint3<2^?>",
                                "int8<2^?>-sym",
                                "posit<16,1>",
                                "posit<8,0>-sat",
                                "pow2<-8,0>",
                                "binary8p3se",
                                "binary3p1uf",
                                "binary16p10sf-sat",
                                "binary8p?se",
                                "e5m10-ftz",
                                "e?m3-ftz",
                                "e5m10-nosub",
                                "e5m10-ftz-sat",
                                "f8e8m0fnu-sat",
                                "binary<mean>",
                                "mxfp4",
                                "mxint8",
                                "mx<f8e4m3fn,16>",
                                "mx<f4e2m1fn,32,ceil>",
                                "bfp<8,16>",
                                "bfp<4,16,even>",
                                "adaptivfloat<8,4>",
                                "adaptivfloat<3,1>",
                                "adaptivfloat<16,7>",
                                "mx<e5m7,32>",
                                "pow2<-1022,1023>",
                                "mxfp8e4m3-axis0",
                                "int8<max>-axis15",
                                "nvfp4"}) {
    auto format = Format::parse(text);
    ASSERT_TRUE(format) << text;
    EXPECT_EQ(format->str(), text);
  }
}

TEST(Format, NamesAreRows) {
  EXPECT_EQ(Format::parse("f16"), Format::ieee(5, 10));
  EXPECT_EQ(Format::parse("bf16"), Format::ieee(8, 7));
  EXPECT_EQ(Format::parse("f32"), Format::ieee(8, 23));
  EXPECT_EQ(Format::parse("f64"), Format::ieee(11, 52));
  EXPECT_EQ(Format::parse("e4m3fn"), Format::parse("f8e4m3fn"));
  EXPECT_EQ(Format::parse("e4m3fnuz")->str(), "f8e4m3fnuz");
  EXPECT_EQ(Format::parse("f16-sat")->str(), "e5m10-sat");
  EXPECT_NE(Format::parse("e4m3"), Format::parse("e4m3fn"));
  for (const Format::Name &name : Format::names()) {
    auto format = Format::parse(name.word);
    ASSERT_TRUE(format) << name.word;
    EXPECT_EQ(format->str(), name.canonical);
  }
}

TEST(Format, OtherSpellings) {
  for (auto [text, canonical] : {std::pair("mxfp8", "mxfp8e4m3"),
                                 {"mxfp6", "mxfp6e3m2"},
                                 {"mx<e2m1fn,32>", "mxfp4"},
                                 {"mx<f8e4m3fn,32,floor>", "mxfp8e4m3"},
                                 {"bfp<8,32>", "mxint8"},
                                 {"int2-sym", "ternary"},
                                 {"int8<1>", "int8"},
                                 {"int8<0.50>", "int8<0.5>"},
                                 {"e8m0fnu", "f8e8m0fnu"},
                                 {"e5m10-sat-ftz", "e5m10-ftz-sat"}}) {
    auto format = Format::parse(text);
    ASSERT_TRUE(format) << text;
    EXPECT_EQ(format->str(), canonical);
  }
}

TEST(Format, OutOfRange) {
  for (auto [text, why] :
       {std::pair("fixed<0,0>",
                  "has 0 integer bits (the sign counts), expected "
                  "1..54"),
        {"ufixed<0,0>", "has 0 bits, expected 1..53"},
        {"mx<e4m60,32>", "'e4m60' has 60 fraction bits, expected 0..52"},
        {"mx<e4q3,32>", "unknown format 'e4q3'"},
        {"fixed<40,40>", "has 80 bits, expected 1..54"},
        {"fixed<1,54>", "has 54 fraction bits, expected 0..53"},
        {"fixed<?/2>", "has 2 bits, expected 3..54"},
        {"ufixed<?/54>", "has 54 bits, expected 3..53"},
        {"int0", "has 0 bits, expected 1..32"},
        {"uint33", "has 33 bits, expected 1..32"},
        {"int8<0>", "has a scale that is not a positive number"},
        {"int8<-1>", "has a scale that is not a positive number"},
        {"int8<inf>", "has a scale that is not a positive number"},
        {"uint8<1,256>", "has the zero point 256, expected a code, 0..255"},
        {"uint32<1,4294967296>", "expected a code, 0..4294967295"},
        {"int2<2^?>", "has 2 bits, expected 3..32"},
        {"int8<?>-wrap", "only fixed point and integers with all"},
        {"fixed<?,54>", "has 54 fraction bits, expected 0..53"},
        {"pow2<?,1024>", "has 1024 as its greatest exponent"},
        {"pow2<?,-1023>", "has -1023 as its greatest exponent, expected "
                          "-1022..1023"},
        {"pow2<-1023,0>", "has -1023 as its least exponent, expected "
                          "-1022..1023"},
        {"pow2<1024,?>", "has 1024 as its least exponent"},
        {"mx<mxfp4,32>", "expected floats of 2..5 exponent and 1..7 fraction"},
        {"mx<e4m3-sat,9>", "expected floats of 2..5 exponent"},
        {"mx<e4m3-ftz,9>", "expected floats of 2..5 exponent"},
        {"mx<e6m3,9>", "expected floats of 2..5 exponent"},
        {"mx<e4m8,9>", "expected floats of 2..5 exponent"},
        {"binary?p16se", "has 16 bits of precision, expected 1..15"},
        {"binary?p17ue", "has 17 bits of precision, expected 1..16"},
        {"adaptivfloat<2,?>", "has 2 bits, expected 3..16"},
        {"adaptivfloat<17,?>", "has 17 bits, expected 3..16"},
        {"adaptivfloat<?,0>", "has 0 exponent bits, expected 1..7"},
        {"adaptivfloat<?,8>", "has 8 exponent bits, expected 1..7"},
        {"mx<int8,?>", "expected floats of 2..5 exponent and 1..7 fraction"},
        {"fixed<?/4", "has a '?' for a number that is part of"},
        {"fixed<4/?>", "has a '?' for a number that is part of"},
        {"m??", "has a '?' for a number that is part of"},
        {"int8<?,?,?>", "for others write a rule for each number"},
        {"int1<max>", "has no positive code to scale the maximum to"},
        {"posit<33,1>", "has 33 bits, expected 2..32"},
        {"posit<1,0>", "has 1 bits, expected 2..32"},
        {"posit<8,6>", "has 6 exponent bits, expected 0..5"},
        {"pow2<1,0>", "has exponents 1..0"},
        {"binary2p1se", "has 2 bits, expected 3..16"},
        {"binary8p8se", "has 8 bits of precision, expected 1..7"},
        {"binary8p9ue", "has 9 bits of precision, expected 1..8"},
        {"mx<e5m10,32>", "expected floats of 2..5 exponent and 1..7 fraction"},
        {"mx<e4m0,32>", "expected floats of 2..5 exponent and 1..7 fraction"},
        {"mxfp4-sat", "formats with a shared scale take no suffix"},
        {"mxfp4-axis", "has the axis '', expected 0..15"},
        {"mxfp4-axis16", "has the axis '16', expected 0..15"},
        {"mxfp4-axis?", "has the axis '?', expected 0..15"},
        {"int8-axis0", "has an axis, but its elements share no scale"},
        {"mxfp4-axis0-sat", "has the axis '0-sat', expected 0..15"},
        {"mx<e4m3fn,0>", "has 0 elements in a block, expected 1..65536"},
        {"bfp<1,16>", "has 1 bits, expected 2..24"},
        {"adaptivfloat<8,7>", "has 0 fraction bits, expected 1..13"},
        {"int8-sat", "it saturates by itself"},
        {"e5m10-wrap", "only fixed point and integers"},
        {"uint8-sym", "only signed integers"},
        {"uint?-sym", "only signed integers"},
        {"fixed<4,4>-sym", "only signed integers"},
        {"int1-sym", "only signed integers of at least 2 bits"},
        {"ternary-sym", "only signed integers"},
        {"m7-sym", "only signed integers"},
        {"int8-ftz", "only floats have subnormals"}})
    EXPECT_THAT(formatError(text), HasSubstr(why)) << text;
}

TEST(Format, Widths) {
  EXPECT_EQ(Format::parse("bits16")->fractionBits, 7);
  EXPECT_EQ(Format::parse("bits16")->exponentBits, 8);
  EXPECT_NE(Format::parse("bits16"), Format::parse("e8m7"));
  EXPECT_EQ(Format::parse("e?m?")->numRuntimeParameters(), 2u);
  EXPECT_EQ(Format::parse("bits?")->numRuntimeParameters(), 1u);
  EXPECT_EQ(Format::parse("m?")->numRuntimeParameters(), 1u);
  EXPECT_EQ(Format::parse("fixed<?/10>")->numRuntimeParameters(), 1u);
  EXPECT_EQ(Format::parse("int8<2^?>")->numRuntimeParameters(), 1u);
  EXPECT_FALSE(Format::parse("m7")->isRuntime());
}

// The elements of an array know nothing of what they share.
TEST(Format, Elements) {
  EXPECT_EQ(Format::parse("mxfp8-axis0")->element(), Format::parse("f8e4m3fn"));
  EXPECT_EQ(Format::parse("bfp<8,16,ceil>-axis2")->element(),
            Format::parse("bfp<8,32>")->element());
  EXPECT_EQ(Format::parse("int8<max>-axis1")->element(), Format::parse("int8"));
  EXPECT_TRUE(Format::parse("mxfp8-axis0")->element().isElementwise());
}

// A code for each number, in as few bits as hold them all.
// Both signs, whatever the exponents' are.
TEST(Format, PowersHaveASign) {
  for (const char *name : {"pow2<-3,4>", "pow2<0,4>", "pow2<3,?>"})
    EXPECT_TRUE(Format::parse(name)->isSigned) << name;
}

// Scales are positive: 2^127 is the greatest, nothing is below zero.
TEST(Format, LimitsOfScales) {
  const Limits limits = limitsOf(Format::exponentOnly(), Carrier::F32);
  EXPECT_EQ(limits.largest, 0x7f000000u);
  EXPECT_EQ(limits.lowest, 0u);
}

// Formats with one scale for the array; AdaptivFloat's elements have no
// subnormals and one zero.
TEST(Format, OneScale) {
  for (const char *name : {"binary<mean>", "adaptivfloat<8,4>", "int8<max>"})
    EXPECT_EQ(Format::parse(name)->block, 0) << name;
  const Format adaptive = *Format::parse("adaptivfloat<8,4>");
  EXPECT_EQ(adaptive.subnormals, Format::Subnormals::Absent);
  EXPECT_FALSE(adaptive.hasNegativeZero);
}

TEST(Format, CodeWidths) {
  for (auto [text, width] : std::initializer_list<std::pair<const char *, int>>{
           {"e4m3", 8},
           {"m7", 16},
           {"bits12", 12},
           {"fixed<4,12>", 16},
           {"ufixed<3,4>", 7},
           {"int8<max>", 8},
           {"uint4", 4},
           {"ternary", 2},
           {"binary", 1},
           {"posit<11,1>", 11},
           {"binary7p3se", 7},
           {"f8e8m0fnu", 8},
           // a sign, and places for zero and the exponents
           {"pow2<-8,0>", 5},
           {"pow2<-3,4>", 5},
           {"pow2<0,0>", 2},
           {"pow2<0,2>", 3},
           {"pow2<-6,0>", 4}})
    EXPECT_EQ(Format::parse(text)->width(Carrier::F32), width) << text;
}

TEST(Format, WhyNotIn) {
  EXPECT_EQ(Format::parse("f32")->whyNotIn(Carrier::F32), "");
  EXPECT_EQ(Format::parse("e11m52")->whyNotIn(Carrier::F64), "");
  EXPECT_EQ(Format::parse("e?m?")->whyNotIn(Carrier::F32), "");
  EXPECT_EQ(Format::parse("bits32")->whyNotIn(Carrier::F32), "");
  EXPECT_EQ(Format::parse("m24")->whyNotIn(Carrier::F32),
            "format 'm24' has 24 fraction bits, f32 carries at most 23");
  EXPECT_EQ(Format::parse("e9m3")->whyNotIn(Carrier::F32),
            "format 'e9m3' has 9 exponent bits, f32 carries at most 8");
  EXPECT_NE(Format::parse("bits33")->whyNotIn(Carrier::F32), "");
  EXPECT_EQ(Format::parse("bits61")->whyNotIn(Carrier::F64), "");
  for (const char *text :
       {"int25", "fixed<5,20>", "fixed<?/25>", "posit<24,1>", "int8<1e-9>",
        "int16<0.1>", "f8e8m0fnu", "pow2<-126,127>",
        // Codes count from the zero point: -65536..65535.
        "uint17<0.1,65536>",
        // Steps of 2^67 and 2^-67.
        "int8<147573952589676412928>", "int8<6.776263578034403e-21>",
        // N - 3 - ES fraction bits, powers of two to (N - 2) 2^ES.
        "posit<26,0>", "posit<28,2>", "posit<17,3>", "posit<9,4>",
        "posit<5,5>"})
    EXPECT_EQ(Format::parse(text)->whyNotIn(Carrier::F32), "") << text;
  for (const char *text : {"int26",
                           "uint25",
                           "fixed<6,20>",
                           "fixed<?/26>",
                           "posit<32,2>",
                           "posit<8,5>",
                           "int8<1e-30>",
                           "int18<0.1>",
                           "pow2<-127,0>",
                           "int17<0.1,1>", // down to -65537
                           "int8<295147905179352825856>",
                           "int8<3.3881317890172014e-21>",
                           "posit<27,0>",
                           "posit<29,2>",
                           "posit<18,3>",
                           "posit<10,4>",
                           "posit<6,5>",
                           "pow2<0,128>",
                           "binary16p8se",
                           "e8m3-nosub"}) {
    EXPECT_NE(Format::parse(text)->whyNotIn(Carrier::F32), "") << text;
    EXPECT_EQ(Format::parse(text)->whyNotIn(Carrier::F64), "") << text;
  }
  EXPECT_EQ(Format::parse("int26")->whyNotIn(Carrier::F32),
            "format 'int26' has 26 bits and the sign, f32 carries at most 25");
}

TEST(Format, Refused) {
  EXPECT_THAT(formatError("fp16"), HasSubstr("did you mean 'f16'?"));
  EXPECT_THAT(formatError("-axis0"), HasSubstr("unknown format '-axis0'"));
  EXPECT_THAT(formatError("nonsense"), HasSubstr("legal: f64, f32, f16"));
  EXPECT_EQ(formatError("e12m3"),
            "format 'e12m3' has 12 exponent bits, expected 2..11");
  EXPECT_EQ(formatError("e1m3"),
            "format 'e1m3' has 1 exponent bits, expected 2..11");
  EXPECT_EQ(formatError("m53"),
            "format 'm53' has 53 fraction bits, expected 0..52");
  EXPECT_EQ(formatError("bits8"), "format 'bits8' has 8 bits, expected 9..61");
  EXPECT_EQ(formatError("bits62"),
            "format 'bits62' has 62 bits, expected 9..61");
  for (std::string_view text : {"",
                                "m",
                                "m-1",
                                "-sat",
                                "m7-sat-sat",
                                "m7sat",
                                "m07",
                                "fixed",
                                "fixed<4>",
                                "fixed<4,12",
                                "int",
                                "int08",
                                "int8<",
                                "int8<>",
                                "int8<1,>",
                                "posit<8>",
                                "binary8p3",
                                "binary8p3xe",
                                "binary8p3sex",
                                "binary8pse",
                                "mx<e4m3fn,>",
                                "mx<e4m3fn,32x>",
                                "bfp<8x,16>",
                                "bfp<,16>",
                                "mx<,32>x",
                                "mx<e4m3fn>",
                                "bfp<8>",
                                "e5m10-ftz-nosub",
                                "e5m10-nosub-ftz",
                                "e5",
                                "e5m",
                                "em",
                                "m3x",
                                "m99999999999",
                                "m4294967303", // 2^32 + 7
                                "bits4294967312",
                                "e5m3m",
                                "bits",
                                "E5M2"})
    EXPECT_THAT(formatError(text), HasSubstr("unknown format")) << text;
}
