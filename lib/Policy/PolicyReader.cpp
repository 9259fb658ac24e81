// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a JSON tree to a policy. Every fault of a file is reported, not only the
// first.
#include "PolicyFiles.h"
#include "PolicyWords.h"
#include "prec/Json/JsonReader.h"
#include "prec/Numerics/Spelling.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;
using Kind = JsonNode::Kind;

namespace {
using At = JsonAt;

class Reader : JsonReader {
public:
  Reader(const JsonSource &source, PolicyFiles &files)
      : JsonReader(source), files(files) {}

  llvm::Expected<Policy> read(const JsonNode &root) {
    readRoot({&root, ""});
    if (llvm::Error faults = takeFaults(root))
      return faults;
    return std::move(policy);
  }

private:
  void readRoot(const At &at);
  void readInclude(const At &at);
  void readParameter(const At &at, StringRef name);
  void readPoints(const At &at, Schedule &schedule);
  void readPlateau(const At &at, Parameter &parameter);
  void readOverflow(const At &at, Parameter &parameter);
  void readNumber(const At &at, StringRef key, int64_t low, int64_t high,
                  int64_t &value);
  void readRule(const At &at, size_t number);
  void readAction(const At &at, Action &action);

  PolicyFiles &files;
  Policy policy;
};
} // namespace

void Reader::readRoot(const At &at) {
  if (!expectObject(at, "an object with the key \"rules\"",
                    {"$schema", "version", "seed", "random", "strict", "narrow",
                     "loss-scale", "include", "parameters", "rules"}))
    return;
  bool hasVersion = with(at, "version", [&](const At &version) {
    int64_t number;
    readInteger(version, policyVersion, policyVersion, number);
  });
  if (!hasVersion)
    fault(at, "missing key 'version', expected \"version\": " +
                  Twine(policyVersion));
  with(at, "$schema", [&](const At &schema) {
    expect(schema, Kind::String, "the address of the schema, a string");
  });
  with(at, "include", [&](const At &include) {
    if (expect(include, Kind::Array, "an array of file names"))
      for (size_t i = 0; i < include.node->items.size(); ++i)
        readInclude(include.element(i));
  });
  with(at, "seed", [&](const At &seed) {
    int64_t value;
    if (readInteger(seed, 0, UINT32_MAX, value))
      policy.seed = uint32_t(value);
  });
  with(at, "random", [&](const At &random) {
    readWord(random, "operands, counter or values", policy.random, parseRandomKind);
  });
  with(at, "strict", [&](const At &strict) {
    if (expect(strict, Kind::Bool, "true or false"))
      policy.strict = strict.node->boolean;
  });
  with(at, "loss-scale", [&](const At &scale) {
    std::string text = scale.node->kind == Kind::Integer
                           ? std::to_string(scale.node->integer)
                           : scale.node->string;
    std::string error;
    auto parsed = LossScaling::parse(text, &error);
    if (parsed)
      policy.lossScale = *parsed;
    else
      fault(scale, error);
  });
  with(at, "narrow", [&](const At &narrow) {
    if (!expect(narrow, Kind::String, "keep or widen"))
      return;
    policy.widenNarrow = narrow.node->string == "widen";
    if (!policy.widenNarrow && narrow.node->string != "keep")
      fault(narrow, unknownWord("treatment of narrow types",
                                narrow.node->string, {"keep", "widen"}));
  });
  with(at, "parameters", [&](const At &parameters) {
    if (!expect(parameters, Kind::Object, "an object of named numbers"))
      return;
    for (auto [name, node] :
         llvm::zip_equal(parameters.node->keys, parameters.node->items))
      readParameter({&node, parameters.pointer + pointerStep(name)}, name);
  });
  with(at, "rules", [&](const At &rules) {
    if (expect(rules, Kind::Array, "an array of rules"))
      for (size_t i = 0; i < rules.node->items.size(); ++i)
        readRule(rules.element(i), i);
  });
}

void Reader::readInclude(const At &at) {
  if (!expect(at, Kind::String, "a file name or preset:NAME"))
    return;
  llvm::Expected<Policy> included = files.include(at.node->string);
  if (!included)
    return fault(at, llvm::toString(included.takeError()));
  if (llvm::Error error = policy.append(std::move(*included)))
    fault(at, llvm::toString(std::move(error)));
}

void Reader::readParameter(const At &at, StringRef name) {
  Parameter parameter;
  parameter.name = name.str();
  if (name.empty())
    return fault(at, "a parameter needs a name");
  int64_t value = 0;
  if (at.node->kind == Kind::Integer) {
    if (readInteger(at, 0, maxParameterValue, value))
      parameter.schedule = Schedule::constant(int32_t(value));
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
      if (readInteger(values, 0, maxParameterValue, value))
        parameter.schedule = Schedule::constant(int32_t(value));
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

void Reader::readNumber(const At &at, StringRef key, int64_t low, int64_t high,
                        int64_t &value) {
  if (!with(at, key,
            [&](const At &item) { readInteger(item, low, high, value); }))
    fault(at, "missing key '" + key + "'");
}

void Reader::readPlateau(const At &at, Parameter &parameter) {
  if (!expectObject(at, "an object with start, by, until, steps",
                    {"start", "by", "until", "steps", "improvement"}))
    return;
  Plateau plateau;
  int64_t start = 0, by = 0, until = 0, steps = 0;
  readNumber(at, "start", 0, maxParameterValue, start);
  readNumber(at, "by", -maxParameterValue, maxParameterValue, by);
  readNumber(at, "until", 0, maxParameterValue, until);
  readNumber(at, "steps", 1, 1 << 24, steps);
  with(at, "improvement", [&](const At &item) {
    std::optional<double> value = item.node->number();
    if (!value || *value < 0 || *value > 1e30)
      return fault(item,
                   "expected a number from 0, found " + item.node->describe());
    plateau.improvement = float(*value);
  });
  if (by == 0 || (by > 0) != (until > start))
    return fault(at, "expected 'by' to lead from 'start' to 'until', found " +
                         Twine(start) + " by " + Twine(by) + " until " +
                         Twine(until));
  plateau.by = int32_t(by);
  plateau.until = int32_t(until);
  plateau.steps = uint32_t(steps);
  parameter.schedule = Schedule::constant(int32_t(start));
  parameter.plateau = plateau;
}

void Reader::readOverflow(const At &at, Parameter &parameter) {
  if (!expectObject(at, "an object with start, least, most, share, steps",
                    {"start", "least", "most", "share", "steps"}))
    return;
  OverflowShare overflow;
  constexpr int64_t most = maxParameterValue;
  int64_t start = 0, low = 0, high = 0, steps = 1;
  readNumber(at, "start", -most, most, start);
  readNumber(at, "least", -most, most, low);
  readNumber(at, "most", -most, most, high);
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
  if (low > start || start > high)
    return fault(at, "expected 'least' <= 'start' <= 'most', found " +
                         Twine(low) + ", " + Twine(start) + ", " + Twine(high));
  overflow.least = int32_t(low);
  overflow.most = int32_t(high);
  overflow.steps = uint32_t(steps);
  parameter.schedule = Schedule::constant(int32_t(start));
  parameter.overflow = overflow;
}

/// Lists and sweeps are numbers, the others pairs of a step and a number.
void Reader::readPoints(const At &at, Schedule &schedule) {
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
    int64_t step = int64_t(i), value = 0;
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
    if (!readInteger(item, 0, maxParameterValue, value))
      return;
    schedule.points.push_back({uint32_t(step), int32_t(value)});
  }
}

void Reader::readRule(const At &at, size_t number) {
  if (!expectObject(at, "a rule, an object",
                    {"select", "keep", "format", "parameters", "rounding",
                     "granularity", "sum", "fused", "origin"}))
    return;
  unsigned faultsBefore = faultCount();
  Rule rule;
  bool hasSelector = with(at, "select", [&](const At &select) {
    if (!expect(select, Kind::String, "a selector, a string"))
      return;
    llvm::Expected<Selector> selector = Selector::parse(select.node->string);
    if (selector)
      rule.selector = std::move(*selector);
    else
      fault(select, llvm::toString(selector.takeError()));
  });
  if (!hasSelector)
    fault(at, "missing key 'select', \"*\" is everything");
  rule.action.granularity = defaultGranularity(rule.selector);
  readAction(at, rule.action);
  rule.origin = (source.name + ":" + Twine(source.line(at.node->offset)) +
                 ": rules[" + Twine(number) + "]")
                    .str();
  with(at, "origin", [&](const At &origin) {
    if (expect(origin, Kind::String, "a string"))
      rule.origin = origin.node->string;
  });
  if (faultCount() == faultsBefore)
    if (std::string why = rule.whyNotLegal(); !why.empty())
      fault(at, why);
  policy.rules.push_back(std::move(rule));
}

void Reader::readAction(const At &at, Action &action) {
  with(at, "keep", [&](const At &keep) {
    if (!expect(keep, Kind::Bool, "true") || !keep.node->boolean)
      return fault(keep, "expected true; without the key the rule rounds");
    action.granularity = Granularity::Op;
    action.keep = true;
    for (StringRef key : {"format", "parameters", "rounding", "granularity"})
      with(at, key, [&](const At &other) {
        fault(other, "'keep' leaves values as they are, so '" + key +
                         "' has no meaning");
      });
  });
  with(at, "sum", [&](const At &sum) {
    readWord(sum, "an order of summation, a string", action.sum.emplace(),
             Summation::parse);
  });
  with(at, "fused", [&](const At &fused) {
    if (expect(fused, Kind::Bool, "true or false"))
      action.fused = fused.node->boolean;
  });
  if (action.keep)
    return;
  bool saysSum = at.node->find("sum") || at.node->find("fused");
  if (saysSum && !at.node->find("format")) {
    // A rule about sums alone.
    action.rounds = false;
    action.granularity = Granularity::Op;
    for (StringRef key : {"parameters", "rounding", "granularity"})
      with(at, key, [&](const At &other) {
        fault(other, "'" + key + "' has no meaning without a format");
      });
    return;
  }
  bool hasFormat = with(at, "format", [&](const At &format) {
    readWord(format, "a format, a string", action.format, Format::parse);
  });
  if (!hasFormat)
    fault(at, "missing key 'format', or \"keep\": true, or \"sum\"");
  with(at, "rounding", [&](const At &rounding) {
    readWord(rounding, "a rounding mode, a string", action.mode,
             RoundingMode::parse);
  });
  with(at, "granularity", [&](const At &granularity) {
    readWord(granularity, "a granularity, a string", action.granularity,
             parseGranularityWord);
  });
  with(at, "parameters", [&](const At &names) {
    if (!expect(names, Kind::Array, "an array of the names of parameters"))
      return;
    for (size_t i = 0; i < names.node->items.size(); ++i) {
      At name = names.element(i);
      if (!expect(name, Kind::String, "the name of a parameter"))
        continue;
      const Parameter *known = policy.parameter(name.node->string);
      if (known && known->overflow &&
          !(action.format.isGrid() && action.format.isSigned))
        fault(name, "parameter '" + name.node->string +
                        "' follows overflows, which counts the integer bits "
                        "of fixed<?/N>, found the format " +
                        action.format.str());
      if (!known) {
        std::vector<std::string_view> legal;
        for (const Parameter &parameter : policy.parameters)
          legal.push_back(parameter.name);
        fault(name, unknownWord("parameter", name.node->string, legal));
      }
      action.parameters.push_back(name.node->string);
    }
  });
}

llvm::Expected<Policy>
mlir::prec::readPolicyText(StringRef text, StringRef name, PolicyFiles &files) {
  JsonSource source{text, name};
  llvm::Expected<JsonNode> root = parseJson(source);
  if (!root)
    return root.takeError();
  return Reader(source, files).read(*root);
}
