// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules at the steps where they change; values are computed by hand.
#include "prec/Policy/Schedule.h"
#include "llvm/ADT/STLExtras.h"

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

// Whatever the kind, the changes say the same as the schedule, at every step.
TEST(Schedule, ChangesSayAllOfIt) {
  const std::vector<std::vector<Schedule::Point>> curves = {
      {{0, 7}},
      {{0, 0}, {1, 61}},
      {{0, 10}, {50, 7}, {100, 4}},
      {{0, 4}, {40, 23}, {41, 23}, {60, 5}, {300, 5}, {310, 30}},
      {{0, 61}, {3, 0}, {6, 61}}};
  for (const auto &points : curves)
    for (auto kind : {Schedule::Kind::Steps, Schedule::Kind::Linear,
                      Schedule::Kind::Cosine, Schedule::Kind::List}) {
      Schedule schedule{kind, points};
      if (kind == Schedule::Kind::List)
        for (auto [i, point] : llvm::enumerate(schedule.points))
          point.step = uint32_t(i);
      auto changes = schedule.changes();
      int32_t value = schedule.at(0);
      size_t next = 0;
      for (uint32_t step = 0; step < 400; ++step) {
        if (next < changes.size() && changes[next].step == step) {
          EXPECT_NE(changes[next].value, value);
          value = changes[next++].value;
        }
        ASSERT_EQ(schedule.at(step), value) << "step " << step;
      }
      EXPECT_EQ(next, changes.size());
    }
}

TEST(Schedule, ChangesFarAway) {
  Schedule schedule{Schedule::Kind::Linear, {{0, 0}, {UINT32_MAX, 2}}};
  auto changes = schedule.changes();
  ASSERT_EQ(changes.size(), 2u);
  for (auto [i, change] : llvm::enumerate(changes)) {
    EXPECT_EQ(change.value, int32_t(i) + 1);
    EXPECT_EQ(schedule.at(change.step), change.value);
    EXPECT_EQ(schedule.at(change.step - 1), change.value - 1);
  }
}
