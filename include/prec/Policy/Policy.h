// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where and how numbers are rounded, as a plain value.
#ifndef PREC_POLICY_POLICY_H
#define PREC_POLICY_POLICY_H

#include "prec/LossScaling.h"
#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"
#include "prec/Policy/AmaxScale.h"
#include "prec/Policy/Schedule.h"
#include "prec/Policy/Selector.h"
#include "prec/Policy/Summation.h"
#include "prec/Words.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>

namespace mlir::prec {

/// How random words belong to elements (docs/numerics.md).
enum class RandomKind : uint8_t {
  Operands, ///< contractions combine a word for each operand's position
  Counter,  ///< one independent word for each position
  Values,   ///< a word for the value itself: the same values round alike
};
inline constexpr std::array<std::string_view, 3> randomKindWords = {
    "operands", "counter", "values"};
inline constexpr std::array<std::string_view, 2> carrierWords = {
    nameOf(Carrier::F32), nameOf(Carrier::F64)};

/// What a rounding's derivative is, where the network is differentiated.
enum class RoundingGradient : uint8_t {
  StraightThrough, ///< 1
  Clipped,         ///< 1 for what lies in the format's range, else 0
  Zero,            ///< 0
};
inline constexpr std::array<std::string_view, 3> roundingGradientWords = {
    "straight-through", "clipped", "zero"};
constexpr std::string_view str(RoundingGradient gradient) {
  return roundingGradientWords[static_cast<size_t>(gradient)];
}

/// What a rule does to its sites: it rounds them, or leaves them in the carrier
/// (`keep`), or says nothing about rounding (`rounds` is false; the fields
/// about it then have their default values); and it may say how sums are
/// taken. Of each of the three - rounding, order, fused or not - the last rule
/// that says something about it decides.
struct Action {
  bool rounds = true;
  bool keep = false;
  Format format;
  RoundingMode mode;
  Granularity granularity = Granularity::Op;
  /// Names of the policy's parameters, one for each `?` (runtimeNumbers).
  std::vector<std::string> parameters;
  /// Is what the rounding loses kept, and added to the next step's value
  /// before that is rounded (error feedback)?
  bool feedback = false;
  /// By what values are multiplied before they are rounded, and divided behind.
  std::optional<AmaxScale> scale;
  /// The derivative of its roundings, which then are in the network before it
  /// is differentiated; others come after.
  std::optional<RoundingGradient> gradient;
  /// The order of sums, for operations that take one.
  std::optional<Summation> sum;
  /// Are a contraction's multiplication and addition one operation, rounded
  /// once? Unset: where neither result is rounded.
  std::optional<bool> fused;

  /// What its roundings have besides format and mode: `feedback`, `amax<16>`,
  /// a gradient; a rule has at most one.
  std::string addition() const;

  /// A `?`, and the text that it stands in.
  struct RuntimeNumber : Format::RuntimeNumber {
    std::string in;
  };
  /// Of the format, the mode, the scale and the order of sums, in this order.
  std::vector<RuntimeNumber> runtimeNumbers() const;
  /// The names of the order of sums, the last ones.
  llvm::ArrayRef<std::string> parametersOfSum() const;

  bool operator==(const Action &) const = default;
};

/// A rule about what happens inside operations is elementary; others round what
/// operations return.
inline Granularity defaultGranularity(const Selector &selector) {
  return selector.onlyInsideOperations() ? Granularity::Elementary
                                         : Granularity::Op;
}

struct Rule {
  Selector selector;
  Action action;
  /// Where it came from, as written: "--truncate-mantissa=12",
  /// "policy.json:12: rules[3]".
  std::string origin;

  /// Empty, or what contradicts itself: a rule about products alone at a
  /// granularity that leaves them alone, a `?` without a parameter.
  std::string whyNotLegal() const;

  bool operator==(const Rule &) const = default;
};

/// The last of `matches` that says something about rounding.
std::optional<size_t> decidesRounding(llvm::ArrayRef<Rule> rules,
                                      llvm::ArrayRef<size_t> matches);

/// Ordered rules: of those that match a site the last one decides.
struct Policy {
  std::vector<Rule> rules;
  std::vector<Parameter> parameters;
  uint32_t seed = 0;
  RandomKind random = RandomKind::Operands;
  /// Is a rule that matches nothing an error instead of a warning?
  bool strict = false;
  /// Are operations on narrow types (f16, bf16, f8) computed in f32 and
  /// rounded, instead of left as their author wrote them?
  bool widenNarrow = false;
  /// Where operations on f32 whose results are rounded are computed; f32 if
  /// nothing was said.
  std::optional<Carrier> carrier;
  /// For those who make a training step.
  std::optional<LossScaling> lossScale;

  /// Is nothing rounded, nor a number changed from step to step?
  bool empty() const {
    return rules.empty() && !widenNarrow && !hasScheduledLossScale();
  }
  /// Is the scale of the loss a parameter?
  bool hasScheduledLossScale() const {
    return lossScale && !lossScale->parameter.empty();
  }
  /// The rule that decides about the site's rounding.
  std::optional<size_t> match(const SiteView &site) const;
  /// All rules that match, ascending: the last of them that rounds or keeps
  /// decides about rounding.
  std::vector<size_t> matches(const SiteView &site) const;
  const Parameter *parameter(llvm::StringRef name) const;
  /// The action's format with the numbers of a step of a run; none if there is
  /// no such format.
  std::optional<Format> formatAt(const Action &action, Carrier carrier,
                                 uint32_t step = 0, size_t run = 0) const;
  /// Why the carrier cannot hold the format's numbers, at any step; empty if it
  /// can.
  std::string whyNotIn(const Action &action, Carrier carrier) const;
  /// How many runs the sweeps ask for: the length of the longest one, else 1.
  size_t numRuns() const;
  /// Puts the rules of `other` behind these and takes its seed and kind of
  /// random words; one that is strict makes all strict, one that
  /// widens narrow types widens them for all. Fails if one name means
  /// two different parameters.
  llvm::Error append(Policy other);

  bool operator==(const Policy &) const = default;
};

} // namespace mlir::prec

#endif // PREC_POLICY_POLICY_H
