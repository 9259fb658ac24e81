// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Orders of summation in rules.
#include "prec/Policy/PolicyJson.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::HasSubstr;

static std::string errorOf(llvm::StringRef text) {
  llvm::Expected<Policy> policy = readPolicy(text, "p.json");
  return policy ? "no error" : llvm::toString(policy.takeError());
}

// Of rounding, order and fusing each is the last rule's that says something.
TEST(Summation, IsAPartOfARuleOfItsOwn) {
  Policy policy = llvm::cantFail(readPolicy(R"({"version": 1, "rules": [
    {"select": "*", "format": "m3", "sum": "blocked<16,bf16>", "fused": true},
    {"select": "loss", "keep": true},
    {"select": "*", "sum": "kahan"},
    {"select": "fc1", "fused": false}]})",
                                            "p.json"));
  ASSERT_EQ(policy.rules.size(), 4u);
  EXPECT_EQ(policy.rules[0].action.sum->str(), "blocked<16,e8m7:nearest-even>");
  EXPECT_FALSE(policy.rules[2].action.rounds);
  SiteView site;
  site.scope = "fc1";
  EXPECT_EQ(policy.match(site), 0u);
  EXPECT_EQ(policy.matches(site), (std::vector<size_t>{0, 2, 3}));
  site.role = "loss";
  EXPECT_EQ(policy.match(site), 1u);
  EXPECT_THAT(errorOf(R"({"version": 1, "rules": [
    {"select": "*", "sum": "kahan", "fused": true}]})"),
              HasSubstr("a fused multiply-add has an order of"));
  EXPECT_THAT(errorOf(R"({"version": 1, "rules": [
    {"select": "*", "sum": "kahan", "rounding": "up"}]})"),
              HasSubstr("'rounding' has no meaning without a format"));
  EXPECT_THAT(errorOf(R"({"version": 1, "rules": [
    {"select": "*", "sum": "blocked<x>"}]})"),
              HasSubstr("a block has 1..2147483648 elements, found 'x'"));
}

TEST(Summation, TextReadsBack) {
  for (const char *text :
       {"sequential", "pairwise", "kahan", "blocked<1>", "blocked<2147483648>",
        "blocked<?>", "blocked<?,m?:up>", "blocked<4,e5m10:toward-zero>"}) {
    std::string error;
    std::optional<Summation> sum = Summation::parse(text, &error);
    ASSERT_TRUE(sum) << error;
    EXPECT_EQ(sum->str(), text);
    EXPECT_EQ(*Summation::parse(sum->str(), &error), *sum);
  }
}

TEST(Summation, RefusesWithTheLegalWords) {
  auto why = [](const char *text) {
    std::string error;
    EXPECT_FALSE(Summation::parse(text, &error)) << text;
    return error;
  };
  EXPECT_THAT(why(""), HasSubstr("legal: sequential, pairwise, kahan"));
  EXPECT_THAT(why("Kahan"), HasSubstr("did you mean 'kahan'?"));
  EXPECT_THAT(why("blocked"), HasSubstr("blocked<N>"));
  EXPECT_THAT(why("blocked<4"), HasSubstr("blocked<N>"));
  EXPECT_THAT(why("blocked<-1>"), HasSubstr("found '-1'"));
  EXPECT_THAT(why("blocked<2147483649>"), HasSubstr("1..2147483648"));
  EXPECT_THAT(why("blocked<99999999999999999999>"), HasSubstr("elements"));
  EXPECT_THAT(why("blocked<4,>"), HasSubstr("format"));
  EXPECT_THAT(why("blocked<4,m3:>"), HasSubstr("rounding mode"));
  EXPECT_THAT(why("blocked<4,m3:stochastic>"), HasSubstr("deterministic"));
}
