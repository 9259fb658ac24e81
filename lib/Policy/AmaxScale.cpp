// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scales as text.
#include "prec/Policy/AmaxScale.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/StringRef.h"

using namespace mlir::prec;
using llvm::StringRef;

std::optional<AmaxScale> AmaxScale::parse(std::string_view text,
                                          std::string *error) {
  StringRef rest(text);
  if (rest == "amax")
    return AmaxScale{};
  if (!rest.consume_front("amax<") || !rest.consume_back(">")) {
    *error = unknownWord("scale", text, {"amax"}, "amax<STEPS>");
    return std::nullopt;
  }
  AmaxScale scale;
  if (rest == "?") {
    scale.steps = runtime;
    return scale;
  }
  if (rest.getAsInteger(10, scale.steps) || scale.steps < 1 ||
      scale.steps > maxSteps) {
    *error = "a scale follows 1.." + std::to_string(maxSteps) +
             " steps, found '" + rest.str() + "'";
    return std::nullopt;
  }
  return scale;
}

std::string AmaxScale::str() const {
  if (steps == runtime)
    return "amax<?>";
  return steps == 0 ? "amax" : "amax<" + std::to_string(steps) + ">";
}
