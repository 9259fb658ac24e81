// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding modes as text: what parses, what it means, what is refused and with
// which words.
#include "prec/Numerics/RoundingMode.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::HasSubstr;

namespace {
std::string modeError(std::string_view text) {
  std::string error;
  EXPECT_FALSE(RoundingMode::parse(text, &error)) << text;
  return error;
}
} // namespace

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

// S-RUNTIME: a number outside the legal range means the nearest that is legal.
TEST(RoundingMode, RuntimeBits) {
  for (auto [text, most] :
       {std::pair("stochastic<?>", 16u), {"stochastic<?/32>", 32u}}) {
    auto mode = RoundingMode::parse(text);
    ASSERT_TRUE(mode) << text;
    EXPECT_TRUE(mode->isRuntime);
    EXPECT_EQ(mode->numRuntimeParameters(), 1u);
    EXPECT_EQ(mode->str(), text);
    EXPECT_EQ(mode->randomBits, most);
    for (auto [given, legal] : {std::pair(0u, 1u),
                                {1u, 1u},
                                {2u, 2u},
                                {most, most},
                                {most + 1, most},
                                {~0u, most}})
      EXPECT_EQ(mode->with(given), RoundingMode(mode->kind, legal)) << given;
  }
  const RoundingMode written = *RoundingMode::parse("stochastic<5>");
  EXPECT_EQ(written.with(7), written);
  EXPECT_EQ(written.numRuntimeParameters(), 0u);
  EXPECT_THAT(modeError("stochastic-equal<?>"),
              HasSubstr("takes the first random bit of any number of them"));
  EXPECT_THAT(modeError("up<?>"), HasSubstr("takes no argument"));
}

TEST(RoundingMode, Suggestions) {
  // One letter too few, too many, wrong; two; and too far from everything.
  EXPECT_THAT(modeError("stochasti"), HasSubstr("mean 'stochastic'?"));
  EXPECT_THAT(modeError("uup"), HasSubstr("mean 'up'?"));
  EXPECT_THAT(modeError("nearest-even2"), HasSubstr("mean 'nearest-even'?"));
  EXPECT_THAT(modeError("bown"), HasSubstr("mean 'down'?"));
  EXPECT_THAT(modeError("toward-zer"), HasSubstr("mean 'toward-zero'?"));
  // A third of the letters, and one more.
  EXPECT_THAT(modeError("stochaxxxc"), HasSubstr("mean 'stochastic'?"));
  EXPECT_THAT(modeError("stochxxxxc"),
              testing::Not(HasSubstr("mean 'stochastic'?")));
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
  EXPECT_THAT(modeError("stochastic<0>"), HasSubstr("or '?' for 1..16 of"));
  EXPECT_THAT(modeError("stochastic-equal<0>"), testing::Not(HasSubstr("?")));
}
