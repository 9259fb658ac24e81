// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The parameters of a policy file: numbers, schedules, what they follow.
#include "PolicyReader.h"
#include "PolicyWords.h"
#include "prec/Numerics/Describe.h"
#include "prec/Numerics/Spelling.h"
#include <cmath>

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;
using Kind = JsonNode::Kind;
using At = JsonAt;

void PolicyReader::readParameter(const At &at, StringRef name) {
  Parameter parameter;
  parameter.name = name.str();
  if (name.empty())
    return fault(at, "a parameter needs a name");
  double value = 0;
  if (at.node->number()) {
    if (readValue(at, value))
      parameter.schedule = Schedule::constant(value);
  } else {
    std::vector<std::string_view> legal(scheduleWords.begin(),
                                        scheduleWords.end());
    legal.push_back("sweep");
    legal.push_back("unit");
    legal.push_back("plateau");
    legal.push_back("overflow");
    if (!expectObject(
            at, "a number or an object such as {\"steps\": [[0, 10]]}", legal))
      return;
    bool hasUnit = with(at, "unit", [&](const At &unit) {
      if (!expect(unit, Kind::String, "step or epoch"))
        return;
      parameter.schedule.perEpoch = unit.node->string == "epoch";
      if (unit.node->string != "step" && unit.node->string != "epoch")
        fault(unit, unknownWord("unit", unit.node->string, {"step", "epoch"}));
    });
    if (at.node->items.size() != 1u + hasUnit)
      return fault(at, "expected one of the keys constant, steps, linear, "
                       "cosine, list, sweep, plateau, overflow, found " +
                           Twine(at.node->items.size() - hasUnit));
    bool unitIsFirst = hasUnit && at.node->keys.front() == "unit";
    StringRef word = at.node->keys[unitIsFirst];
    At values = at.value(word, at.node->items[unitIsFirst]);
    for (size_t i = 0; i < scheduleWords.size(); ++i)
      if (word == StringRef(scheduleWords[i]))
        parameter.schedule.kind = static_cast<Schedule::Kind>(i);
    if (word == "plateau") {
      readPlateau(values, parameter);
    } else if (word == "overflow") {
      readOverflow(values, parameter);
    } else if (word == "constant") {
      if (readValue(values, value))
        parameter.schedule = Schedule::constant(value);
    } else {
      readPoints(values, parameter.schedule);
    }
    if (word == "sweep" && !parameter.schedule.points.empty()) {
      for (const Schedule::Point &point : parameter.schedule.points)
        parameter.sweep.push_back(point.value);
      parameter.schedule = Schedule::constant(parameter.sweep.front());
    }
    if (hasUnit && (word == "sweep" || word == "constant" ||
                    word == "plateau" || word == "overflow"))
      return fault(at, "'unit' has no meaning for '" + word + "'");
    if (!parameter.schedule.points.empty() &&
        parameter.schedule.changes().size() > Schedule::maxChanges)
      return fault(values, "expected at most " + Twine(Schedule::maxChanges) +
                               " changes of the number");
  }
  if (const Parameter *other = policy.parameter(name); other)
    return fault(at, "parameter '" + name + "' is already in an included file");
  policy.parameters.push_back(std::move(parameter));
}

const Parameter *PolicyReader::findParameter(const At &at, StringRef name) {
  const Parameter *known = policy.parameter(name);
  if (known)
    return known;
  std::vector<std::string_view> legal;
  for (const Parameter &parameter : policy.parameters)
    legal.push_back(parameter.name);
  fault(at, unknownWord("parameter", name, legal));
  return nullptr;
}

bool PolicyReader::readValue(const At &at, double &value) {
  std::optional<double> number = at.node->number();
  if (number && std::fabs(*number) <= maxParameterValue) {
    value = *number;
    return true;
  }
  fault(at, "expected a number from -" + Twine(maxParameterValue) + " to " +
                Twine(maxParameterValue) + ", found " + at.node->describe());
  return false;
}

void PolicyReader::checkRange(const At &at, const Parameter &parameter,
                              double low, double high, const Twine &what) {
  auto [least, greatest] = parameter.range();
  if (least < low || greatest > high)
    fault(at, "parameter '" + parameter.name + "' is " + what +
                  ", expected values in " + shortestText(low) + ".." +
                  shortestText(high) + ", found " +
                  shortestText(least < low ? least : greatest));
}

void PolicyReader::checkParameter(const At &at, const Parameter &parameter,
                                  const Action &action,
                                  const Action::RuntimeNumber &number) {
  if (parameter.schedule.points.empty())
    return; // could not be read
  const std::string what =
      ("the " + Twine(number.what) + " of " + number.in).str();
  const Format &format = action.format;
  const bool isReach = format.isGrid() && format.isElementwise() &&
                       format.zeroPoint == 0 &&
                       format.overflow == Format::Overflow::Saturate &&
                       number.in == format.str() &&
                       (number.isReal || number.what == "integer bits" ||
                        number.what == "exponent of the scale");
  if (parameter.overflow && !isReach)
    return fault(at,
                 "parameter '" + parameter.name +
                     "' follows overflows, which moves how far numbers reach: "
                     "the integer bits of fixed<?/N>, the exponent of "
                     "intN<2^?> or the scale of intN<?>, found " +
                     what);
  if (!number.isReal && !parameter.isWhole())
    return fault(at, "parameter '" + parameter.name + "' is " + what +
                         ", expected whole numbers");
  if (!number.isReal && action.mode.isRuntime &&
      number.in == action.mode.str() && !action.mode.needsWholeWord() &&
      parameter.range().second > number.high)
    return fault(at, "parameter '" + parameter.name + "' is " + what +
                         ", expected values in 1..16, found " +
                         shortestText(parameter.range().second) +
                         "; stochastic<?/32> has up to 32");
  if (!number.isReal)
    return checkRange(at, parameter, number.low, number.high, what);
  if (double least = parameter.range().first; least < number.low)
    return fault(at, "parameter '" + parameter.name + "' is " + what +
                         ", expected positive numbers, found " +
                         shortestText(least));
  for (const char *word : {".high", ".low"})
    if (policy.parameter(parameter.name + word))
      return fault(at, "parameter '" + parameter.name + "' is " + what +
                           ", whose words are '" + parameter.name +
                           ".high' and '.low', found another parameter '" +
                           parameter.name + word + "'");
  if (parameter.schedule.changes(/*isReal=*/true).size() > Schedule::maxChanges)
    fault(at, "parameter '" + parameter.name + "' is " + what +
                  ", expected at most " + Twine(Schedule::maxChanges) +
                  " changes of the number");
}

void PolicyReader::readParameters(const At &at, Action &action) {
  with(at, "parameters", [&](const At &names) {
    if (!expect(names, Kind::Array, "an array of the names of parameters"))
      return;
    std::vector<Action::RuntimeNumber> numbers = action.runtimeNumbers();
    for (size_t i = 0; i < names.node->items.size(); ++i) {
      At name = names.element(i);
      if (!expect(name, Kind::String, "the name of a parameter"))
        continue;
      if (const Parameter *known = findParameter(name, name.node->string))
        if (i < numbers.size())
          checkParameter(name, *known, action, numbers[i]);
      action.parameters.push_back(name.node->string);
    }
  });
}

void PolicyReader::readNumber(const At &at, StringRef key, int64_t low,
                              int64_t high, int64_t &value) {
  if (!with(at, key,
            [&](const At &item) { readInteger(item, low, high, value); }))
    fault(at, "missing key '" + key + "'");
}

bool PolicyReader::readSingle(const At &at, StringRef key, double &value) {
  bool isRead = false;
  bool isThere = with(at, key, [&](const At &item) {
    isRead = readValue(item, value);
    value = double(float(value));
  });
  if (!isThere)
    fault(at, "missing key '" + key + "'");
  return isRead;
}

void PolicyReader::readPlateau(const At &at, Parameter &parameter) {
  if (!expectObject(at, "an object with start, by, until, steps",
                    {"start", "by", "times", "until", "steps", "improvement"}))
    return;
  Plateau plateau;
  int64_t steps = 0;
  double start = 0;
  plateau.isFactor = at.node->find("times") != nullptr;
  if (plateau.isFactor && at.node->find("by"))
    return fault(at, "expected 'by' or 'times', found both");
  bool hasAll = readSingle(at, "start", start);
  hasAll &= readSingle(at, plateau.isFactor ? "times" : "by", plateau.by);
  hasAll &= readSingle(at, "until", plateau.until);
  readNumber(at, "steps", 1, 1 << 24, steps);
  with(at, "improvement", [&](const At &item) {
    std::optional<double> value = item.node->number();
    if (!value || *value < 0 || *value > 1e30)
      return fault(item,
                   "expected a number from 0, found " + item.node->describe());
    plateau.improvement = float(*value);
  });
  if (!hasAll)
    return;
  const double neutral = plateau.isFactor ? 1 : 0;
  const bool isBackwards = (plateau.by > neutral) != (plateau.until > start);
  const bool isNegative =
      plateau.isFactor && (plateau.by <= 0 || start <= 0 || plateau.until <= 0);
  if (plateau.by == neutral || isBackwards || isNegative)
    return fault(at, Twine("expected '") + (plateau.isFactor ? "times" : "by") +
                         "' to lead from 'start' to 'until', found " +
                         shortestText(start) +
                         (plateau.isFactor ? " times " : " by ") +
                         shortestText(plateau.by) + " until " +
                         shortestText(plateau.until));
  plateau.steps = uint32_t(steps);
  parameter.schedule = Schedule::constant(start);
  parameter.plateau = plateau;
}

void PolicyReader::readOverflow(const At &at, Parameter &parameter) {
  if (!expectObject(at, "an object with start, least, most, share, steps",
                    {"start", "least", "most", "share", "steps"}))
    return;
  OverflowShare overflow;
  int64_t steps = 1;
  double start = 0;
  bool hasAll = readSingle(at, "start", start);
  hasAll &= readSingle(at, "least", overflow.least);
  hasAll &= readSingle(at, "most", overflow.most);
  readNumber(at, "steps", 1, 1 << 24, steps);
  bool hasShare = with(at, "share", [&](const At &item) {
    std::optional<double> value = item.node->number();
    if (!value || *value < 0 || float(*value) >= 1)
      return fault(item, "expected a share, from 0 and less than 1, found " +
                             item.node->describe());
    overflow.share = float(*value);
  });
  if (!hasShare)
    fault(at, "missing key 'share'");
  if (!hasAll)
    return;
  if (overflow.least > start || start > overflow.most)
    return fault(at, "expected 'least' <= 'start' <= 'most', found " +
                         shortestText(overflow.least) + ", " +
                         shortestText(start) + ", " +
                         shortestText(overflow.most));
  overflow.steps = uint32_t(steps);
  parameter.schedule = Schedule::constant(start);
  parameter.overflow = overflow;
}

/// Lists and sweeps are numbers, the others pairs of a step and a number.
void PolicyReader::readPoints(const At &at, Schedule &schedule) {
  bool hasSteps = schedule.kind == Schedule::Kind::Steps ||
                  schedule.kind == Schedule::Kind::Linear ||
                  schedule.kind == Schedule::Kind::Cosine;
  StringRef expected =
      hasSteps ? "an array of pairs [step, number]" : "an array of numbers";
  if (!expect(at, Kind::Array, expected))
    return;
  if (at.node->items.empty())
    return fault(at, "expected " + expected + ", found none");
  for (size_t i = 0; i < at.node->items.size(); ++i) {
    At item = at.element(i);
    int64_t step = int64_t(i);
    double value = 0;
    if (hasSteps) {
      if (item.node->kind != Kind::Array || item.node->items.size() != 2)
        return fault(item, "expected a pair [step, number], found " +
                               item.node->describe());
      if (!readInteger(item.element(0), 0, UINT32_MAX, step))
        return;
      if (i == 0 ? step != 0 : step <= schedule.points.back().step)
        return fault(item.element(0),
                     i == 0
                         ? "the first step must be 0, found " + Twine(step)
                         : "steps must ascend, found " + Twine(step) +
                               " after " + Twine(schedule.points.back().step));
      item = item.element(1);
    }
    if (!readValue(item, value))
      return;
    schedule.points.push_back({uint32_t(step), value});
  }
}
