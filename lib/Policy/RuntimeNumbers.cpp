// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The `?` of rules, and the formats that they make.
#include "prec/Policy/Policy.h"
#include <algorithm>
#include <cmath>

using namespace mlir::prec;

std::vector<Action::RuntimeNumber> Action::runtimeNumbers() const {
  std::vector<RuntimeNumber> numbers;
  auto addFormat = [&](const Format &format, const std::string &in) {
    for (const Format::RuntimeNumber &number : format.runtimeNumbers())
      numbers.push_back({number, in});
  };
  if (rounds && !keep) {
    addFormat(format, format.str());
    if (mode.isRuntime)
      numbers.push_back(
          {{"number of random bits", 1., double(mode.randomBits)}, mode.str()});
    if (scale && scale->steps == AmaxScale::runtime)
      numbers.push_back(
          {{"number of steps", 1., double(AmaxScale::maxSteps)}, scale->str()});
  }
  if (sum && sum->block == Summation::runtime)
    numbers.push_back(
        {{"elements in a block", 1., double(INT32_MAX)}, sum->str()});
  if (sum && sum->between)
    addFormat(*sum->between, sum->str());
  return numbers;
}

llvm::ArrayRef<std::string> Action::parametersOfSum() const {
  size_t own = 0;
  if (sum)
    own = (sum->block == Summation::runtime) +
          (sum->between ? sum->between->numRuntimeParameters() : 0);
  return llvm::ArrayRef<std::string>(parameters).take_back(own);
}

/// Of a parameter at a step of a run; of one that follows what is computed the
/// least or the greatest value.
static double valueOf(const Parameter &parameter, uint32_t step, size_t run,
                      bool takesLeast = false) {
  if (parameter.isDriven())
    return takesLeast ? parameter.range().first : parameter.range().second;
  if (!parameter.sweep.empty())
    return parameter.sweep[std::min(run, parameter.sweep.size() - 1)];
  return parameter.schedule.realAt(step);
}

std::optional<Format> Policy::formatAt(const Action &action, Carrier carrier,
                                       uint32_t step, size_t run) const {
  std::vector<double> numbers;
  for (const Format::RuntimeNumber &number : action.format.runtimeNumbers()) {
    const Parameter &known = *parameter(action.parameters[numbers.size()]);
    double value = known.isDriven() ? known.schedule.realAt(step)
                                    : valueOf(known, step, run);
    numbers.push_back(number.isReal ? value : std::round(value));
  }
  return action.format.with(numbers, carrier);
}

/// More bits than the carrier has room for beside this scale.
static std::string tooManyBits(const Format &format, Carrier carrier,
                               const std::vector<double> &numbers) {
  if (!format.isElementwise() || !format.hasRuntimeBits())
    return "";
  const double bits = numbers[format.countsBits ? 1 : 0];
  const int most = format.mostRuntimeBits(layoutOf(carrier));
  if (bits <= most)
    return "";
  return "format '" + format.str() + "' has " + std::to_string(int(bits)) +
         " bits, " + std::string(nameOf(carrier)) + " carries at most " +
         std::to_string(most);
}

std::string Policy::whyNotIn(const Action &action, Carrier carrier) const {
  const Format &format = action.format;
  std::string why = format.whyNotIn(carrier);
  // Widths of floats and places of grids are clamped to what there is.
  const bool isFloat = format.family == Format::Family::Float ||
                       format.family == Format::Family::Mantissa ||
                       format.family == Format::Family::Word;
  const bool isClamped =
      format.isElementwise() && (isFloat || format.isMoved());
  if (!why.empty() || !format.isRuntime() || isClamped)
    return why;
  std::vector<const Parameter *> known;
  std::vector<uint32_t> steps = {0};
  for (size_t i = 0; i < format.numRuntimeParameters(); ++i) {
    known.push_back(parameter(action.parameters[i]));
    for (const Schedule::Point &point : known.back()->schedule.points)
      steps.push_back(point.step);
  }
  for (size_t run = 0; run < numRuns(); ++run)
    for (uint32_t step : steps)
      for (bool takesLeast : {false, true}) {
        std::vector<double> numbers;
        for (const Format::RuntimeNumber &number : format.runtimeNumbers()) {
          double value = valueOf(*known[numbers.size()], step, run, takesLeast);
          numbers.push_back(number.isReal ? value : std::round(value));
        }
        why = tooManyBits(format, carrier, numbers);
        // A place outside of the bits has no text, but its numbers are there.
        if (why.empty() && !format.countsBits)
          if (std::optional<Format> written =
                  format.with(numbers, carrier, &why))
            why = written->whyNotIn(carrier);
        if (!why.empty())
          return why + " (step " + std::to_string(step) + ")";
      }
  return "";
}
