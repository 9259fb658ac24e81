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
///   2^NAME                a power of two whose exponent, 0..24, is a parameter
///                         of the policy, so known at run time
///   dynamic               dynamic<65536,2000>
///   dynamic<S,N>          from S; halved after a step with a gradient that is
///                         not finite, which changes nothing else; doubled
///                         after N good steps in a row (at most 2^24)
///
/// Micikevicius et al. 2018, "Mixed precision training".
struct LossScaling {
  static constexpr int maxExponent = 24;
  static constexpr uint32_t maxScale = 1u << maxExponent;

  uint32_t scale = 1;
  bool isDynamic = false;
  uint32_t goodSteps = 2000;
  /// The name of the parameter that is the exponent; empty: none.
  std::string parameter = {};

  /// Are gradients taken of the loss itself?
  bool isOne() const { return isConstant() && scale == 1; }
  bool isConstant() const { return !isDynamic && parameter.empty(); }

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
    if (rest.consume_front("2^")) {
      result.parameter = rest.str();
      isGood = !rest.empty() &&
               rest.find_first_of(" {}=<>,") == llvm::StringRef::npos;
    } else if (rest.consume_front("dynamic")) {
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
    *error = "expected a power of two 1..16777216, 2^PARAMETER, dynamic or "
             "dynamic<START,STEPS>, found '" +
             text.str() + "'";
    return std::nullopt;
  }

  std::string str() const {
    if (!parameter.empty())
      return "2^" + parameter;
    std::string number = std::to_string(scale);
    if (!isDynamic)
      return number;
    return "dynamic<" + number + "," + std::to_string(goodSteps) + ">";
  }

  bool operator==(const LossScaling &) const = default;
};

} // namespace mlir::prec

#endif // PREC_LOSSSCALING_H
