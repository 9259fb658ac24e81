// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The root of a policy file, and its rules.
#include "PolicyReader.h"
#include "PolicyWords.h"
#include "prec/Numerics/Spelling.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;
using Kind = JsonNode::Kind;
using At = JsonAt;

void PolicyReader::readRoot(const At &at) {
  if (!expectObject(at, "an object with the key \"rules\"",
                    {"$schema", "version", "seed", "random", "carrier",
                     "strict", "narrow", "loss-scale", "include", "parameters",
                     "rules"}))
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
    readWord(random, "operands, counter or values", policy.random,
             parseRandomKind);
  });
  with(at, "carrier", [&](const At &carrier) {
    readWord(carrier, "f32 or f64", policy.carrier.emplace(), parseCarrier);
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
  with(at, "loss-scale", [&](const At &scale) {
    if (policy.hasScheduledLossScale())
      if (const Parameter *known =
              findParameter(scale, policy.lossScale->parameter))
        known->isWhole()
            ? checkRange(scale, *known, 0, LossScaling::maxExponent,
                         "the exponent of the loss's scale")
            : fault(scale, "parameter '" + known->name +
                               "' is the exponent of the loss's scale, "
                               "expected whole numbers");
  });
  with(at, "rules", [&](const At &rules) {
    if (expect(rules, Kind::Array, "an array of rules"))
      for (size_t i = 0; i < rules.node->items.size(); ++i)
        readRule(rules.element(i), i);
  });
}

void PolicyReader::readInclude(const At &at) {
  if (!expect(at, Kind::String, "a file name or preset:NAME"))
    return;
  llvm::Expected<Policy> included = files.include(at.node->string);
  if (!included)
    return fault(at, llvm::toString(included.takeError()));
  if (llvm::Error error = policy.append(std::move(*included)))
    fault(at, llvm::toString(std::move(error)));
}

void PolicyReader::readRule(const At &at, size_t number) {
  if (!expectObject(at, "a rule, an object",
                    {"select", "keep", "format", "parameters", "rounding",
                     "granularity", "feedback", "scale", "gradient", "sum",
                     "fused", "origin"}))
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

void PolicyReader::readAction(const At &at, Action &action) {
  with(at, "keep", [&](const At &keep) {
    if (!expect(keep, Kind::Bool, "true") || !keep.node->boolean)
      return fault(keep, "expected true; without the key the rule rounds");
    action.granularity = Granularity::Op;
    action.keep = true;
    for (StringRef key :
         {"format", "rounding", "granularity", "feedback", "scale", "gradient"})
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
  if (action.keep) {
    if (!action.runtimeNumbers().empty())
      return readParameters(at, action);
    with(at, "parameters", [&](const At &names) {
      fault(names, "'keep' leaves values as they are, so 'parameters' has no "
                   "meaning");
    });
    return;
  }
  bool saysSum = at.node->find("sum") || at.node->find("fused");
  if (saysSum && !at.node->find("format")) {
    // A rule about sums alone.
    action.rounds = false;
    action.granularity = Granularity::Op;
    for (StringRef key :
         {"rounding", "granularity", "feedback", "scale", "gradient"})
      with(at, key, [&](const At &other) {
        fault(other, "'" + key + "' has no meaning without a format");
      });
    return readParameters(at, action);
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
  with(at, "gradient", [&](const At &gradient) {
    readWord(gradient, "straight-through, clipped or zero",
             action.gradient.emplace(), parseRoundingGradient);
  });
  with(at, "scale", [&](const At &scale) {
    readWord(scale, "amax or amax<STEPS>, a string", action.scale.emplace(),
             AmaxScale::parse);
  });
  with(at, "feedback", [&](const At &feedback) {
    if (expect(feedback, Kind::Bool, "true or false"))
      action.feedback = feedback.node->boolean;
  });
  readParameters(at, action);
}

llvm::Expected<Policy>
mlir::prec::readPolicyText(StringRef text, StringRef name, PolicyFiles &files) {
  JsonSource source{text, name};
  llvm::Expected<JsonNode> root = parseJson(source);
  if (!root)
    return root.takeError();
  return PolicyReader(source, files).read(*root);
}
