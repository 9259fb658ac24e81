// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the text of a selector by recursive descent.
#include "SelectorSyntax.h"
#include "prec/Numerics/Spelling.h"
#include "prec/Words.h"
#include "llvm/Support/ConvertUTF.h"

using namespace mlir::prec;
using llvm::Expected;
using llvm::StringRef;

namespace {
/// Each member function reads what the grammar's line of that name says and
/// leaves `rest` behind it.
class Parser {
public:
  explicit Parser(StringRef text) : text(text), rest(text) {}

  Expected<Selector> parse() {
    Expected<Selector> selector = parseOr();
    if (selector && !rest.empty())
      return fail("expected '&', '|' or the end");
    return selector;
  }

private:
  /// Deeper expressions are refused: reading them is recursive.
  static constexpr unsigned maxDepth = 100;

  llvm::Error fail(const llvm::Twine &expectation) {
    std::string found =
        rest.empty() ? "the end" : "'" + rest.take_front(20).str() + "'";
    return llvm::createStringError("selector '" + text.take_front(200) +
                                   "': " + expectation + " at column " +
                                   llvm::Twine(column()) + ", found " + found);
  }
  /// Puts the place in front of an error about a word or a pattern.
  llvm::Error at(size_t wordColumn, llvm::Error error) {
    return llvm::createStringError("selector '" + text.take_front(200) +
                                   "': column " + llvm::Twine(wordColumn) +
                                   ": " + llvm::toString(std::move(error)));
  }
  size_t column() const { return text.size() - rest.size() + 1; }
  void skipSpace() { rest = rest.ltrim(" \t\r\n"); }
  bool consume(char c) {
    skipSpace();
    bool found = rest.consume_front(StringRef(&c, 1));
    skipSpace();
    return found;
  }

  Expected<Selector> parseOr() {
    std::vector<Selector> operands;
    do {
      Expected<Selector> operand = parseAnd();
      if (!operand)
        return operand;
      operands.push_back(std::move(*operand));
    } while (consume('|'));
    return Selector::any(std::move(operands));
  }

  Expected<Selector> parseAnd() {
    std::vector<Selector> operands;
    do {
      Expected<Selector> operand = parseUnary();
      if (!operand)
        return operand;
      operands.push_back(std::move(*operand));
    } while (consume('&'));
    return Selector::all(std::move(operands));
  }

  Expected<Selector> parseUnary() {
    if (++depth > maxDepth)
      return fail("nesting deeper than " + llvm::Twine(maxDepth));
    Expected<Selector> selector = parseNested();
    --depth;
    return selector;
  }

  Expected<Selector> parseNested() {
    if (consume('!')) {
      Expected<Selector> operand = parseUnary();
      return operand ? Selector::negate(std::move(*operand))
                     : std::move(operand);
    }
    if (!consume('('))
      return parseTerm();
    Expected<Selector> selector = parseOr();
    if (selector && !consume(')'))
      return fail("expected ')'");
    return selector;
  }

  Expected<Selector> parseTerm() {
    size_t start = column();
    if (rest.consume_front("@"))
      return parseTest(start, Selector::Field::Class);
    StringRef word = peekWord();
    size_t colon = word.find(':');
    if (colon == StringRef::npos)
      return parseTest(start, Selector::Field::Word);
    StringRef name = word.take_front(colon);
    for (size_t i = 1; i < fieldWords.size(); ++i) {
      if (name != StringRef(fieldWords[i]))
        continue;
      rest = rest.drop_front(colon + 1);
      return parseTest(column(), static_cast<Selector::Field>(i));
    }
    return at(start, llvm::createStringError(unknownWord(
                         "selector field", name,
                         {fieldWords.begin() + 1, fieldWords.end()})));
  }

  /// The pattern, quoted or not, and the role behind its last dot.
  Expected<Selector> parseTest(size_t start, Selector::Field field) {
    bool isQuoted = rest.starts_with("\"");
    std::string pattern;
    StringRef role;
    if (isQuoted) {
      if (llvm::Error error = parseQuoted(pattern))
        return error;
      if (rest.consume_front(".")) {
        role = takeWord();
        if (!isWord(roleWords, role))
          return at(start,
                    llvm::createStringError(unknownWord(
                        "role", role, {roleWords.begin(), roleWords.end()})));
      }
    } else {
      StringRef word = takeWord();
      if (word.empty())
        return fail("expected a pattern");
      if (takesRoleSuffix(field))
        role = roleSuffix(word).value_or("");
      pattern = word.drop_back(role.empty() ? 0 : role.size() + 1).str();
    }
    skipSpace();
    if (field == Selector::Field::Word && !isQuoted) {
      if (role.empty() && isWord(roleWords, pattern))
        field = Selector::Field::Role;
      else if (isWord(phaseWords, pattern))
        field = Selector::Field::Phase;
    }
    Expected<Selector> selector = Selector::test(field, pattern);
    if (!selector)
      return at(start, selector.takeError());
    if (role.empty())
      return selector;
    Expected<Selector> ofRole = Selector::test(Selector::Field::Role, role);
    if (!ofRole)
      return ofRole;
    return Selector::all({std::move(*selector), std::move(*ofRole)});
  }

  llvm::Error parseQuoted(std::string &pattern) {
    StringRef open = rest;
    for (rest = rest.drop_front(); !rest.empty(); rest = rest.drop_front()) {
      if (rest.consume_front("\""))
        return llvm::Error::success();
      if (rest.starts_with("\\\"") || rest.starts_with("\\\\"))
        rest = rest.drop_front();
      pattern += rest.front();
    }
    rest = open;
    return fail("a quote without an end");
  }

  StringRef peekWord() const {
    return rest.take_front(rest.find_first_of(selectorOperators));
  }
  StringRef takeWord() {
    StringRef word = peekWord();
    rest = rest.drop_front(word.size());
    return word;
  }

  StringRef text, rest;
  unsigned depth = 0;
};
} // namespace

Expected<Selector> Selector::parse(StringRef text) {
  auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data());
  if (!llvm::isLegalUTF8String(&begin, begin + text.size()))
    return llvm::createStringError("selector is not valid UTF-8");
  return Parser(text).parse();
}
