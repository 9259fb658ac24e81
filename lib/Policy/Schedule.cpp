// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The value of a schedule at a step.
#include "prec/Policy/Schedule.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::prec;

int32_t Schedule::at(uint32_t step) const {
  assert(!points.empty() && points.front().step == 0);
  auto after = std::upper_bound(
      points.begin(), points.end(), step,
      [](uint32_t step, const Point &point) { return step < point.step; });
  const Point &from = *std::prev(after);
  bool isStepwise =
      kind == Kind::Constant || kind == Kind::Steps || kind == Kind::List;
  if (isStepwise || after == points.end())
    return from.value;
  double share = double(step - from.step) / double(after->step - from.step);
  if (kind == Kind::Cosine)
    share = (1 - std::cos(share * M_PI)) / 2;
  double distance = double(after->value) - double(from.value);
  return int32_t(std::round(from.value + share * distance));
}

std::vector<Schedule::Point> Schedule::changes() const {
  std::vector<Point> result;
  uint32_t step = 0;
  int32_t value = at(0);
  for (const Point &point : points) {
    // Up to the next point values go one way: halve the distance to the first
    // step that has another one.
    while (at(point.step) != value && result.size() <= maxChanges) {
      uint32_t same = step, other = point.step;
      while (other - same > 1) {
        uint32_t middle = same + (other - same) / 2;
        (at(middle) == value ? same : other) = middle;
      }
      step = other;
      value = at(step);
      result.push_back({step, value});
    }
    step = point.step;
  }
  return result;
}
