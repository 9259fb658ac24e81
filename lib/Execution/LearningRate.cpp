// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Learning-rate schedules: their formulas and their words.
#include "prec/Execution/LearningRate.h"

#include "prec/Numerics/Describe.h"
#include "prec/Numerics/MathFunctions.h"
#include "llvm/ADT/Twine.h"
#include <algorithm>
#include <cmath>
#include <numbers>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;

/// Repeated squaring: the same bits everywhere, which std::pow does not
/// promise.
static double power(double base, uint64_t exponent) {
  double result = 1;
  for (; exponent; exponent /= 2, base *= base)
    if (exponent % 2)
      result *= base;
  return result;
}

float LearningRate::at(uint64_t step, uint64_t total) const {
  if (step < warmUp)
    return float(double(base) * double(step + 1) / double(warmUp));
  uint64_t since = step - warmUp;
  switch (kind) {
  case Kind::Constant:
    return base;
  case Kind::Step:
    return float(double(base) * power(factor, since / every));
  case Kind::Cosine: {
    uint64_t length =
        std::max<uint64_t>(total > warmUp ? total - warmUp : 1, 1);
    double angle =
        std::numbers::pi * double(std::min(since, length)) / double(length);
    double cosine = evaluateMath(MathFunction::Cos, angle);
    return float(minimum + (double(base) - minimum) * (1 + cosine) / 2);
  }
  }
  return base;
}

std::string LearningRate::str(uint64_t total) const {
  std::string text = shortestText(base);
  if (kind == Kind::Step)
    text += " step:" + std::to_string(every) + ":" + shortestText(factor);
  if (kind == Kind::Cosine)
    text += " cosine:" + shortestText(minimum) + " of " +
            std::to_string(total) + " steps";
  if (warmUp)
    text += " after a warm-up of " + std::to_string(warmUp) + " steps";
  return text;
}

Error LearningRate::setSchedule(StringRef text) {
  auto [word, rest] = text.split(':');
  auto bad = [&] {
    return createStringError("found the learning-rate schedule '" + text +
                             "', expected constant, step:N, step:N:FACTOR, "
                             "cosine or cosine:MINIMUM, numbers not negative");
  };
  auto number = [](StringRef digits, double &value) {
    return !digits.getAsDouble(value) && std::isfinite(value) && value >= 0;
  };
  bool hasNumbers = text.contains(':');
  if (text == "constant") {
    kind = Kind::Constant;
    return Error::success();
  }
  if (word == "step") {
    auto [steps, decay] = rest.split(':');
    kind = Kind::Step;
    factor = 0.1;
    bool hasFactor = rest.contains(':');
    if (steps.getAsInteger(10, every) || every == 0 ||
        (hasFactor && !number(decay, factor)))
      return bad();
    return Error::success();
  }
  if (word != "cosine")
    return bad();
  kind = Kind::Cosine;
  minimum = 0;
  if (hasNumbers && !number(rest, minimum))
    return bad();
  return Error::success();
}
