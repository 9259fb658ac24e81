// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules at the steps where they change; values are computed by hand.
#include "prec/Policy/Schedule.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using Kind = Schedule::Kind;

TEST(Schedule, Constant) {
  EXPECT_EQ(Schedule::constant(7).at(0), 7);
  EXPECT_EQ(Schedule::constant(7).at(UINT32_MAX), 7);
}

TEST(Schedule, StepsChangeAtTheirStep) {
  Schedule schedule{Kind::Steps, {{0, 10}, {50, 7}, {100, 4}}};
  EXPECT_EQ(schedule.at(0), 10);
  EXPECT_EQ(schedule.at(49), 10);
  EXPECT_EQ(schedule.at(50), 7);
  EXPECT_EQ(schedule.at(99), 7);
  EXPECT_EQ(schedule.at(100), 4);
  EXPECT_EQ(schedule.at(UINT32_MAX), 4);
}

TEST(Schedule, ListHoldsItsLastValue) {
  Schedule schedule{Kind::List, {{0, 3}, {1, 1}, {2, 4}}};
  EXPECT_EQ(schedule.at(0), 3);
  EXPECT_EQ(schedule.at(1), 1);
  EXPECT_EQ(schedule.at(2), 4);
  EXPECT_EQ(schedule.at(3), 4);
}

TEST(Schedule, LinearRoundsToNearest) {
  Schedule schedule{Kind::Linear, {{0, 10}, {4, 8}, {6, 20}}};
  EXPECT_EQ(schedule.at(0), 10);
  EXPECT_EQ(schedule.at(1), 10); // 9.5
  EXPECT_EQ(schedule.at(2), 9);
  EXPECT_EQ(schedule.at(3), 9); // 8.5
  EXPECT_EQ(schedule.at(4), 8);
  EXPECT_EQ(schedule.at(5), 14);
  EXPECT_EQ(schedule.at(6), 20);
  EXPECT_EQ(schedule.at(7), 20);
}

TEST(Schedule, CosineIsSteepInTheMiddle) {
  Schedule schedule{Kind::Cosine, {{0, 0}, {12, 40}}};
  EXPECT_EQ(schedule.at(0), 0);
  EXPECT_EQ(schedule.at(2), 3);  // 20 - 20 cos 30 = 2.68
  EXPECT_EQ(schedule.at(4), 10); // 20 - 20 cos 60
  EXPECT_EQ(schedule.at(6), 20);
  EXPECT_EQ(schedule.at(8), 30);
  EXPECT_EQ(schedule.at(10), 37); // 37.32
  EXPECT_EQ(schedule.at(12), 40);
  EXPECT_EQ(schedule.at(99), 40);
}
