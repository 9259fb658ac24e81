// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the formats that are patterns rather than words.
#ifndef PREC_LIB_NUMERICS_FORMATPARSER_H
#define PREC_LIB_NUMERICS_FORMATPARSER_H

#include "prec/Numerics/Format.h"

namespace mlir::prec {

/// Reads one text without suffixes. `problem` says what is outside its legal
/// range; it stays empty if the text is no format at all.
class FormatParser {
public:
  explicit FormatParser(std::string_view text) : text(text), rest(text) {}
  std::optional<Format> run();
  std::string problem;

private:
  std::optional<Format> floats();
  std::optional<Format> p3109();
  std::optional<Format> fixed(bool isSigned);
  std::optional<Format> integer(bool isSigned);
  std::optional<Format> shared();

  bool takeWord(std::string_view word);
  /// "12" or "?", no sign, no leading zero.
  std::optional<int> takeWidth();
  /// A decimal number, with a sign if `isSigned`.
  std::optional<int64_t> takeNumber(bool isSigned = false);
  std::optional<double> takeReal();
  /// The same, or "?", which is `runtimeCode`.
  std::optional<int64_t> takeKnownOrNot(bool isSigned = false);
  /// `<number,number>` to the end of the text, either of them may be "?".
  bool takePair(int64_t &a, int64_t &b, bool isSigned = false);
  /// Notes a problem unless `value` lies in [low, high].
  bool inRange(std::string_view what, int64_t value, int64_t low, int64_t high);

  std::string_view text, rest;
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_FORMATPARSER_H
