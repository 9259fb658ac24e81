// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which sites a rule speaks of, as a value and as text.
#ifndef PREC_POLICY_SELECTOR_H
#define PREC_POLICY_SELECTOR_H

#include "prec/Policy/Glob.h"
#include <array>
#include <cstdint>
#include <string_view>

namespace mlir::prec {

/// What a policy may look at: the names of one site. The strings live as long
/// as the IR they came from; a site without one of them leaves it empty.
struct SiteView {
  llvm::StringRef function; ///< "step"
  llvm::StringRef phase;    ///< one of phaseWords
  llvm::StringRef scope;    ///< "features/conv1"
  llvm::StringRef role;     ///< one of roleWords
  llvm::StringRef op;       ///< "linalg.matmul"
  llvm::StringRef opClass;  ///< one of opClassWords
  llvm::StringRef name;     ///< of the argument or value: "w1"
  /// The author's own rules about it, which no selector sees.
  llvm::StringRef rules = {};
};

inline constexpr std::array<std::string_view, 4> opClassWords = {
    "contraction", "reduction", "elementwise", "other"};

/// A boolean expression over the fields of a SiteView.
///
///   selector := and ('|' and)*            conv1 | conv2
///   and      := unary ('&' unary)*        phase:backward & scope:features/**
///   unary    := '!' unary | '(' selector ')' | term
///   term     := [field ':'] pattern ['.' role]  |  '@' class ['.' role]
///   field    := scope op name function phase role class
///
/// A pattern without a field matches a site whose scope, op or name it matches;
/// a word that is a role or a phase means that. What follows the last dot is a
/// role only if it is a role's word, and never after `name:` or `function:`,
/// nor inside quotes (`"conv1".weight` has one). `"..."` quotes a pattern with
/// spaces or operators in it, with `\` before a quote or a backslash.
class Selector {
public:
  enum class Kind : uint8_t { Everything, Test, And, Or, Not };
  /// Word: scope, op or name.
  enum class Field : uint8_t {
    Word,
    Scope,
    Op,
    Name,
    Function,
    Phase,
    Role,
    Class
  };

  /// Matches every site; its text is `*`.
  Selector() = default;
  /// Reads the text. The error says what was found, where (column), what is
  /// legal and the nearest word.
  static llvm::Expected<Selector> parse(llvm::StringRef text);
  /// Phase, role and class patterns must be legal words.
  static llvm::Expected<Selector> test(Field field, llvm::StringRef pattern);
  /// Nested conjunctions and disjunctions are flattened; one operand is itself,
  /// none is everything (and), nothing (or).
  static Selector all(std::vector<Selector> operands);
  static Selector any(std::vector<Selector> operands);
  static Selector negate(Selector operand);

  bool matches(const SiteView &site) const;
  /// Can it match only sites of role product or accumulator? They exist inside
  /// operations, so such a rule means elementary granularity.
  bool onlyInsideOperations() const;

  /// Canonical text, which parses to an equal selector.
  std::string str() const;

  Kind getKind() const { return kind; }
  Field getField() const { return field; }
  const Glob &getGlob() const { return glob; }
  const std::vector<Selector> &getOperands() const { return operands; }

  bool operator==(const Selector &other) const;

private:
  static Selector combine(Kind kind, std::vector<Selector> operands);

  Kind kind = Kind::Everything;
  Field field = Field::Word;
  Glob glob;
  std::vector<Selector> operands;
};

} // namespace mlir::prec

#endif // PREC_POLICY_SELECTOR_H
