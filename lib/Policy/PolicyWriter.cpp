// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A policy as JSON text that reads back as the same policy.
#include "PolicyWords.h"
#include "prec/Json/JsonTree.h"
#include "prec/Numerics/Describe.h"
#include "prec/Policy/PolicyJson.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace mlir::prec;

static JsonNode real(double value, const char *format = "%.17g") {
  JsonNode number;
  number.kind = JsonNode::Kind::Real;
  llvm::raw_string_ostream(number.string) << llvm::format(format, value);
  return number;
}

/// The shortest text that reads back as the number.
static JsonNode numberOf(double value) {
  if (value == std::rint(value) && std::fabs(value) <= maxParameterValue)
    return JsonNode::of(int64_t(value));
  JsonNode number = real(value);
  number.string = shortestText(value);
  return number;
}

/// The same of a number that f32 holds.
static JsonNode singleOf(double value) {
  JsonNode number = numberOf(value);
  if (number.kind == JsonNode::Kind::Real)
    number.string = shortestText(float(value));
  return number;
}

static JsonNode toJson(const Parameter &parameter) {
  const Schedule &schedule = parameter.schedule;
  JsonNode node = JsonNode::object();
  if (!parameter.sweep.empty()) {
    JsonNode values = JsonNode::array();
    for (double value : parameter.sweep)
      values.items.push_back(numberOf(value));
    node.set("sweep", std::move(values));
    return node;
  }
  if (parameter.overflow) {
    const OverflowShare &overflow = *parameter.overflow;
    JsonNode items = JsonNode::object();
    items.set("start", singleOf(schedule.realAt(0)));
    items.set("least", singleOf(overflow.least));
    items.set("most", singleOf(overflow.most));
    items.set("share", real(double(overflow.share), "%.9g"));
    items.set("steps", JsonNode::of(int64_t(overflow.steps)));
    node.set("overflow", std::move(items));
    return node;
  }
  if (parameter.plateau) {
    const Plateau &plateau = *parameter.plateau;
    JsonNode items = JsonNode::object();
    items.set("start", singleOf(schedule.realAt(0)));
    items.set(plateau.isFactor ? "times" : "by", singleOf(plateau.by));
    items.set("until", singleOf(plateau.until));
    items.set("steps", JsonNode::of(int64_t(plateau.steps)));
    if (plateau.improvement != 0)
      items.set("improvement", real(double(plateau.improvement), "%.9g"));
    node.set("plateau", std::move(items));
    return node;
  }
  if (schedule.kind == Schedule::Kind::Constant)
    return numberOf(schedule.points.front().value);
  JsonNode points = JsonNode::array();
  for (const Schedule::Point &point : schedule.points) {
    if (schedule.kind == Schedule::Kind::List) {
      points.items.push_back(numberOf(point.value));
      continue;
    }
    JsonNode pair = JsonNode::array();
    pair.items = {JsonNode::of(int64_t(point.step)), numberOf(point.value)};
    points.items.push_back(std::move(pair));
  }
  node.set(scheduleWord(schedule.kind), std::move(points));
  if (schedule.perEpoch)
    node.set("unit", JsonNode::of(llvm::StringRef("epoch")));
  return node;
}

static JsonNode toJson(const Rule &rule) {
  const Action &action = rule.action;
  JsonNode node = JsonNode::object();
  node.set("select", JsonNode::of(rule.selector.str()));
  auto setParameters = [&] {
    JsonNode names = JsonNode::array();
    for (const std::string &name : action.parameters)
      names.items.push_back(JsonNode::of(name));
    if (!action.parameters.empty())
      node.set("parameters", std::move(names));
  };
  if (action.keep) {
    node.set("keep", JsonNode::ofBool(true));
  } else if (action.rounds) {
    node.set("format", JsonNode::of(action.format.str()));
    setParameters();
    node.set("rounding", JsonNode::of(action.mode.str()));
    node.set("granularity", JsonNode::of(str(action.granularity)));
    if (action.feedback)
      node.set("feedback", JsonNode::ofBool(true));
    if (action.scale)
      node.set("scale", JsonNode::of(action.scale->str()));
    if (action.gradient)
      node.set("gradient", JsonNode::of(str(*action.gradient)));
  }
  if (!action.rounds || action.keep)
    setParameters();
  if (action.sum)
    node.set("sum", JsonNode::of(action.sum->str()));
  if (action.fused)
    node.set("fused", JsonNode::ofBool(*action.fused));
  node.set("origin", JsonNode::of(rule.origin));
  return node;
}

std::string mlir::prec::writePolicy(const Policy &policy) {
  JsonNode root = JsonNode::object();
  root.set("version", JsonNode::of(int64_t(policyVersion)));
  root.set("seed", JsonNode::of(int64_t(policy.seed)));
  root.set("random",
           JsonNode::of(randomKindWords[static_cast<size_t>(policy.random)]));
  if (policy.carrier)
    root.set("carrier", JsonNode::of(nameOf(*policy.carrier)));
  if (policy.strict)
    root.set("strict", JsonNode::ofBool(true));
  if (policy.lossScale)
    root.set("loss-scale", JsonNode::of(policy.lossScale->str()));
  if (policy.widenNarrow)
    root.set("narrow", JsonNode::of(llvm::StringRef("widen")));
  if (!policy.parameters.empty()) {
    JsonNode parameters = JsonNode::object();
    for (const Parameter &parameter : policy.parameters)
      parameters.set(parameter.name, toJson(parameter));
    root.set("parameters", std::move(parameters));
  }
  JsonNode rules = JsonNode::array();
  for (const Rule &rule : policy.rules)
    rules.items.push_back(toJson(rule));
  root.set("rules", std::move(rules));
  return printJson(root);
}
