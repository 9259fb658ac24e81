// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Orders of summation as text.
#include "prec/Policy/Summation.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/StringRef.h"

using namespace mlir::prec;
using llvm::StringRef;

/// In the order of Summation::Order; the last one takes arguments.
static constexpr StringRef orderWords[] = {"sequential", "pairwise", "kahan",
                                           "blocked"};

std::optional<Summation> Summation::parse(std::string_view text,
                                          std::string *error) {
  StringRef rest(text);
  auto fail = [&](const std::string &what) -> std::optional<Summation> {
    *error = what;
    return std::nullopt;
  };
  Summation sum;
  for (size_t i = 0; i < 3; ++i)
    if (rest == orderWords[i]) {
      sum.order = static_cast<Order>(i);
      return sum;
    }
  if (!rest.consume_front("blocked<") || !rest.consume_back(">"))
    return fail(unknownWord("order of summation", text,
                            {"sequential", "pairwise", "kahan"},
                            "blocked<N>, blocked<N,FORMAT[:MODE]>"));
  sum.order = Order::Blocked;
  auto [count, formatAndMode] = rest.split(',');
  if (count == "?")
    sum.block = runtime;
  else if (count.getAsInteger(10, sum.block) || sum.block < 1 ||
           sum.block > maxBlock)
    return fail("a block has 1.." + std::to_string(maxBlock) +
                " elements, found '" + count.str() + "'");
  if (!rest.contains(','))
    return sum;
  auto [formatWord, modeWord] = formatAndMode.split(':');
  std::optional<Format> format = Format::parse(formatWord, error);
  if (!format)
    return std::nullopt;
  sum.between = *format;
  if (!formatAndMode.contains(':'))
    return sum;
  std::optional<RoundingMode> mode = RoundingMode::parse(modeWord, error);
  if (!mode)
    return std::nullopt;
  if (mode->isStochastic())
    return fail(
        "the sum of blocks is rounded by a deterministic mode, found '" +
        modeWord.str() + "'");
  sum.betweenMode = *mode;
  return sum;
}

std::string Summation::str() const {
  std::string text = orderWords[static_cast<size_t>(order)].str();
  if (order != Order::Blocked)
    return text;
  text += "<" + (block == runtime ? "?" : std::to_string(block));
  if (between)
    text += "," + between->str() + ":" + betweenMode.str();
  return text + ">";
}
