// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The value of a schedule at a step, and of parameters in all.
#include "prec/Policy/Schedule.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::prec;

double Schedule::realAt(uint32_t step) const {
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
  return from.value + share * (after->value - from.value);
}

int32_t Schedule::at(uint32_t step) const {
  return int32_t(std::round(realAt(step)));
}

std::vector<Schedule::Point> Schedule::changes(bool isReal) const {
  auto at = [&](uint32_t step) {
    return isReal ? realAt(step) : double(this->at(step));
  };
  std::vector<Point> result;
  uint32_t step = 0;
  double value = at(0);
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

std::pair<double, double> Parameter::range() const {
  std::vector<double> values = sweep;
  for (const Schedule::Point &point : schedule.points)
    values.push_back(point.value);
  if (plateau)
    values.push_back(plateau->until);
  if (overflow)
    values.insert(values.end(), {overflow->least, overflow->most});
  auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return {*least, *greatest};
}

bool Parameter::isWhole() const {
  auto isWhole = [](double value) { return value == std::rint(value); };
  if (plateau &&
      (plateau->isFactor || !isWhole(plateau->by) || !isWhole(plateau->until)))
    return false;
  if (overflow && (!isWhole(overflow->least) || !isWhole(overflow->most)))
    return false;
  return std::all_of(sweep.begin(), sweep.end(), isWhole) &&
         std::all_of(schedule.points.begin(), schedule.points.end(),
                     [&](auto &point) { return isWhole(point.value); });
}
