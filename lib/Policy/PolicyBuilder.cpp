// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Merges the flags of a command line into one policy.
#include "prec/Policy/PolicyBuilder.h"
#include "PolicyWords.h"
#include "prec/Numerics/Spelling.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::prec;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

llvm::ArrayRef<StringRef> PolicyBuilder::flagNames() {
  static constexpr StringRef names[] = {"truncate-mantissa",
                                        "truncate-bits",
                                        "format",
                                        "rounding",
                                        "granularity",
                                        "round",
                                        "sum",
                                        "policy",
                                        "seed",
                                        "loss-scale",
                                        "random",
                                        "random-key",
                                        "carrier"};
  return names;
}

static constexpr llvm::StringLiteral needsNumber =
    "a '?' needs a number, which only a policy file can give";

/// "--flag=value: what is wrong".
static Error bad(StringRef flag, StringRef value, const Twine &what) {
  return llvm::createStringError("--" + flag + "=" + value + ": " + what);
}

/// Reads a word by a parser that gives a value or a reason.
template <typename T, typename Parse>
static Error readWord(StringRef flag, StringRef value, StringRef word,
                      std::optional<T> &result, Parse parse) {
  std::string error;
  result = parse(word, &error);
  return result ? Error::success() : bad(flag, value, error);
}

Error PolicyBuilder::apply(StringRef flag, StringRef value) {
  std::string written = ("--" + flag + "=" + value).str();
  if (flag == "truncate-mantissa" || flag == "truncate-bits")
    return applyWidth(flag, value);
  if (flag == "round")
    return applyRound(value);
  if (flag == "sum")
    return applySum(value);
  if (flag == "format") {
    std::optional<Format> format;
    if (Error error = readWord(flag, value, value, format, Format::parse))
      return error;
    if (format->isRuntime())
      return bad(flag, value, needsNumber);
    Action action;
    action.format = *format;
    setEverything(written, action, {});
    return Error::success();
  }
  if (flag == "rounding") {
    std::optional<RoundingMode> parsed;
    if (Error error = readWord(flag, value, value, parsed, RoundingMode::parse))
      return error;
    if (parsed->isRuntime)
      return bad(flag, value, needsNumber);
    mode = {*parsed, written};
    return Error::success();
  }
  if (flag == "granularity") {
    std::optional<Granularity> parsed;
    Error error = readWord(flag, value, value, parsed, parseGranularityWord);
    if (parsed)
      granularity = {*parsed, written};
    return error;
  }
  if (flag == "policy") {
    llvm::Expected<Policy> policy = readPolicyFile(value);
    if (!policy)
      return policy.takeError();
    append(std::move(*policy));
    return Error::success();
  }
  if (flag == "seed") {
    uint32_t number;
    if (value.getAsInteger(10, number))
      return bad(flag, value, "expected a whole number 0..4294967295");
    seed = number;
    return Error::success();
  }
  if (flag == "loss-scale")
    return readWord(flag, value, value, lossScale, LossScaling::parse);
  if (flag == "random")
    return readWord(flag, value, value, random, parseRandomKind);
  if (flag == "random-key") {
    if (value != "position" && value != "operands")
      return bad(flag, value, "expected position or operands");
    if (value == "operands")
      random = RandomKind::Values;
    return Error::success();
  }
  if (flag == "carrier")
    return readWord(flag, value, value, carrier, parseCarrier);
  std::vector<std::string_view> legal(flagNames().begin(), flagNames().end());
  return llvm::createStringError(unknownWord("flag", flag, legal));
}

Error PolicyBuilder::applyWidth(StringRef flag, StringRef value) {
  bool isWord = flag == "truncate-bits";
  int32_t low = isWord ? 9 : 0, high = isWord ? 61 : 52;
  std::vector<int32_t> widths;
  for (StringRef part : llvm::split(value, ',')) {
    int32_t width;
    if (part.getAsInteger(10, width) || width < low || width > high)
      return bad(
          flag, value,
          "expected " +
              Twine(isWord ? "the bits of a word, " : "fraction bits, ") +
              Twine(low) + ".." + Twine(high) + ", found '" + part + "'");
    widths.push_back(width);
  }
  if (widths.size() > 1 && !options.allowSweep)
    return bad(flag, value,
               "a list means several runs, which this tool does not make");
  int width = widths.size() == 1 ? widths.front() : Format::runtime;
  Action action;
  action.format = isWord ? Format::word(width) : Format::mantissa(width);
  action.mode = RoundingMode::Kind::TowardZero;
  if (widths.size() == 1)
    widths.clear();
  setEverything(("--" + flag + "=" + value).str(), action, std::move(widths));
  return Error::success();
}

void PolicyBuilder::setEverything(StringRef written, Action action,
                                  std::vector<int32_t> values) {
  for (Stretch &stretch : stretches)
    stretch.everything.reset();
  stretches.back().everything =
      Draft{Rule{Selector(), std::move(action), written.str()}};
  sweep = std::move(values);
}

/// SELECTOR=F[:M][@G][+ADDITION]. Formats have no '=', so the last one parts
/// the value.
Error PolicyBuilder::applyRound(StringRef value) {
  constexpr StringRef flag = "round";
  size_t equals = value.rfind('=');
  if (equals == StringRef::npos)
    return bad(flag, value,
               "expected SELECTOR=FORMAT[:MODE][@GRANULARITY][+ADDITION]");
  llvm::Expected<Selector> selector = Selector::parse(value.take_front(equals));
  if (!selector)
    return bad(flag, value, llvm::toString(selector.takeError()));
  auto [rounding, addition] = value.drop_front(equals + 1).split('+');
  auto [action, granularityWord] = rounding.split('@');
  auto [formatWord, modeWord] = action.split(':');
  bool hasGranularity = rounding.contains('@');
  bool hasMode = action.contains(':');
  Draft draft{{std::move(*selector), {}, ("--round=" + value).str()},
              hasMode,
              hasGranularity};
  Action &result = draft.rule.action;
  result.granularity = defaultGranularity(draft.rule.selector);
  if (formatWord == "keep") {
    if (hasMode || hasGranularity || rounding != value.drop_front(equals + 1))
      return bad(flag, value,
                 "'keep' leaves values as they are: no mode, no granularity, "
                 "no addition");
    result = Action();
    result.keep = true;
    stretches.back().special.push_back(std::move(draft));
    return Error::success();
  }
  std::optional<Format> format;
  if (Error error = readWord(flag, value, formatWord, format, Format::parse))
    return error;
  if (format->isRuntime())
    return bad(flag, value, needsNumber);
  result.format = *format;
  if (hasMode) {
    std::optional<RoundingMode> parsed;
    if (Error error =
            readWord(flag, value, modeWord, parsed, RoundingMode::parse))
      return error;
    if (parsed->isRuntime)
      return bad(flag, value, needsNumber);
    result.mode = *parsed;
  }
  if (hasGranularity) {
    std::optional<Granularity> parsed;
    if (Error error = readWord(flag, value, granularityWord, parsed,
                               parseGranularityWord))
      return error;
    result.granularity = *parsed;
  }
  if (rounding != value.drop_front(equals + 1)) {
    std::vector<std::string_view> legal = {"feedback", "amax"};
    llvm::append_range(legal, roundingGradientWords);
    std::string ignored;
    result.feedback = addition == "feedback";
    result.gradient = parseRoundingGradient(addition, &ignored);
    if (addition.starts_with("amax")) {
      if (Error error =
              readWord(flag, value, addition, result.scale, AmaxScale::parse))
        return error;
      if (result.scale->steps == AmaxScale::runtime)
        return bad(flag, value, needsNumber);
    } else if (!result.feedback && !result.gradient) {
      return bad(flag, value,
                 unknownWord("addition", addition, legal, "amax<STEPS>"));
    }
  }
  if (std::string why = draft.rule.whyNotLegal(); !why.empty())
    return bad(flag, value, why);
  stretches.back().special.push_back(std::move(draft));
  return Error::success();
}

/// [SELECTOR=]ORDER[:fused|:separate]. Formats in an order have colons too, but
/// stand in angle brackets.
Error PolicyBuilder::applySum(StringRef value) {
  constexpr StringRef flag = "sum";
  size_t equals = value.rfind('=');
  Draft draft;
  draft.rule.origin = ("--sum=" + value).str();
  Action &action = draft.rule.action;
  action.rounds = false;
  StringRef order = value;
  if (equals != StringRef::npos) {
    llvm::Expected<Selector> selector =
        Selector::parse(value.take_front(equals));
    if (!selector)
      return bad(flag, value, llvm::toString(selector.takeError()));
    draft.rule.selector = std::move(*selector);
    order = value.drop_front(equals + 1);
  }
  if (order.consume_back(":fused"))
    action.fused = true;
  else if (order.consume_back(":separate"))
    action.fused = false;
  if (Error error = readWord(flag, value, order, action.sum, Summation::parse))
    return error;
  if (!action.runtimeNumbers().empty())
    return bad(flag, value, needsNumber);
  if (std::string why = draft.rule.whyNotLegal(); !why.empty())
    return bad(flag, value, why);
  stretches.back().special.push_back(std::move(draft));
  return Error::success();
}

void PolicyBuilder::append(Policy policy) {
  stretches.emplace_back();
  stretches.back().file = std::move(policy);
}

Rule PolicyBuilder::complete(Draft draft) const {
  Rule &rule = draft.rule;
  if (rule.action.keep || !rule.action.rounds)
    return rule;
  if (mode && !draft.hasMode) {
    rule.action.mode = mode->value;
    rule.origin += " " + mode->written;
  }
  if (granularity && !draft.hasGranularity &&
      !rule.selector.onlyInsideOperations()) {
    rule.action.granularity = granularity->value;
    rule.origin += " " + granularity->written;
  }
  return rule;
}

llvm::Expected<Policy> PolicyBuilder::finish() {
  Policy policy;
  bool hasRules = false;
  for (Stretch &stretch : stretches) {
    if (Error error = policy.append(std::move(stretch.file)))
      return error;
    if (stretch.everything)
      stretch.special.insert(stretch.special.begin(),
                             std::move(*stretch.everything));
    for (Draft &draft : stretch.special) {
      hasRules |= draft.rule.action.rounds;
      policy.rules.push_back(complete(std::move(draft)));
    }
  }
  const std::string *orphan = mode          ? &mode->written
                              : granularity ? &granularity->written
                                            : nullptr;
  if (orphan && !hasRules)
    return llvm::createStringError(
        *orphan + " has no format to apply to: give --truncate-mantissa, "
                  "--truncate-bits, --format or --round as well");
  if (!sweep.empty()) {
    std::string name = "bits";
    while (policy.parameter(name))
      name += "_";
    for (Rule &rule : policy.rules)
      if (rule.action.format.isRuntime() && rule.action.parameters.empty())
        rule.action.parameters = {name};
    policy.parameters.push_back(
        {name, Schedule::constant(sweep.front()),
         std::vector<double>(sweep.begin(), sweep.end())});
  }
  // The line's granularity may be none for a rule.
  for (const Rule &rule : policy.rules)
    if (std::string why = rule.whyNotLegal(); !why.empty())
      return llvm::createStringError(rule.origin + ": " + why);
  policy.seed = seed.value_or(policy.seed);
  policy.random = random.value_or(policy.random);
  if (carrier)
    policy.carrier = carrier;
  if (lossScale)
    policy.lossScale = lossScale;
  if (policy.hasScheduledLossScale() &&
      !policy.parameter(policy.lossScale->parameter))
    return llvm::createStringError(
        "--loss-scale=" + policy.lossScale->str() +
        ": its exponent is a parameter, which only a policy file can give; "
        "found no parameter '" +
        policy.lossScale->parameter + "'");
  *this = PolicyBuilder(options);
  return policy;
}
