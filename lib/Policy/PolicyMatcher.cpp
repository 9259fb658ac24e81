// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes the tests of a policy's rules once for each different string.
#include "prec/Policy/PolicyMatcher.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;
using Field = Selector::Field;

PolicyMatcher::PolicyMatcher(const Policy &policy) : policy(policy) {
  for (const Rule &rule : policy.rules)
    rules.push_back(compile(rule.selector));
}

PolicyMatcher::Expression PolicyMatcher::compile(const Selector &selector) {
  Expression expression{selector.getKind(), 0, {}};
  for (const Selector &operand : selector.getOperands())
    expression.operands.push_back(compile(operand));
  if (selector.getKind() != Selector::Kind::Test)
    return expression;
  Field field = selector.getField();
  auto [number, isNew] = testNumbers.try_emplace(
      {field, selector.getGlob().str().str()}, testNumbers.size());
  expression.test = number->second;
  if (!isNew)
    return expression;
  Test test{&selector.getGlob(), number->second};
  if (field != Field::Word) {
    columns[size_t(field) - 1].tests.push_back(test);
    return expression;
  }
  for (Field part : {Field::Scope, Field::Op, Field::Name})
    columns[size_t(part) - 1].tests.push_back(test);
  return expression;
}

bool PolicyMatcher::Expression::holds(const Bits &outcomes) const {
  auto holdsToo = [&](const Expression &e) { return e.holds(outcomes); };
  switch (kind) {
  case Selector::Kind::Everything:
    return true;
  case Selector::Kind::Test:
    return outcomes[test / 64] >> (test % 64) & 1;
  case Selector::Kind::And:
    return llvm::all_of(operands, holdsToo);
  case Selector::Kind::Or:
    return llvm::any_of(operands, holdsToo);
  case Selector::Kind::Not:
    return !holdsToo(operands.front());
  }
  return false;
}

/// Adds the outcomes of the column's tests on `text`.
void PolicyMatcher::unite(Bits &outcomes, Column &column,
                          llvm::StringRef text) const {
  if (column.tests.empty())
    return;
  auto [known, isNew] = column.outcomes.try_emplace(text);
  Bits &own = known->second;
  if (isNew)
    for (const Test &test : column.tests)
      if (test.glob->matches(text)) {
        own.resize(outcomes.size());
        own[test.bit / 64] |= uint64_t(1) << (test.bit % 64);
      }
  // No bits at all is the usual case, and kept empty.
  for (size_t i = 0; i < own.size(); ++i)
    outcomes[i] |= own[i];
}

const PolicyMatcher::Decision &PolicyMatcher::decide(const SiteView &site) {
  Bits outcomes(testNumbers.size() / 64 + 1);
  const llvm::StringRef texts[numColumns] = {
      site.scope, site.op,   site.name,   site.function,
      site.phase, site.role, site.opClass};
  for (size_t i = 0; i < numColumns; ++i)
    unite(outcomes, columns[i], texts[i]);
  auto [known, isNew] = decisions.try_emplace(std::move(outcomes));
  Decision &decision = known->second;
  if (!isNew)
    return decision;
  for (auto [i, rule] : llvm::enumerate(rules))
    if (rule.holds(known->first))
      decision.rules.push_back(i);
  for (size_t i = 0; i < numColumns; ++i)
    decision.example[i] = texts[i].str();
  return decision;
}

std::optional<size_t> PolicyMatcher::match(const SiteView &site) {
  return decidesRounding(policy.rules, decide(site).rules);
}

const std::vector<size_t> &PolicyMatcher::matches(const SiteView &site) {
  return decide(site).rules;
}
