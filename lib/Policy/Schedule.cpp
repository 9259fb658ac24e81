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
