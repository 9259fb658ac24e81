// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats and rounding modes as text: what parses, what it means, what is
// refused and with which words.
#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::HasSubstr;

namespace {
std::string formatError(std::string_view text) {
  std::string error;
  EXPECT_FALSE(Format::parse(text, &error)) << text;
  return error;
}
std::string modeError(std::string_view text) {
  std::string error;
  EXPECT_FALSE(RoundingMode::parse(text, &error)) << text;
  return error;
}
} // namespace

TEST(Format, CanonicalTextRoundTrips) {
  for (std::string_view text :
       {"e5m10", "e2m0", "e11m52", "m0", "m12", "m52", "bits9", "bits16",
        "bits61", "f8e4m3fn", "f4e2m1fn", "e5m10-sat", "m7-sat", "f8e4m3fn-sat",
        "m?", "bits?", "e5m?", "e?m10", "e?m?"}) {
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

TEST(Format, Widths) {
  EXPECT_EQ(Format::parse("bits16")->fractionBits, 7);
  EXPECT_EQ(Format::parse("bits16")->exponentBits, 8);
  EXPECT_NE(Format::parse("bits16"), Format::parse("e8m7"));
  EXPECT_EQ(Format::parse("e?m?")->numRuntimeParameters(), 2u);
  EXPECT_EQ(Format::parse("bits?")->numRuntimeParameters(), 1u);
  EXPECT_EQ(Format::parse("m?")->numRuntimeParameters(), 1u);
  EXPECT_FALSE(Format::parse("m7")->isRuntime());
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
}

TEST(Format, Refused) {
  EXPECT_THAT(formatError("fp16"), HasSubstr("did you mean 'f16'?"));
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
  for (std::string_view text :
       {"", "m", "m-1", "-sat", "m7-sat-sat", "m7sat", "m07", "e5", "e5m", "em",
        "m3x", "m99999999999", "e5m3m", "bits", "m??", "E5M2"})
    EXPECT_THAT(formatError(text), HasSubstr("unknown format")) << text;
}

TEST(RoundingMode, TextRoundTrips) {
  for (const RoundingMode::Row &row : RoundingMode::table()) {
    auto mode = RoundingMode::parse(row.word);
    ASSERT_TRUE(mode);
    EXPECT_EQ(mode->kind, row.kind);
    EXPECT_EQ(mode->isStochastic(), row.isStochastic);
    EXPECT_EQ(mode->str(), row.word);
    EXPECT_EQ(mode->randomBits, row.isStochastic ? 16u : 0u);
  }
  EXPECT_EQ(RoundingMode::parse("stochastic<8>")->randomBits, 8u);
  EXPECT_EQ(RoundingMode::parse("stochastic<8>")->str(), "stochastic<8>");
  EXPECT_EQ(RoundingMode::parse("stochastic<16>"),
            RoundingMode::parse("stochastic"));
  EXPECT_EQ(RoundingMode::parse("stochastic-equal<1>")->str(),
            "stochastic-equal<1>");
  EXPECT_TRUE(RoundingMode::parse("stochastic<17>")->needsWholeWord());
  EXPECT_FALSE(RoundingMode::parse("stochastic")->needsWholeWord());
}

TEST(RoundingMode, Suggestions) {
  // One letter too few, too many, wrong; two; and too far from everything.
  EXPECT_THAT(modeError("stochasti"), HasSubstr("mean 'stochastic'?"));
  EXPECT_THAT(modeError("uup"), HasSubstr("mean 'up'?"));
  EXPECT_THAT(modeError("nearest-even2"), HasSubstr("mean 'nearest-even'?"));
  EXPECT_THAT(modeError("bown"), HasSubstr("mean 'down'?"));
  EXPECT_THAT(modeError("toward-zer"), HasSubstr("mean 'toward-zero'?"));
  EXPECT_THAT(modeError("xxxxxxxx"),
              HasSubstr("unknown rounding mode 'xxxxxxxx'; legal: "));
}

TEST(RoundingMode, Refused) {
  EXPECT_THAT(modeError("nearest"), HasSubstr("legal: toward-zero, nearest-e"));
  EXPECT_THAT(modeError("stochastik"), HasSubstr("did you mean 'stochastic'?"));
  EXPECT_THAT(modeError("up<3>"), HasSubstr("takes no argument, found '<3>'"));
  for (std::string_view text :
       {"stochastic<>", "stochastic<0>", "stochastic<33>", "stochastic<x>",
        "stochastic<8", "stochastic<8>>", "stochastic<-1>", "stochastic<08>"})
    EXPECT_THAT(modeError(text), HasSubstr("expects a number of random bits"))
        << text;
}
