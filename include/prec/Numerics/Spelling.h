// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Error texts for words outside a fixed vocabulary: what was found, the legal
// words, and the nearest one.
#ifndef PREC_NUMERICS_SPELLING_H
#define PREC_NUMERICS_SPELLING_H

#include <string>
#include <string_view>
#include <vector>

namespace mlir::prec {

/// The word of `legal` with the smallest edit distance to `word`, or "" if
/// none is within a third of the word's length (at least 2 edits).
std::string_view nearestWord(std::string_view word,
                             const std::vector<std::string_view> &legal);

/// "unknown KIND 'WORD', did you mean 'X'? legal: a, b, c"; `extra` is appended
/// to the legal words for those that are patterns rather than words.
std::string unknownWord(std::string_view kind, std::string_view word,
                        const std::vector<std::string_view> &legal,
                        std::string_view extra = "");

} // namespace mlir::prec

#endif // PREC_NUMERICS_SPELLING_H
