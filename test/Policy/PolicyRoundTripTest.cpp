// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A policy as text reads back as the same policy.
#include "prec/Policy/PolicyJson.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir::prec;

// The inverse of the reader, over random policies.
TEST(PolicyJson, WhatIsWrittenReadsBackEqual) {
  std::mt19937 random(2);
  auto pick = [&](size_t n) { return random() % n; };
  const char *selectors[] = {"*",    "conv*.weight",        "!(a | b) & c",
                             "loss", "\"x \\\"y\\\"\"",     "name:\xC3\xA9",
                             "op:a", "phase:backward & **", "@reduction"};
  const char *formats[] = {"m3",
                           "m?",
                           "e5m2",
                           "e?m?",
                           "bits?",
                           "bits16",
                           "bf16",
                           "fixed<?/10>",
                           "int8<2^?>",
                           "int8<?>",
                           "uint8<?,?>",
                           "int4<0.25,?>",
                           "fixed<?,?>",
                           "ufixed<3,?>",
                           "posit<?,?>",
                           "pow2<?,3>",
                           "bfp<?,?>",
                           "mx<e?m2,?,even>",
                           "adaptivfloat<8,?>",
                           "int?",
                           "int?<2^?>",
                           "fixed<?/?>-wrap",
                           "binary?p?se",
                           "e?m?-nosub"};
  const char *origins[] = {"--format=m3", "a\"b\\c\n\t", "\x01", "\xE2\x82\xAC",
                           ""};
  for (int i = 0; i < 500; ++i) {
    Policy policy;
    policy.seed = random();
    policy.random = static_cast<RandomKind>(pick(2));
    if (pick(2))
      policy.carrier = static_cast<Carrier>(pick(2));
    for (size_t n = 1 + pick(4), j = 0; j < n; ++j) {
      Parameter parameter{
          "p" + std::to_string(j), Schedule::constant(pick(62)), {}};
      parameter.schedule.kind = static_cast<Schedule::Kind>(pick(5));
      if (pick(4) == 0) {
        parameter.sweep = {double(pick(62)), double(pick(62)) / 3};
        parameter.schedule = Schedule::constant(parameter.sweep[0]);
      } else if (parameter.schedule.kind != Schedule::Kind::Constant) {
        bool isList = parameter.schedule.kind == Schedule::Kind::List;
        for (uint32_t step = 0; pick(4);)
          parameter.schedule.points.push_back(
              {step += isList ? 1 : 1 + pick(1u << 20), double(pick(62))});
      }
      using Kind = Schedule::Kind;
      parameter.schedule.perEpoch =
          pick(2) && parameter.schedule.kind != Kind::Constant;
      if (parameter.sweep.empty() &&
          parameter.schedule.kind == Kind::Constant && pick(2))
        parameter.plateau = {-1, double(pick(62)), false,
                             uint32_t(1 + pick(1000)), 0.125f};
      if (parameter.plateau)
        parameter.plateau->until = std::min(parameter.plateau->until,
                                            parameter.schedule.realAt(0) - 1);
      if (parameter.plateau && parameter.plateau->until < 0)
        parameter.plateau.reset();
      policy.parameters.push_back(parameter);
    }
    int32_t start = int32_t(pick(100)) - 50;
    policy.parameters.push_back({"over",
                                 Schedule::constant(start),
                                 {},
                                 {},
                                 OverflowShare{double(start) - double(pick(11)),
                                               double(start) + double(pick(11)),
                                               uint32_t(1 + pick(1000)),
                                               1.0f / float(2 + pick(1000))}});
    policy.parameters.push_back(
        {"few", Schedule::constant(1 + pick(16)), {}, {}, {}});
    policy.parameters.push_back(
        {"real",
         {Schedule::Kind::Linear, {{0, 0.1}, {7, double(1 + pick(9)) / 3}}},
         {},
         {},
         {}});
    policy.parameters.push_back({"factor",
                                 Schedule::constant(0.1f),
                                 {},
                                 Plateau{float(1 + pick(9)) / 10, 0.001f, true,
                                         uint32_t(1 + pick(1000)), 0},
                                 {}});
    if (policy.parameters.back().plateau->by == 1)
      policy.parameters.back().plateau->by = 0.5;
    policy.parameters.push_back(
        {"share",
         Schedule::constant(0.3f),
         {},
         {},
         OverflowShare{0.3f / float(1 + pick(9)), 1.7f, 3, 0.125f}});
    if (pick(2))
      policy.lossScale = LossScaling{.parameter = "few"};
    for (size_t n = pick(6), j = 0; j < n; ++j) {
      Rule rule;
      rule.selector = llvm::cantFail(
          Selector::parse(selectors[pick(std::size(selectors))]));
      rule.origin = origins[pick(std::size(origins))];
      rule.action.keep = pick(5) == 0;
      const char *sums[] = {"sequential",
                            "pairwise",
                            "kahan",
                            "blocked<3>",
                            "blocked<64,e5m10:up>",
                            "blocked<?>",
                            "blocked<?,fixed<?,4>:up>"};
      std::string error;
      if (pick(3) == 0)
        rule.action.sum = Summation::parse(sums[pick(std::size(sums))], &error);
      if (pick(3) == 0)
        rule.action.fused =
            pick(2) && (!rule.action.sum || rule.action.sum->canFuse());
      bool saysSum = rule.action.sum || rule.action.fused;
      rule.action.rounds = !saysSum || rule.action.keep || pick(2);
      if (!rule.action.keep && rule.action.rounds) {
        rule.action.format = *Format::parse(formats[pick(std::size(formats))]);
        rule.action.mode.kind = RoundingMode::table()[pick(8)].kind;
        if (rule.action.mode.isStochastic())
          rule.action.mode.randomBits = 1 + pick(32);
        if (pick(4) == 0)
          rule.action.mode = RoundingMode::runtimeStochastic();
        rule.action.granularity = static_cast<Granularity>(pick(4));
        rule.action.feedback =
            pick(2) && rule.action.granularity != Granularity::Elementary;
        if (!rule.action.feedback && pick(2) &&
            rule.action.granularity != Granularity::Elementary)
          rule.action.gradient = static_cast<RoundingGradient>(
              rule.action.format.isRuntime() ? 2 * pick(2) : pick(3));
        if (!rule.action.feedback && !rule.action.gradient && pick(2) &&
            rule.action.granularity != Granularity::Elementary) {
          rule.action.scale =
              AmaxScale{pick(4) ? unsigned(pick(3)) : AmaxScale::runtime};
          if (rule.action.format.isRuntime() ||
              !rule.action.format.isElementwise() ||
              rule.action.format.family == Format::Family::Mantissa)
            rule.action.scale.reset();
        }
      }
      for (const Action::RuntimeNumber &number : rule.action.runtimeNumbers()) {
        std::string name = "n" + std::to_string(policy.parameters.size());
        if (number.isReal)
          name = "real";
        else if (number.in == "fixed<?/10>")
          name = "over";
        else // some value within the range
          policy.parameters.push_back(
              {name,
               Schedule::constant(
                   number.low +
                   double(pick(
                       1 + size_t(std::min(number.high - number.low, 60.0))))),
               {}});
        rule.action.parameters.push_back(name);
      }
      policy.rules.push_back(rule);
    }
    std::string text = writePolicy(policy);
    llvm::Expected<Policy> again = readPolicy(text, "p.json");
    ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
    ASSERT_EQ(*again, policy) << text;
  }
}
