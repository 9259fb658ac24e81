// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may be computed again rather than kept until it is used.
#ifndef PREC_CODEGEN_RECOMPUTE_H
#define PREC_CODEGEN_RECOMPUTE_H

#include <array>
#include <optional>
#include <string_view>

namespace mlir::prec {

enum class Recompute {
  None,  ///< everything is kept
  Cheap, ///< operations without a sum: moves, padding, elementwise ones
  All,   ///< any operation on tensors
};
inline constexpr std::array<std::string_view, 3> recomputeWords = {
    "none", "cheap", "all"};

inline constexpr std::optional<Recompute>
parseRecompute(std::string_view word) {
  for (size_t i = 0; i < recomputeWords.size(); ++i)
    if (recomputeWords[i] == word)
      return static_cast<Recompute>(i);
  return std::nullopt;
}

} // namespace mlir::prec

#endif // PREC_CODEGEN_RECOMPUTE_H
