// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nearest-even rounding by two additions of the carrier: the same bits as
// Rounding's, at half of the operations.
//
// Idea. Let 2^k be the quantum at x, its exponent raised to that of the
// format's subnormals and limited beyond its largest number. The carrier's own
// numbers near M = 1.5 * 2^(k + F) are the multiples of 2^k, so x + M rounds x
// to one of them, ties to even since M is an even one, and - M is exact (a
// "shifter", Muller et al., Handbook of Floating-Point Arithmetic). The format
// must leave at least two fraction bits of the carrier, so that x + M stays in
// M's binade.
//
// What differs: a zero that comes of a negative number is +0, a NaN stays the
// NaN it is; the last two functions mend that.
#ifndef PREC_NUMERICS_SHIFTER_H
#define PREC_NUMERICS_SHIFTER_H

#include "prec/Numerics/RoundParameters.h"

namespace mlir::prec {

/// Where roundByShifter is right: floats with gradual underflow and a largest
/// number, fixed point and integers that saturate. Run-time widths must lie
/// within shifterLimits, and codes must fit: fitsGrid.
bool hasShifter(const RoundFacts &facts);

struct ShifterLimits {
  int mostExponentBits, leastFraction, mostFraction;
};
constexpr ShifterLimits shifterLimits(CarrierLayout carrier) {
  return {int(carrier.exponentBits) - 1, 1, int(carrier.fractionBits) - 2};
}

/// Have the codes of fixed point or integers no more bits than shifterLimits?
template <WordOps Ops>
typename Ops::Bit fitsGrid(Ops &ops,
                           const RoundParameters<typename Ops::Word> &p) {
  const CarrierLayout carrier = p.facts.carrier;
  auto beyond =
      ops.add(p.leastQuantum,
              ops.constant(uint64_t(shifterLimits(carrier).mostFraction) + 1));
  auto most = ops.shl(beyond, ops.constant(carrier.fractionBits));
  return ops.less(ops.maximum(p.largest, p.lowest),
                  ops.add(most, ops.constant(1)));
}

/// What is known of the number that is rounded.
struct ShifterOperand {
  /// It is the sum of two numbers of the format (or of its infinities and
  /// NaNs): a multiple of the quantum, at most twice the largest number.
  bool isSum = false;
  /// It is finite, and is rounded to no more than the largest number.
  bool isInRange = false;
};

/// No more than the largest number of a format that saturates, no less than the
/// lowest; a NaN stays one.
template <WordOps Ops>
  requires CarrierOps<Ops>
typename Ops::Word saturated(Ops &ops, typename Ops::Word x,
                             const RoundParameters<typename Ops::Word> &p) {
  const uint64_t signBit = uint64_t(1) << (p.facts.carrier.width - 1);
  auto lowest = p.facts.format.isSigned
                    ? ops.bitOr(p.lowest, ops.constant(signBit))
                    : p.lowest;
  return ops.carrierMaximum(lowest, ops.carrierMinimum(p.largest, x));
}

/// Precondition: hasShifter(p.facts).
template <WordOps Ops>
  requires CarrierOps<Ops>
typename Ops::Word roundByShifter(Ops &ops, typename Ops::Word x,
                                  const RoundParameters<typename Ops::Word> &p,
                                  ShifterOperand operand) {
  using Word = typename Ops::Word;
  const RoundFacts &facts = p.facts;
  const Format &format = facts.format;
  const uint64_t F = facts.carrier.fractionBits, W = facts.carrier.width;
  const uint64_t signBit = uint64_t(1) << (W - 1);
  const uint64_t infinity = ((uint64_t(1) << facts.carrier.exponentBits) - 1)
                            << F;
  auto c = [&](uint64_t value) { return ops.constant(value); };
  auto exponent = [&](Word biased) { return ops.shl(biased, c(F)); };
  const bool isSum = operand.isSum;
  const bool saturates = format.overflow == Format::Overflow::Saturate ||
                         (format.infinities == Format::Infinities::No &&
                          format.nans == Format::NaNs::No);
  const Word lastExponent = ops.lshr(p.largest, c(F));

  Word rounded = x;
  if (!(isSum && format.isGrid())) {
    Word top = exponent(ops.add(p.leastQuantum, c(F))); // M's exponent
    if (!format.isGrid()) {
      Word place = ops.bitAnd(x, c(infinity));
      if (!isSum)
        place = ops.maximum(place, exponent(p.leastNormal));
      if (!operand.isInRange && !facts.isScaled && !(isSum && saturates))
        place = ops.minimum(place, exponent(ops.add(lastExponent, c(1))));
      top = ops.add(place, exponent(p.discard));
    }
    Word shifter = ops.add(top, c(uint64_t(1) << (F - 1)));
    rounded = ops.carrierSub(ops.carrierAdd(x, shifter), shifter);
  }

  if (operand.isInRange)
    return rounded;
  if (saturates) {
    rounded = saturated(ops, rounded, p);
  } else if (format.infinities == Format::Infinities::Yes) {
    // Twice the largest number's binade becomes the carrier's infinity.
    Word toTop =
        exponent(ops.sub(c(3 * uint64_t(facts.carrier.bias())), lastExponent));
    Word back = ops.sub(c(2 * uint64_t(facts.carrier.bias()) << F), toTop);
    rounded = ops.carrierMul(ops.carrierMul(rounded, toTop), back);
  } else {
    Word quietNaN = c(infinity | uint64_t(1) << (F - 1));
    auto isBeyond = ops.less(p.largest, ops.bitAnd(rounded, c(signBit - 1)));
    rounded = ops.select(isBeyond, quietNaN, rounded);
  }
  if (format.nans == Format::NaNs::No && !isSum && !facts.isScaled) {
    auto isNaN = ops.less(c(infinity), ops.bitAnd(x, c(signBit - 1)));
    rounded = ops.select(isNaN, c(0), rounded);
  }
  return rounded;
}

/// roundByShifter of any operand whose zeros keep the sign of what was rounded.
template <WordOps Ops>
  requires CarrierOps<Ops>
typename Ops::Word
roundSignedByShifter(Ops &ops, typename Ops::Word x,
                     const RoundParameters<typename Ops::Word> &p) {
  const uint64_t signBit = uint64_t(1) << (p.facts.carrier.width - 1);
  auto rounded = roundByShifter(ops, x, p, {});
  return p.facts.format.hasNegativeZero
             ? ops.bitOr(rounded, ops.bitAnd(x, ops.constant(signBit)))
             : rounded;
}

/// Rounding's own bits: every NaN is the canonical one, too.
template <WordOps Ops>
  requires CarrierOps<Ops>
typename Ops::Word
roundExactlyByShifter(Ops &ops, typename Ops::Word x,
                      const RoundParameters<typename Ops::Word> &p) {
  const uint64_t F = p.facts.carrier.fractionBits, W = p.facts.carrier.width;
  const uint64_t infinity = ((uint64_t(1) << p.facts.carrier.exponentBits) - 1)
                            << F;
  const bool hasNaN = p.facts.format.nans != Format::NaNs::No;
  auto magnitude = ops.constant((uint64_t(1) << (W - 1)) - 1);
  auto rounded = roundSignedByShifter(ops, x, p);
  if (p.facts.isScaled)
    return rounded;
  auto isNaN = ops.less(ops.constant(infinity),
                        ops.bitAnd(hasNaN ? rounded : x, magnitude));
  auto nan = ops.constant(hasNaN ? infinity | uint64_t(1) << (F - 1) : 0);
  return ops.select(isNaN, nan, rounded);
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_SHIFTER_H
