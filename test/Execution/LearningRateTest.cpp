// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Learning-rate schedules against their formulas and the host's math library.
#include "prec/Execution/LearningRate.h"
#include "Expect.h"
#include <cmath>
#include <numbers>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

namespace {

LearningRate rateOf(llvm::StringRef schedule, uint64_t warmUp = 0) {
  LearningRate rate;
  rate.base = 0.5f;
  rate.warmUp = warmUp;
  EXPECT_EQ(messageOf(rate.setSchedule(schedule)), "success");
  return rate;
}

TEST(LearningRate, Constant) {
  for (uint64_t step : {0, 1, 1000})
    EXPECT_EQ(rateOf("constant").at(step, 10), 0.5f);
  EXPECT_TRUE(rateOf("constant").isConstant());
  EXPECT_FALSE(rateOf("constant", 1).isConstant());
}

TEST(LearningRate, StepsDown) {
  LearningRate tenth = rateOf("step:7"), half = rateOf("step:3:0.5", 4);
  for (uint64_t step = 0; step < 50; ++step) {
    uint64_t drops = step / 7;
    EXPECT_FLOAT_EQ(tenth.at(step, 50),
                    float(0.5 * std::pow(0.1, double(drops))));
    if (step >= 4)
      EXPECT_EQ(half.at(step, 50), std::ldexp(0.5f, -int((step - 4) / 3)));
  }
}

TEST(LearningRate, Cosine) {
  for (double minimum : {0.0, 0.01})
    for (uint64_t warmUp : {0, 5}) {
      LearningRate rate =
          rateOf(minimum == 0 ? "cosine" : "cosine:0.01", warmUp);
      for (uint64_t step = warmUp; step < 40; ++step) {
        double angle =
            std::numbers::pi * double(step - warmUp) / double(40 - warmUp);
        double expected = minimum + (0.5 - minimum) * (1 + std::cos(angle)) / 2;
        EXPECT_NEAR(rate.at(step, 40), expected, 1e-7) << step;
      }
      EXPECT_FLOAT_EQ(rate.at(40, 40), float(minimum));
      EXPECT_FLOAT_EQ(rate.at(99, 40), float(minimum));
    }
}

TEST(LearningRate, WarmUpRisesToTheBase) {
  LearningRate rate = rateOf("cosine", 8);
  for (uint64_t step = 0; step < 8; ++step)
    EXPECT_EQ(rate.at(step, 100), 0.5f * float(step + 1) / 8);
  EXPECT_EQ(rate.at(8, 100), 0.5f);
  // A warm-up longer than the run.
  EXPECT_EQ(rate.at(3, 4), 0.25f);
}

TEST(LearningRate, Text) {
  EXPECT_EQ(rateOf("constant").str(9), "0.5");
  EXPECT_EQ(rateOf("step:4:0.3").str(9), "0.5 step:4:0.3");
  EXPECT_EQ(rateOf("cosine:0.1", 3).str(9),
            "0.5 cosine:0.1 of 9 steps after a warm-up of 3 steps");
}

TEST(LearningRate, WhatIsRefused) {
  LearningRate rate;
  for (llvm::StringRef text :
       {"", "linear", "constant:1", "step", "step:", "step:0", "step:-3",
        "step:3:", "step:3:x", "step:3:-1", "step:2.5", "cosine:", "cosine:x",
        "cosine:-1", "cosine:inf", "cosine:0:1"})
    EXPECT_THAT(messageOf(rate.setSchedule(text)),
                HasSubstr("found the learning-rate schedule '" + text.str() +
                          "', expected constant, step:N"));
}

} // namespace
