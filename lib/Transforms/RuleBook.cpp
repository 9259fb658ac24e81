// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The author's own rules, read and matched.
#include "prec/Transforms/RuleBook.h"
#include "prec/IR/Location.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Policy/PolicyBuilder.h"
#include "prec/Transforms/SiteReport.h"

using namespace mlir;
using namespace mlir::prec;

/// The text of one `prec.policy` as rules.
static llvm::Expected<Policy> readRules(StringRef text) {
  PolicyBuilder builder;
  for (StringRef part : llvm::split(text, ';')) {
    part = part.trim();
    StringRef flag = part.consume_front("sum=") ? "sum" : "round";
    std::string value = part.str();
    if (flag == "round" && !part.contains('='))
      value = "*=" + value;
    if (llvm::Error error = builder.apply(flag, value))
      return error;
  }
  return builder.finish();
}

RuleBook::RuleBook(const Policy &policy) : merged(policy), matcher(policy) {
  for (auto [i, rule] : llvm::enumerate(merged.rules))
    if (rule.action.gradient)
      gradientRules[i] = false;
}

LogicalResult RuleBook::readOverrides(ModuleOp module) {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    auto text = op->getAttrOfType<StringAttr>(policyAttrName);
    if (!text || overrides.contains(text.getValue()))
      return WalkResult::advance();
    llvm::Expected<Policy> own = readRules(text.getValue());
    if (!own)
      return op->emitError("'")
             << policyAttrName << "': " << llvm::toString(own.takeError());
    size_t first = merged.rules.size();
    std::string place = describe(op->getLoc());
    for (Rule &rule : own->rules) {
      rule.origin = place + (place.empty() ? "" : ": ") + "prec.policy = \"" +
                    text.str() + "\"";
      if (rule.action.gradient)
        gradientRules[merged.rules.size()] = false;
      merged.rules.push_back(std::move(rule));
    }
    overrides[text.getValue()] = {first, merged.rules.size()};
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

std::vector<size_t> RuleBook::matches(const SiteView &site) {
  std::vector<size_t> all = matcher.matches(site);
  auto [first, last] = overrides.lookup(site.rules);
  for (size_t i = first; i < last; ++i)
    if (merged.rules[i].selector.matches(site))
      all.push_back(i);
  if (!hasGradients())
    return all;
  if (site.phase == "backward" || site.phase == "update")
    llvm::erase_if(all, [&](size_t i) { return gradientRules.contains(i); });
  for (size_t i : all)
    if (auto *found = gradientRules.find(i); found != gradientRules.end())
      found->second = true;
  return all;
}

std::vector<PolicyMatcher::Unmatched> RuleBook::unmatched() const {
  std::vector<PolicyMatcher::Unmatched> all = matcher.unmatched();
  for (auto [rule, hasMatched] : gradientRules)
    if (!hasMatched &&
        llvm::none_of(all, [&](auto &other) { return other.rule == rule; }))
      all.push_back({rule, "one with a gradient matches in phases forward and "
                           "eval only"});
  return all;
}

std::optional<size_t> RuleBook::match(const SiteView &site) {
  if (!hasGradients() && (overrides.empty() || site.rules.empty()))
    return matcher.match(site);
  return decidesRounding(merged.rules, matches(site));
}
