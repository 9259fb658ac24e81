// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which rule decides about a site.
#include "prec/Policy/Policy.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace mlir::prec;

std::string Action::addition() const {
  return feedback ? "feedback"
         : scale  ? scale->str()
                  : std::string(gradient ? mlir::prec::str(*gradient) : "");
}

/// The scale of a rule, by itself.
static std::string whyNotScaled(const Action &action) {
  const Format &format = action.format;
  if (action.granularity == Granularity::Elementary)
    return "a scale is that of a whole value, at granularity op, layer or "
           "batch, found elementary";
  if (action.feedback || action.gradient)
    return "a rule has a scale or " +
           std::string(action.feedback ? "feedback" : "a gradient") +
           ", found both";
  if (!format.isElementwise() || format.family == Format::Family::Mantissa)
    return "a scale moves values into a format's range, which must have "
           "an end and be the same for all elements, found " +
           format.str();
  return "";
}

/// A name for each `?`.
static std::string whyNotNumbered(const Action &action) {
  std::vector<Action::RuntimeNumber> numbers = action.runtimeNumbers();
  if (action.parameters.size() == numbers.size())
    return "";
  const bool isRounding = action.rounds && !action.keep;
  std::string texts;
  auto add = [&](const std::string &text) {
    texts += (texts.empty() ? "'" : "' with '") + text;
  };
  std::string last;
  if (isRounding)
    add(last = action.format.str());
  for (const Action::RuntimeNumber &number : numbers)
    if (number.in != last)
      add(last = number.in);
  return (isRounding ? "format " : "sum ") + texts + "' takes " +
         std::to_string(numbers.size()) +
         " parameters, one for each '?', found " +
         std::to_string(action.parameters.size());
}

std::string Rule::whyNotLegal() const {
  if (action.fused.value_or(false) && action.sum && !action.sum->canFuse())
    return "a fused multiply-add has an order of sequential or blocked<N>, "
           "found " +
           action.sum->str();
  if (!action.rounds && !action.sum && !action.fused)
    return "the rule says nothing: neither a format, nor keep, nor how sums "
           "are taken";
  if (action.keep || !action.rounds)
    return whyNotNumbered(action);
  if (action.granularity != Granularity::Elementary &&
      selector.onlyInsideOperations())
    return "products and accumulators are rounded at granularity elementary "
           "only, found " +
           std::string(mlir::prec::str(action.granularity));
  if (action.feedback && action.granularity == Granularity::Elementary)
    return "feedback keeps what the rounding of a whole value loses, at "
           "granularity op, layer or batch, found elementary";
  if (action.gradient && action.granularity == Granularity::Elementary)
    return "a gradient is that of the rounding of a whole value, at "
           "granularity op, layer or batch, found elementary";
  if (action.gradient && action.feedback)
    return "a rule has feedback or a gradient, found both: what is added to a "
           "value has no derivative";
  if (action.scale)
    if (std::string why = whyNotScaled(action); !why.empty())
      return why;
  if (action.gradient == RoundingGradient::Clipped &&
      !action.format.isElementwise())
    return "the gradient clipped needs a range that is the same for all "
           "elements, found " +
           action.format.str();
  return whyNotNumbered(action);
}

std::optional<size_t>
mlir::prec::decidesRounding(llvm::ArrayRef<Rule> rules,
                            llvm::ArrayRef<size_t> matches) {
  for (size_t rule : llvm::reverse(matches))
    if (rules[rule].action.rounds)
      return rule;
  return std::nullopt;
}

std::optional<size_t> Policy::match(const SiteView &site) const {
  return decidesRounding(rules, matches(site));
}

std::vector<size_t> Policy::matches(const SiteView &site) const {
  std::vector<size_t> all;
  for (auto [i, rule] : llvm::enumerate(rules))
    if (rule.selector.matches(site))
      all.push_back(i);
  return all;
}

const Parameter *Policy::parameter(llvm::StringRef name) const {
  for (const Parameter &parameter : parameters)
    if (name == parameter.name)
      return &parameter;
  return nullptr;
}

size_t Policy::numRuns() const {
  size_t runs = 1;
  for (const Parameter &parameter : parameters)
    runs = std::max(runs, parameter.sweep.size());
  return runs;
}

llvm::Error Policy::append(Policy other) {
  for (Parameter &parameter : other.parameters) {
    const Parameter *known = this->parameter(parameter.name);
    if (known && *known != parameter)
      return llvm::createStringError("parameter '" + parameter.name +
                                     "' has two different meanings");
    if (!known)
      parameters.push_back(std::move(parameter));
  }
  llvm::append_range(rules, std::move(other.rules));
  seed = other.seed;
  random = other.random;
  strict |= other.strict;
  widenNarrow |= other.widenNarrow;
  if (other.carrier)
    carrier = other.carrier;
  if (other.lossScale)
    lossScale = other.lossScale;
  return llvm::Error::success();
}
