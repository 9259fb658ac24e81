// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Words of flags and files as values, with an error that lists the legal ones.
#include "PolicyWords.h"
#include "prec/Numerics/Spelling.h"

using namespace mlir::prec;

template <typename Value, size_t N>
static std::optional<Value>
readWord(const char *kind, const std::array<std::string_view, N> &words,
         std::string_view word, std::string *error) {
  for (size_t i = 0; i < N; ++i)
    if (words[i] == word)
      return static_cast<Value>(i);
  *error = unknownWord(kind, word, {words.begin(), words.end()});
  return std::nullopt;
}

std::optional<RandomKind> mlir::prec::parseRandomKind(std::string_view word,
                                                      std::string *error) {
  return readWord<RandomKind>("kind of random words", randomKindWords, word,
                              error);
}

std::optional<RoundingGradient>
mlir::prec::parseRoundingGradient(std::string_view word, std::string *error) {
  return readWord<RoundingGradient>("gradient", roundingGradientWords, word,
                                    error);
}

std::optional<Carrier> mlir::prec::parseCarrier(std::string_view word,
                                                std::string *error) {
  return readWord<Carrier>("carrier", carrierWords, word, error);
}

std::optional<Granularity>
mlir::prec::parseGranularityWord(std::string_view word, std::string *error) {
  return readWord<Granularity>("granularity", granularityWords, word, error);
}
