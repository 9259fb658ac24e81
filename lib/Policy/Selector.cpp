// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The selector as a value: what it matches, and its canonical text.
#include "prec/Policy/Selector.h"
#include "SelectorSyntax.h"
#include "prec/Numerics/Spelling.h"
#include "prec/Words.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;
using llvm::StringRef;

template <size_t N>
static llvm::Error checkWord(StringRef kind, StringRef word,
                             const std::array<std::string_view, N> &words) {
  if (isWord(words, word))
    return llvm::Error::success();
  return llvm::createStringError(
      unknownWord(kind, word, {words.begin(), words.end()}));
}

llvm::Expected<Selector> Selector::test(Field field, StringRef pattern) {
  if (field == Field::Word && (pattern == "*" || pattern == "**"))
    return Selector();
  llvm::Error error =
      field == Field::Phase  ? checkWord("phase", pattern, phaseWords)
      : field == Field::Role ? checkWord("role", pattern, roleWords)
      : field == Field::Class
          ? checkWord("operation class", pattern, opClassWords)
          : llvm::Error::success();
  if (error)
    return error;
  llvm::Expected<Glob> parsed = Glob::parse(pattern);
  if (!parsed)
    return parsed.takeError();
  Selector selector;
  selector.kind = Kind::Test;
  selector.field = field;
  selector.glob = std::move(*parsed);
  return selector;
}

Selector Selector::combine(Kind kind, std::vector<Selector> operands) {
  if (operands.size() == 1)
    return std::move(operands.front());
  Selector selector;
  selector.kind = kind;
  for (Selector &operand : operands) {
    if (operand.kind == kind)
      llvm::append_range(selector.operands, std::move(operand.operands));
    else
      selector.operands.push_back(std::move(operand));
  }
  return selector;
}

Selector Selector::all(std::vector<Selector> operands) {
  return operands.empty() ? Selector()
                          : combine(Kind::And, std::move(operands));
}

Selector Selector::any(std::vector<Selector> operands) {
  return operands.empty() ? negate(Selector())
                          : combine(Kind::Or, std::move(operands));
}

Selector Selector::negate(Selector operand) {
  Selector selector;
  selector.kind = Kind::Not;
  selector.operands.push_back(std::move(operand));
  return selector;
}

bool Selector::matches(const SiteView &site) const {
  auto matchesSite = [&](const Selector &s) { return s.matches(site); };
  switch (kind) {
  case Kind::Everything:
    return true;
  case Kind::And:
    return llvm::all_of(operands, matchesSite);
  case Kind::Or:
    return llvm::any_of(operands, matchesSite);
  case Kind::Not:
    return !operands.front().matches(site);
  case Kind::Test:
    break;
  }
  switch (field) {
  case Field::Word:
    return glob.matches(site.scope) || glob.matches(site.op) ||
           glob.matches(site.name);
  case Field::Scope:
    return glob.matches(site.scope);
  case Field::Op:
    return glob.matches(site.op);
  case Field::Name:
    return glob.matches(site.name);
  case Field::Function:
    return glob.matches(site.function);
  case Field::Phase:
    return glob.matches(site.phase);
  case Field::Role:
    return glob.matches(site.role);
  case Field::Class:
    return glob.matches(site.opClass);
  }
  return false;
}

bool Selector::onlyInsideOperations() const {
  auto isOnlyInside = [](const Selector &s) {
    return s.onlyInsideOperations();
  };
  switch (kind) {
  case Kind::Test:
    return field == Field::Role &&
           (glob.str() == "product" || glob.str() == "accumulator");
  case Kind::And:
    return llvm::any_of(operands, isOnlyInside);
  case Kind::Or:
    return llvm::all_of(operands, isOnlyInside);
  case Kind::Everything:
  case Kind::Not:
    break;
  }
  return false;
}

bool Selector::operator==(const Selector &other) const {
  return kind == other.kind && field == other.field && glob == other.glob &&
         operands == other.operands;
}

/// Does the pattern read back as itself without quotes?
static bool isPlain(Selector::Field field, StringRef pattern) {
  if (pattern.find_first_of(selectorOperators) != StringRef::npos)
    return false;
  if (takesRoleSuffix(field) && roleSuffix(pattern))
    return false;
  return field != Selector::Field::Word ||
         (pattern.find_first_of("!@") != 0 && !pattern.contains(':') &&
          !isWord(roleWords, pattern) && !isWord(phaseWords, pattern));
}

static std::string quoted(Selector::Field field, StringRef pattern) {
  if (isPlain(field, pattern))
    return pattern.str();
  std::string text = "\"";
  for (char c : pattern) {
    if (c == '"' || c == '\\')
      text += '\\';
    text += c;
  }
  return text + '"';
}

std::string Selector::str() const {
  switch (kind) {
  case Kind::Everything:
    return "*";
  case Kind::Not: {
    Kind inner = operands.front().getKind();
    bool needsParentheses = inner == Kind::And || inner == Kind::Or;
    std::string text = operands.front().str();
    return needsParentheses ? "!(" + text + ")" : "!" + text;
  }
  case Kind::And:
  case Kind::Or: {
    std::string text;
    for (const Selector &operand : operands) {
      if (!text.empty())
        text += kind == Kind::And ? " & " : " | ";
      bool needsParentheses =
          kind == Kind::And && operand.getKind() == Kind::Or;
      text += needsParentheses ? "(" + operand.str() + ")" : operand.str();
    }
    return text;
  }
  case Kind::Test:
    break;
  }
  std::string pattern = quoted(field, glob.str());
  switch (field) {
  case Field::Word:
  case Field::Role:
    return pattern;
  case Field::Class:
    return "@" + pattern;
  default:
    return fieldWord(field).str() + ":" + pattern;
  }
}
