// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a loss is scaled before gradients are taken of it: the words that
// policies and the maker of training steps share.
#ifndef PREC_LOSSSCALING_H
#define PREC_LOSSSCALING_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace mlir::prec {

/// A power of two, so that scaling and unscaling are exact but for underflow.
/// Spelled
///
///   1024                  always this
///   dynamic               dynamic<65536,2000>
///   dynamic<S,N>          from S; halved after a step with a gradient that is
///                         not finite, which changes nothing else; doubled
///                         after N good steps in a row (at most 2^24)
///
/// Micikevicius et al. 2018, "Mixed precision training".
struct LossScaling {
  static constexpr uint32_t maxScale = 1u << 24;

  uint32_t scale = 1;
  bool isDynamic = false;
  uint32_t goodSteps = 2000;

  static std::optional<LossScaling> parse(llvm::StringRef text,
                                          std::string *error) {
    LossScaling result;
    llvm::StringRef rest = text;
    auto readScale = [&](llvm::StringRef word) {
      return !word.getAsInteger(10, result.scale) && result.scale > 0 &&
             result.scale <= maxScale &&
             (result.scale & (result.scale - 1)) == 0;
    };
    bool isGood;
    if (rest.consume_front("dynamic")) {
      result.isDynamic = true;
      result.scale = 65536;
      isGood = rest.empty();
      if (rest.consume_front("<") && rest.consume_back(">")) {
        auto [scale, steps] = rest.split(',');
        isGood = readScale(scale) &&
                 !steps.getAsInteger(10, result.goodSteps) &&
                 result.goodSteps > 0 && result.goodSteps < maxScale;
      }
    } else {
      isGood = readScale(rest);
    }
    if (isGood)
      return result;
    *error = "expected a power of two 1..16777216, dynamic or "
             "dynamic<START,STEPS>, found '" +
             text.str() + "'";
    return std::nullopt;
  }

  std::string str() const {
    std::string number = std::to_string(scale);
    if (!isDynamic)
      return number;
    return "dynamic<" + number + "," + std::to_string(goodSteps) + ">";
  }

  bool operator==(const LossScaling &) const = default;
};

} // namespace mlir::prec

#endif // PREC_LOSSSCALING_H
