// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words that the rounding algorithm takes, of a format and its run-time
// numbers.
#ifndef PREC_NUMERICS_ROUNDPARAMETERS_H
#define PREC_NUMERICS_ROUNDPARAMETERS_H

#include "prec/Numerics/RoundingMode.h"
#include "prec/Numerics/RuntimeParameters.h"

#include <cassert>

namespace mlir::prec {

/// Those of a format alone, see makeRoundParameters.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
makeFormatParameters(Ops &ops, const Format &format, Carrier carrier,
                     std::span<const typename Ops::Word> runtime = {}) {
  using Word = typename Ops::Word;
  if (format.isMoved()) { // R-RUNTIME: whole numbers, moved
    Format whole = format;
    whole.fractionBits = 0;
    // Fixed point counts its integer bits, integers the exponent of the scale.
    const uint64_t integerBits = format.family == Format::Family::Fixed
                                     ? uint64_t(format.width(carrier))
                                     : 0;
    Word moved = ops.sub(clampedNumber(ops, runtime.front(), -61, 61),
                         ops.constant(integerBits));
    return shiftedParameters(ops, makeFormatParameters(ops, whole, carrier),
                             moved);
  }
  RoundFacts facts = roundFacts(format, carrier);
  if (format.hasRuntimeBits())
    return codedParameters(ops, format, facts, runtime);
  if (format.family == Format::Family::Fixed && format.isRuntime())
    return fixedParameters(ops, format, facts, runtime);
  if (format.family == Format::Family::Power && format.isRuntime())
    return powerParameters(ops, format, facts, runtime);
  const uint64_t F = facts.carrier.fractionBits;
  auto c = [&](uint64_t value) { return ops.constant(value); };

  auto next = runtime.begin();
  Word one = c(1);
  Word bias = c(0), leastNormal = c(static_cast<int64_t>(facts.leastNormal));
  const bool anyExponent = facts.hasRuntimeExponent;
  std::optional<P3109Widths<Word>> widths;
  if (format.isRuntimeP3109())
    widths = widthsOfP3109(ops, format, facts.carrier, runtime);
  if (anyExponent) {
    // Where there are no subnormals half of the least number is needed.
    const bool needsHalf = format.subnormals == Format::Subnormals::Absent;
    Word bits = widths ? widths->exponent
                       : ops.minimum(ops.maximum(*next++, c(2)),
                                     c(facts.carrier.exponentBits - needsHalf));
    bias = ops.sub(ops.shl(one, ops.sub(bits, one)), one);
    leastNormal = ops.add(
        ops.sub(c(facts.carrier.bias()),
                ops.add(bias, c(static_cast<int64_t>(format.biasOffset)))),
        one);
  } else if (format.family == Format::Family::Mantissa) {
    bias = c(facts.carrier.bias());
  } else if (format.exponentBits > 0) {
    bias = c((uint64_t(1) << (format.exponentBits - 1)) - 1);
  }
  Word fraction = c(facts.fractionBits);
  if (widths) {
    fraction = widths->fraction;
  } else if (format.fractionBits == Format::runtime) {
    fraction = *next;
    if (format.family == Format::Family::Word)
      fraction = ops.sub(ops.maximum(fraction, c(9)), c(9));
    fraction = ops.minimum(fraction, c(F));
  }

  RoundParameters<Word> p = {facts,    fraction, fraction, fraction, fraction,
                             fraction, fraction, fraction, fraction, fraction};
  p.discard = ops.sub(c(F), fraction);
  p.leastNormal = leastNormal;
  p.leastQuantum =
      ops.sub(ops.maximum(p.leastNormal, ops.add(fraction, one)), fraction);
  if (format.subnormals == Format::Subnormals::Absent)
    p.leastQuantum = p.leastNormal;
  p.discardOffset = ops.add(p.discard, p.leastNormal);
  auto isNormalQuantum = ops.less(one, p.leastQuantum);
  p.tinyLimit =
      ops.select(isNormalQuantum, ops.shl(p.leastQuantum, c(F)), c(0));
  p.impliedBit = ops.select(isNormalQuantum,
                            ops.shl(ops.minimum(fraction, one), c(F)), c(0));
  p.least = ops.shl(p.leastNormal, c(F));

  if (format.family == Format::Family::Float ||
      format.family == Format::Family::Mantissa ||
      format.family == Format::Family::Word ||
      format.family == Format::Family::P3109) {
    // Exponent codes run from 1 to 2 * bias, or to the last one, 2 * bias + 1.
    Word codes =
        ops.add(ops.shl(bias, one), c(format.reservesLastExponent ? 0 : 1));
    p.largest =
        ops.sub(ops.shl(ops.add(p.leastNormal, codes), c(F)),
                ops.shl(c(1 + uint64_t(format.reservedTopCodes)), p.discard));
    p.lowest = format.isSigned ? p.largest : c(0);
  } else {
    Limits limits = limitsOf(format, carrier);
    p.largest = c(limits.largest);
    p.lowest = c(limits.lowest);
  }
  if (format.isGrid() && !facts.hasPlainScale)
    setScale(ops, format, facts.carrier, runtime, p);
  if (format.family == Format::Family::Posit)
    setPosit(ops, format, facts.carrier, runtime, p);
  if (widths)
    p.parity = widths->parity;
  if (format.overflow == Format::Overflow::Wrap)
    p.wrapExponent =
        c(uint64_t(int64_t(facts.carrier.bias()) + facts.wrapExponent));
  return p;
}

/// Precondition: format.whyNotIn(carrier) is empty, `runtime` has the words of
/// each `?` of the format's text (Format::runtimeNumbers), in that order, and
/// then the number of random bits of a mode that is `stochastic<?>`, at most
/// `mostRandomBits`. These words are clamped to the legal range: no value of
/// them is undefined behaviour.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
makeRoundParameters(Ops &ops, const Format &format, Carrier carrier,
                    std::span<const typename Ops::Word> runtime = {},
                    unsigned mostRandomBits = RoundingMode::defaultRandomBits) {
  using Word = typename Ops::Word;
  const size_t own = format.numRuntimeWords();
  assert(runtime.size() == own || runtime.size() == own + 1);
  RoundParameters<Word> p =
      makeFormatParameters(ops, format, carrier, runtime.first(own));
  if (runtime.size() == own)
    return p;
  const uint64_t W = p.facts.carrier.width;
  Word most = ops.constant(mostRandomBits);
  Word bits = ops.minimum(ops.maximum(runtime.back(), ops.constant(1)), most);
  Word beside = ops.sub(ops.constant(W), bits);
  p.randomMask = ops.shl(ops.constant(~uint64_t(0)), beside);
  p.randomHalf = ops.lshr(ops.shl(ops.constant(1), beside), ops.constant(1));
  p.randomShift = ops.constant(W - 16);
  if (mostRandomBits > 16)
    p.randomShift = ops.select(ops.less(ops.constant(16), bits),
                               ops.constant(W - 32), p.randomShift);
  return p;
}

/// The parameters of rounding to multiples of a power of two, a normal number
/// of the carrier whose biased exponent is `quantum`, without bound: those of a
/// grid that wraps, known without looking at a format.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
multipleParameters(Ops &ops, CarrierLayout carrier,
                   typename Ops::Word quantum) {
  const int F = int(carrier.fractionBits);
  RoundFacts facts;
  facts.carrier = carrier;
  facts.isGradual = facts.hasTiny = facts.mayKeepAll = true;
  facts.fractionBits = F;
  facts.format = Format::grid(Format::Family::Fixed, -1, 1, 0);
  facts.format.overflow = Format::Overflow::Wrap;
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  auto zero = c(0), normal = ops.add(quantum, c(F));
  return {facts,
          zero,
          normal,
          quantum,
          normal,
          ops.shl(quantum, c(F)),
          c(int64_t(1) << F),
          zero,
          zero,
          zero};
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDPARAMETERS_H
