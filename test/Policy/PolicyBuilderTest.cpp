// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From flags to a policy: order, defaults, and what is refused.
#include "prec/Policy/PolicyBuilder.h"

#include <gmock/gmock.h>

using namespace mlir::prec;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
using Flags = std::vector<std::pair<const char *, const char *>>;

/// A flag named FILE appends `file`, as --policy does.
llvm::Expected<Policy> build(const Flags &flags, bool allowSweep = false,
                             const Policy &file = {}) {
  PolicyBuilder builder(PolicyBuilder::Options{allowSweep});
  for (auto [flag, value] : flags) {
    if (llvm::StringRef(flag) == "FILE")
      builder.append(file);
    else if (llvm::Error error = builder.apply(flag, value))
      return error;
  }
  return builder.finish();
}
Policy policyOf(const Flags &flags, bool allowSweep = false,
                const Policy &file = {}) {
  llvm::Expected<Policy> policy = build(flags, allowSweep, file);
  if (policy)
    return *policy;
  ADD_FAILURE() << llvm::toString(policy.takeError());
  return {};
}
std::string errorOf(const Flags &flags, bool allowSweep = false) {
  llvm::Expected<Policy> policy = build(flags, allowSweep);
  return policy ? "no error" : llvm::toString(policy.takeError());
}
/// "selector=format:mode@granularity" of each rule.
std::vector<std::string> textOf(const Policy &policy) {
  std::vector<std::string> rules;
  for (const Rule &rule : policy.rules) {
    const Action &action = rule.action;
    std::string text = action.keep
                           ? "keep"
                           : action.format.str() + ":" + action.mode.str() +
                                 "@" + std::string(str(action.granularity));
    rules.push_back(rule.selector.str() + "=" + text);
  }
  return rules;
}
std::vector<std::string> rulesOf(const Flags &flags, const Policy &file = {}) {
  return textOf(policyOf(flags, false, file));
}
const std::string m3 = "*=m3:toward-zero@op";
} // namespace

TEST(PolicyBuilder, NothingIsEmpty) {
  EXPECT_TRUE(policyOf({}).empty());
  EXPECT_EQ(policyOf({}), Policy());
  EXPECT_TRUE(policyOf({{"seed", "3"}}).empty());
}

TEST(PolicyBuilder, DefaultsOfMode) {
  EXPECT_THAT(rulesOf({{"truncate-mantissa", "12"}}),
              ElementsAre("*=m12:toward-zero@op"));
  EXPECT_THAT(rulesOf({{"truncate-bits", "16"}}),
              ElementsAre("*=bits16:toward-zero@op"));
  EXPECT_THAT(rulesOf({{"format", "bf16"}}),
              ElementsAre("*=e8m7:nearest-even@op"));
  EXPECT_THAT(
      rulesOf({{"rounding", "stochastic<8>"}, {"truncate-mantissa", "3"}}),
      ElementsAre("*=m3:stochastic<8>@op"));
  EXPECT_THAT(rulesOf({{"truncate-mantissa", "3"},
                       {"rounding", "up"},
                       {"granularity", "layer"},
                       {"rounding", "down"}}),
              ElementsAre("*=m3:down@layer"));
}

TEST(PolicyBuilder, TheLastFormatWins) {
  EXPECT_THAT(rulesOf({{"format", "bf16"}, {"truncate-mantissa", "3"}}),
              ElementsAre(m3));
  EXPECT_THAT(rulesOf({{"truncate-mantissa", "3"},
                       {"truncate-bits", "9"},
                       {"format", "e5m2"}}),
              ElementsAre("*=e5m2:nearest-even@op"));
}

TEST(PolicyBuilder, RoundIsOneRule) {
  EXPECT_THAT(rulesOf({{"round", "conv*.weight=e4m3:stochastic<8>@layer"},
                       {"round", "math.exp=m7"},
                       {"round", "loss=keep"},
                       {"round", "a=m3@elementary"},
                       {"round", "name:a=b=m3:up"}}),
              ElementsAre("conv* & weight=e4m3:stochastic<8>@layer",
                          "math.exp=m7:nearest-even@op", "loss=keep",
                          "a=m3:nearest-even@elementary", "name:a=b=m3:up@op"));
}

TEST(PolicyBuilder, FeedbackIsBehindTheRest) {
  Policy policy = policyOf({{"round", "a=m3+feedback"},
                            {"round", "b=m3:up@layer+feedback"},
                            {"round", "c+d=m3"}});
  EXPECT_THAT(textOf(policy),
              ElementsAre("a=m3:nearest-even@op", "b=m3:up@layer",
                          "c+d=m3:nearest-even@op"));
  EXPECT_TRUE(policy.rules[0].action.feedback);
  EXPECT_TRUE(policy.rules[1].action.feedback);
  EXPECT_FALSE(policy.rules[2].action.feedback);
  EXPECT_FALSE(policy.rules[0].action.gradient);
  for (RoundingGradient gradient :
       {RoundingGradient::StraightThrough, RoundingGradient::Clipped,
        RoundingGradient::Zero})
    EXPECT_EQ(
        policyOf({{"round", ("a=m3:up+" + std::string(str(gradient))).c_str()}})
            .rules[0]
            .action.gradient,
        gradient);
  EXPECT_EQ(policyOf({{"round", "a=e4m3+amax"}}).rules[0].action.scale,
            AmaxScale{0});
  EXPECT_EQ(
      policyOf({{"round", "a=e4m3:up@layer+amax<4096>"}}).rules[0].action.scale,
      AmaxScale{4096});
  EXPECT_THAT(
      errorOf({{"round", "a=m3+feedback"}, {"granularity", "elementary"}}),
      AllOf(HasSubstr("--round=a=m3+feedback --granularity=elementary: "),
            HasSubstr("found elementary")));
}

TEST(PolicyBuilder, RoundTakesTheDefaultsOfTheLine) {
  EXPECT_THAT(rulesOf({{"round", "a=m3"},
                       {"round", "b=m3:up@layer"},
                       {"round", "c=keep"},
                       {"rounding", "down"},
                       {"granularity", "batch"}}),
              ElementsAre("a=m3:down@batch", "b=m3:up@layer", "c=keep"));
}

TEST(PolicyBuilder, ProductsAndAccumulatorsAreElementary) {
  EXPECT_THAT(rulesOf({{"round", "@contraction.product=m3"},
                       {"round", "accumulator=m9"},
                       {"granularity", "layer"}}),
              ElementsAre("@contraction & product=m3:nearest-even@elementary",
                          "accumulator=m9:nearest-even@elementary"));
  EXPECT_THAT(errorOf({{"round", "product=m3@op"}}),
              AllOf(HasSubstr("--round=product=m3@op: "),
                    HasSubstr("elementary only, found op")));
}

TEST(PolicyBuilder, TheSpecialSurvivesTheGeneral) {
  for (const Flags &flags :
       {Flags{{"round", "x=m9"}, {"truncate-mantissa", "3"}, {"round", "y=m8"}},
        Flags{{"truncate-mantissa", "3"}, {"round", "x=m9"}, {"round", "y=m8"}},
        Flags{
            {"round", "x=m9"}, {"round", "y=m8"}, {"truncate-mantissa", "3"}}})
    EXPECT_THAT(rulesOf(flags), ElementsAre(m3, "x=m9:nearest-even@op",
                                            "y=m8:nearest-even@op"));
}

TEST(PolicyBuilder, AFilePartsTheLine) {
  Policy file = policyOf({{"round", "f=m1"}});
  EXPECT_THAT(rulesOf({{"round", "x=m9"},
                       {"FILE", ""},
                       {"round", "y=m8"},
                       {"truncate-mantissa", "3"}},
                      file),
              ElementsAre("x=m9:nearest-even@op", "f=m1:nearest-even@op", m3,
                          "y=m8:nearest-even@op"));
  EXPECT_THAT(
      rulesOf({{"format", "e5m2"},
               {"rounding", "up"},
               {"FILE", ""},
               {"round", "y=m8"}},
              file),
      ElementsAre("*=e5m2:up@op", "f=m1:nearest-even@op", "y=m8:up@op"));
  // One format of everything, though a file stands between the flags.
  EXPECT_THAT(
      rulesOf({{"format", "e5m2"}, {"FILE", ""}, {"format", "e5m10"}}, file),
      ElementsAre("f=m1:nearest-even@op", "*=e5m10:nearest-even@op"));
}

TEST(PolicyBuilder, SeedAndRandom) {
  Policy file = policyOf({{"seed", "5"}, {"random", "counter"}});
  EXPECT_EQ(file.seed, 5u);
  EXPECT_EQ(file.random, RandomKind::Counter);
  EXPECT_EQ(policyOf({{"FILE", ""}}, false, file).seed, 5u);
  EXPECT_EQ(policyOf({{"FILE", ""}}, false, file).random, RandomKind::Counter);
  Policy merged = policyOf(
      {{"seed", "7"}, {"random", "operands"}, {"FILE", ""}}, false, file);
  EXPECT_EQ(merged.seed, 7u);
  EXPECT_EQ(merged.random, RandomKind::Operands);
  Policy wide;
  wide.carrier = Carrier::F64;
  EXPECT_EQ(policyOf({{"FILE", ""}}, false, wide).carrier, Carrier::F64);
  EXPECT_EQ(policyOf({{"carrier", "f32"}, {"FILE", ""}}, false, wide).carrier,
            Carrier::F32);
  EXPECT_EQ(policyOf({{"seed", "1"}, {"seed", "4294967295"}}).seed, UINT32_MAX);
  EXPECT_EQ(policyOf({{"random-key", "operands"}}).random, RandomKind::Values);
  EXPECT_EQ(policyOf({{"random-key", "position"}}).random,
            RandomKind::Operands);
}

TEST(PolicyBuilder, OriginsAreAsWritten) {
  Policy policy = policyOf({{"granularity", "layer"},
                            {"truncate-mantissa", "12"},
                            {"round", "conv* & weight=m3@op"},
                            {"rounding", "up"},
                            {"round", "loss=keep"}});
  EXPECT_EQ(policy.rules[0].origin,
            "--truncate-mantissa=12 --rounding=up --granularity=layer");
  EXPECT_EQ(policy.rules[1].origin,
            "--round=conv* & weight=m3@op --rounding=up");
  EXPECT_EQ(policy.rules[2].origin, "--round=loss=keep");
}

TEST(PolicyBuilder, AListIsAParameter) {
  Policy policy = policyOf({{"truncate-mantissa", "1,2,3"}}, true);
  ASSERT_EQ(policy.rules.size(), 1u);
  EXPECT_EQ(policy.rules[0].action.format.str(), "m?");
  EXPECT_EQ(policy.rules[0].action.mode, RoundingMode::Kind::TowardZero);
  EXPECT_THAT(policy.rules[0].action.parameters, ElementsAre("bits"));
  ASSERT_TRUE(policy.parameter("bits"));
  EXPECT_THAT(policy.parameter("bits")->sweep, ElementsAre(1, 2, 3));
  EXPECT_EQ(policy.parameter("bits")->schedule.at(0), 1);
  EXPECT_FALSE(policy.parameter("bit"));
  EXPECT_EQ(policy.numRuns(), 3u);
  EXPECT_EQ(Policy().numRuns(), 1u);
  EXPECT_EQ(policyOf({{"truncate-bits", "9,61"}}, true).rules[0].action.format,
            Format::word(Format::runtime));
  // One number is no parameter; a later format takes the list away.
  EXPECT_EQ(policyOf({{"truncate-mantissa", "3"}}, true),
            policyOf({{"truncate-mantissa", "3"}}));
  EXPECT_TRUE(policyOf({{"truncate-mantissa", "3,4"}, {"format", "m3"}}, true)
                  .parameters.empty());
  EXPECT_THAT(errorOf({{"truncate-mantissa", "1,2"}}),
              HasSubstr("--truncate-mantissa=1,2: a list means several runs"));
  // A file's own parameter of that name keeps it.
  Policy both =
      policyOf({{"FILE", ""}, {"truncate-mantissa", "4,5"}}, true, policy);
  EXPECT_THAT(both.rules[0].action.parameters, ElementsAre("bits"));
  EXPECT_THAT(both.rules[1].action.parameters, ElementsAre("bits_"));
  ASSERT_TRUE(both.parameter("bits_"));
  EXPECT_THAT(both.parameter("bits_")->sweep, ElementsAre(4, 5));
}

TEST(PolicyBuilder, Ranges) {
  for (const char *value : {"0", "52"})
    EXPECT_EQ(errorOf({{"truncate-mantissa", value}}), "no error");
  for (const char *value : {"53", "-1", "", "x", "1.5", "99999999999", "1,"})
    EXPECT_THAT(errorOf({{"truncate-mantissa", value}}, true),
                HasSubstr("expected fraction bits, 0..52, found '"))
        << value;
  for (const char *value : {"9", "61"})
    EXPECT_EQ(errorOf({{"truncate-bits", value}}), "no error");
  for (const char *value : {"8", "62"})
    EXPECT_THAT(errorOf({{"truncate-bits", value}}),
                HasSubstr("expected the bits of a word, 9..61"))
        << value;
  for (const char *value : {"-1", "4294967296", "", "a"})
    EXPECT_THAT(errorOf({{"seed", value}}), HasSubstr("0..4294967295"))
        << value;
}

TEST(PolicyBuilder, Faults) {
  EXPECT_EQ(
      errorOf({{"rounding", "up"}}),
      "--rounding=up has no format to apply to: give "
      "--truncate-mantissa, --truncate-bits, --format or --round as well");
  EXPECT_THAT(errorOf({{"granularity", "op"}}),
              HasSubstr("--granularity=op has no format"));
  EXPECT_THAT(errorOf({{"format", "bf166"}}),
              AllOf(HasSubstr("--format=bf166: "), HasSubstr("'bf16'")));
  EXPECT_THAT(errorOf({{"rounding", "nearest"}}), HasSubstr("nearest-even"));
  EXPECT_THAT(errorOf({{"granularity", "elemntary"}}),
              AllOf(HasSubstr("unknown granularity 'elemntary'"),
                    HasSubstr("did you mean 'elementary'"),
                    HasSubstr("elementary, op, layer, batch")));
  EXPECT_THAT(errorOf({{"random", "count"}}),
              HasSubstr("operands, counter, values"));
  EXPECT_THAT(errorOf({{"random-key", "values"}}),
              HasSubstr("expected position or operands"));
  EXPECT_THAT(errorOf({{"carrier", "f16"}}), HasSubstr("f32, f64"));
  EXPECT_THAT(errorOf({{"fromat", "m3"}}), HasSubstr("did you mean 'format'"));
  EXPECT_THAT(errorOf({{"format", "m?"}}), HasSubstr("policy file"));
}

TEST(PolicyBuilder, FaultsOfRound) {
  auto round = [](const char *value) { return errorOf({{"round", value}}); };
  EXPECT_THAT(
      round("conv1"),
      HasSubstr("expected SELECTOR=FORMAT[:MODE][@GRANULARITY][+ADDITION]"));
  EXPECT_THAT(round("a=m?"), HasSubstr("policy file"));
  EXPECT_THAT(round("=m3"), HasSubstr("expected a pattern"));
  EXPECT_THAT(round("a="), HasSubstr("--round=a=: "));
  EXPECT_THAT(round("a=m3:"), HasSubstr("--round=a=m3:: "));
  EXPECT_THAT(round("a=m3@"), HasSubstr("elementary, op"));
  EXPECT_THAT(round("a=m3@lyer"), HasSubstr("'layer'"));
  EXPECT_THAT(round("a=m3:upp"), HasSubstr("'up'"));
  EXPECT_THAT(round("a=keep:up"), HasSubstr("'keep'"));
  EXPECT_THAT(round("a=keep@op"), HasSubstr("'keep'"));
  EXPECT_THAT(round("a=keep+feedback"), HasSubstr("'keep'"));
  EXPECT_THAT(round("a=keep+"), HasSubstr("'keep'"));
  EXPECT_THAT(round("a=m3+"), HasSubstr("unknown addition ''"));
  EXPECT_THAT(
      round("a=m3+clip"),
      HasSubstr("legal: feedback, amax, straight-through, clipped, zero, "
                "amax<STEPS>"));
  EXPECT_THAT(round("a=e4m3+amax<0>"), HasSubstr("1..4096 steps, found '0'"));
  EXPECT_THAT(round("a=e4m3+amax<4097>"), HasSubstr("1..4096 steps"));
  EXPECT_THAT(round("a=e4m3+amax<4"), HasSubstr("unknown scale 'amax<4'"));
  EXPECT_THAT(round("a=e4m3@elementary+amax"), HasSubstr("found elementary"));
  EXPECT_THAT(round("a=m3+amax"), HasSubstr("an end and be the same for "
                                            "all elements, found m3"));
  EXPECT_THAT(round("a=int8<max>+amax"), HasSubstr("found int8<max>"));
  EXPECT_THAT(round("a=m3@elementary+zero"), HasSubstr("found elementary"));
  EXPECT_THAT(
      round("a=int8<max>+clipped"),
      HasSubstr("a range that is the same for all elements, found int8"));
  EXPECT_THAT(round("a=m3+feedbak"), HasSubstr("did you mean 'feedback'"));
  EXPECT_THAT(round("a=m3+feedback@op"), HasSubstr("unknown addition"));
  EXPECT_THAT(round("a=m3@elementary+feedback"),
              HasSubstr("granularity op, layer or batch, found elementary"));
}

TEST(PolicyBuilder, FilesThatAreNot) {
  EXPECT_THAT(errorOf({{"policy", "no-such-file.json"}}),
              HasSubstr("cannot read policy 'no-such-file.json'"));
  EXPECT_THAT(errorOf({{"policy", "."}}), HasSubstr("cannot read policy '.'"));
  EXPECT_THAT(errorOf({{"policy", "/dev/zero"}}),
              HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(errorOf({{"policy", "preset:fp9"}}),
              AllOf(HasSubstr("unknown preset 'fp9'"), HasSubstr("'fp8'")));
}

TEST(PolicyBuilder, IsEmptyAfterFinish) {
  PolicyBuilder builder;
  llvm::cantFail(builder.apply("truncate-mantissa", "3"));
  llvm::cantFail(builder.apply("rounding", "up"));
  EXPECT_FALSE(llvm::cantFail(builder.finish()).empty());
  EXPECT_TRUE(llvm::cantFail(builder.finish()).empty());
}
