// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the reader and the writer of policies must agree on.
#ifndef PREC_LIB_POLICY_POLICYWORDS_H
#define PREC_LIB_POLICY_POLICYWORDS_H

#include "prec/Policy/Policy.h"

namespace mlir::prec {

inline constexpr int policyVersion = 1;

/// Reads the word; on failure `error` says what was found and what is legal.
std::optional<Carrier> parseCarrier(std::string_view word, std::string *error);
std::optional<RandomKind> parseRandomKind(std::string_view word,
                                          std::string *error);
std::optional<Granularity> parseGranularityWord(std::string_view word,
                                                std::string *error);

std::optional<RoundingGradient> parseRoundingGradient(std::string_view word,
                                                      std::string *error);

/// In the order of Schedule::Kind.
inline constexpr std::array<std::string_view, 5> scheduleWords = {
    "constant", "steps", "linear", "cosine", "list"};

inline constexpr std::string_view scheduleWord(Schedule::Kind kind) {
  return scheduleWords[static_cast<size_t>(kind)];
}

/// Of either sign. What stands for a certain `?` is checked there.
inline constexpr int32_t maxParameterValue = INT32_MAX;

} // namespace mlir::prec

#endif // PREC_LIB_POLICY_POLICYWORDS_H
