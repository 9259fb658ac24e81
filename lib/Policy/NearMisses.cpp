// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules that match nothing, and what they may have meant.
#include "SelectorSyntax.h"
#include "prec/Policy/PolicyMatcher.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::prec;
using llvm::StringRef;
using Field = Selector::Field;
using Kind = Selector::Kind;

/// The fields that a test looks at.
static llvm::ArrayRef<Field> fieldsOf(Field field) {
  static constexpr Field word[] = {Field::Scope, Field::Op, Field::Name};
  static constexpr Field each[] = {Field::Word, Field::Scope,    Field::Op,
                                   Field::Name, Field::Function, Field::Phase,
                                   Field::Role, Field::Class};
  if (field == Field::Word)
    return word;
  return llvm::ArrayRef(each).slice(size_t(field), 1);
}

bool PolicyMatcher::holdsSomewhere(const Expression &expression) const {
  return llvm::any_of(decisions, [&](const auto &decision) {
    return expression.holds(decision.first);
  });
}

/// The names nearest to the pattern, of the kinds that it looks at, or some if
/// none is near; those that only lie deeper in the tree come first.
std::string PolicyMatcher::similarNames(const Selector &test) const {
  StringRef pattern = test.getGlob().str();
  struct Candidate {
    unsigned distance;
    std::string text;
    auto operator<=>(const Candidate &) const = default;
  };
  constexpr size_t maxNames = 3, maxLooks = 4096;
  std::vector<Candidate> candidates;
  llvm::Expected<Glob> deeper = Glob::parse(("**/" + pattern).str());
  bool canBeDeeper = bool(deeper);
  if (!canBeDeeper)
    llvm::consumeError(deeper.takeError());
  for (Field field : fieldsOf(test.getField()))
    for (const auto &entry : columns[size_t(field) - 1].outcomes) {
      StringRef text = entry.getKey();
      if (text.empty() || candidates.size() >= maxLooks)
        continue;
      unsigned distance = pattern.edit_distance_insensitive(text);
      if (canBeDeeper && text.contains('/') && deeper->matches(text))
        distance = 0;
      candidates.push_back({distance, (fieldWord(field) + " " + text).str()});
    }
  if (candidates.empty())
    return "there are no sites";
  llvm::sort(candidates);
  size_t bound = std::max<size_t>(1, pattern.size() / 3);
  bool isNear = candidates.front().distance <= bound;
  std::vector<std::string> texts;
  for (const Candidate &candidate : candidates)
    if (texts.size() < maxNames && (!isNear || candidate.distance <= bound))
      texts.push_back(candidate.text);
  return (isNear ? "near misses: " : "there are: ") + llvm::join(texts, ", ");
}

std::string PolicyMatcher::nearMisses(const Selector &selector,
                                      const Expression &expression) const {
  llvm::ArrayRef<Selector> parts = selector.getOperands();
  if (selector.getKind() == Kind::Test)
    return similarNames(selector);
  // A part that holds nowhere by itself explains the rest.
  for (auto [part, operand] : llvm::zip_equal(parts, expression.operands))
    if (selector.getKind() != Kind::Not && !holdsSomewhere(operand))
      return "'" + part.str() + "' matches nothing, " +
             nearMisses(part, operand);
  if (selector.getKind() != Kind::And)
    return "it excludes every site";
  // Every part holds somewhere: the site that most of them match.
  const Decision *nearest = nullptr;
  std::string missing;
  size_t fewest = parts.size();
  for (const auto &[outcomes, decision] : decisions) {
    std::string failing;
    size_t count = 0;
    for (auto [part, operand] : llvm::zip_equal(parts, expression.operands))
      if (!operand.holds(outcomes)) {
        failing += (count++ ? " & " : "") + part.str();
      }
    if (count >= fewest)
      continue;
    fewest = count;
    nearest = &decision;
    missing = failing;
  }
  if (!nearest)
    return "there are no sites";
  std::string text = "near miss, but for '" + missing + "':";
  for (auto [i, value] : llvm::enumerate(nearest->example))
    if (!value.empty())
      text += " " + fieldWord(static_cast<Field>(i + 1)).str() + " " + value;
  return text;
}

std::vector<PolicyMatcher::Unmatched> PolicyMatcher::unmatched() const {
  std::vector<bool> isMatched(rules.size());
  for (const auto &entry : decisions)
    for (size_t rule : entry.second.rules)
      isMatched[rule] = true;
  std::vector<Unmatched> all;
  for (size_t i = 0; i < rules.size(); ++i)
    if (!isMatched[i])
      all.push_back({i, nearMisses(policy.rules[i].selector, rules[i])});
  return all;
}
