// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words that IR attributes, policies and reports share: phase, role,
// granularity.
#ifndef PREC_WORDS_H
#define PREC_WORDS_H

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mlir::prec {

/// When a value is computed.
inline constexpr std::array<std::string_view, 4> phaseWords = {
    "forward", "backward", "update", "eval"};

/// What a value is for. Input and weight are rounded where they are used, a
/// label never, all others where they are defined.
inline constexpr std::array<std::string_view, 10> roleWords = {
    "activation", "product",         "accumulator", "input", "weight",
    "gradient",   "weight-gradient", "loss",        "state", "label"};

/// Which values are rounded; each set contains the next.
///   elementary: every scalar floating-point result, inside reductions too
///   op:         the result of each tensor operation
///   layer:      values that cross a scope's border
///   batch:      values that cross the entry function's border
enum class Granularity { Elementary, Op, Layer, Batch };
inline constexpr std::array<std::string_view, 4> granularityWords = {
    "elementary", "op", "layer", "batch"};

inline constexpr std::string_view str(Granularity g) {
  return granularityWords[static_cast<size_t>(g)];
}

template <size_t N>
constexpr bool isWord(const std::array<std::string_view, N> &words,
                      std::string_view word) {
  for (std::string_view w : words)
    if (w == word)
      return true;
  return false;
}

/// The words as a list for messages: "forward, backward, update, eval".
template <size_t N>
std::string listWords(const std::array<std::string_view, N> &words) {
  std::string out;
  for (std::string_view w : words)
    out += (out.empty() ? "" : ", ") + std::string(w);
  return out;
}

inline std::optional<Granularity> parseGranularity(std::string_view word) {
  for (size_t i = 0; i < granularityWords.size(); ++i)
    if (granularityWords[i] == word)
      return static_cast<Granularity>(i);
  return std::nullopt;
}

} // namespace mlir::prec

#endif // PREC_WORDS_H
