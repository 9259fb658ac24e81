// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parser and printer of rounding modes, made from the table of modes.
#include "prec/Numerics/RoundingMode.h"
#include "prec/Numerics/Spelling.h"

#include <charconv>

using namespace mlir::prec;

const std::vector<RoundingMode::Row> &RoundingMode::table() {
  static const std::vector<Row> rows = {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text)                       \
  {Kind::kind, word, stochastic, text},
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
  };
  return rows;
}

std::optional<RoundingMode> RoundingMode::parse(std::string_view text,
                                                std::string *error) {
  std::string_view word = text.substr(0, text.find('<'));
  std::string_view argument = text.substr(word.size());
  auto fail = [&](std::string message) {
    if (error)
      *error = std::move(message);
    return std::nullopt;
  };
  for (const Row &row : table()) {
    if (row.word != word)
      continue;
    RoundingMode mode(row.kind);
    if (argument.empty())
      return mode;
    if (!row.isStochastic)
      return fail("rounding mode '" + std::string(word) +
                  "' takes no argument, found '" + std::string(argument) + "'");
    if (argument == "<?>" && row.kind == Kind::Stochastic)
      return runtimeStochastic();
    if (argument == "<?/32>" && row.kind == Kind::Stochastic)
      return runtimeStochastic(maxRandomBits);
    if (argument.starts_with("<?") && row.kind == Kind::StochasticEqual)
      return fail("rounding mode '" + std::string(word) +
                  "' takes the first random bit of any number of them, so "
                  "that none is known at run time only; write '" +
                  std::string(word) + "', or 'stochastic" +
                  std::string(argument) + "'");
    const char *begin = argument.data() + 1;
    const char *end = argument.data() + argument.size();
    unsigned bits = 0;
    auto [next, status] = std::from_chars(begin, end, bits);
    if (status != std::errc() || next + 1 != end || *next != '>' ||
        *begin == '0' || bits > maxRandomBits)
      return fail("rounding mode '" + std::string(text) +
                  "' expects a number of random bits 1..32, as in '" +
                  std::string(word) + "<16>'" +
                  (row.kind == Kind::Stochastic
                       ? ", or '?' for 1..16 of them, known at run time, "
                         "'?/32' for 1..32"
                       : ""));
    mode.randomBits = bits;
    return mode;
  }
  std::vector<std::string_view> legal;
  for (const Row &row : table())
    legal.push_back(row.word);
  return fail(unknownWord("rounding mode", text, legal,
                          "stochastic<R> with R = 1..32 random bits, ? or "
                          "?/32"));
}

std::string RoundingMode::str() const {
  std::string text(table()[static_cast<size_t>(kind)].word);
  if (isRuntime)
    text += needsWholeWord() ? "<?/32>" : "<?>";
  else if (isStochastic() && randomBits != defaultRandomBits)
    text += "<" + std::to_string(randomBits) + ">";
  return text;
}
