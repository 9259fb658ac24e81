// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Patterns for paths and names: `features/conv*`, `**/bias`, `linalg.*`.
#ifndef PREC_POLICY_GLOB_H
#define PREC_POLICY_GLOB_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::prec {

/// A shell pattern over text whose segments are separated by `/`.
///
///   *       any characters of one segment, none included
///   ?       one character of a segment
///   [a-c]   one of these characters, [!a-c] none of these; [*] is a star
///   **      as a whole segment: any number of segments, none included
///
/// The whole text must match: `conv*` does not match `features/conv1`,
/// `**/conv*` matches both it and `conv1`, and `features/**` matches
/// `features` too. A segment means what Python's fnmatch means. Matching costs
/// O(text * pattern) at worst; a pattern without stars is one comparison.
class Glob {
public:
  /// Matches only the empty text.
  Glob() = default;
  /// Fails on an unclosed `[`, on `**` inside a longer segment, and on
  /// emptiness.
  static llvm::Expected<Glob> parse(llvm::StringRef pattern);

  bool matches(llvm::StringRef text) const;
  llvm::StringRef str() const { return pattern; }
  /// No pattern characters: matches exactly its own text.
  bool isLiteral() const { return literal; }

  bool operator==(const Glob &other) const { return pattern == other.pattern; }

private:
  std::string pattern;
  /// For a pattern `**/` without another `**`: the number of segments behind
  /// it, which stand at the end of the text; else 0.
  size_t numTailSegments = 0;
  /// What comes first and last without pattern characters is what most texts
  /// fail at: [literalBegin, literalEnd), where literalBegin is 0 or behind the
  /// `**/` above, and from literalTail on. A slash beside `**` is not part of
  /// them, because `features/**` matches `features`.
  size_t literalBegin = 0, literalEnd = 0, literalTail = 0;
  bool literal = true;
};

} // namespace mlir::prec

#endif // PREC_POLICY_GLOB_H
