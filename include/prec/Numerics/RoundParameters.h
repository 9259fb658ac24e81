// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rounding algorithm needs to know of a format on a carrier: static
// facts that choose the formula, and words that may be run-time values.
#ifndef PREC_NUMERICS_ROUNDPARAMETERS_H
#define PREC_NUMERICS_ROUNDPARAMETERS_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundingMode.h"
#include "prec/Numerics/Word.h"

#include <cassert>
#include <span>

namespace mlir::prec {

/// Facts that are known when the formula is chosen. Notation: a carrier with F
/// fraction bits, a format with Y; "biased" exponents are the carrier's.
struct RoundFacts {
  CarrierLayout carrier;
  /// The number of discarded bits depends on the value: the format's least
  /// normal exponent lies above the carrier's, or it is a posit or a sign.
  bool isGradual = false;
  /// The format's quantum is a normal number of the carrier, so values below it
  /// exist whose discarded bits exceed F.
  bool hasTiny = false;
  /// A rounded finite value can exceed the largest finite number without
  /// becoming the carrier's infinity by carry.
  bool isBounded = false;
  /// No bit may be discarded (Y = F, or Y is not known).
  bool mayKeepAll = false;
  /// Results below the least normal number become zero.
  bool isFlushed = false;
  /// Y = F, no gradual underflow, nothing flushed, no bound: only NaN changes.
  bool isIdentity = false;
  /// Y = 0 and the codes of odd biased exponents are even.
  bool hasOddBias = false;
  /// Negative numbers reach farther, or less far, than positive ones.
  bool isAsymmetric = false;
  /// Products of the quantum and whole multiples of 2^-24 below 1 are normal
  /// numbers of the carrier.
  bool hasExactThresholds = false;
  /// A grid's step is a power of two.
  bool hasPlainScale = true;
  /// A grid's codes wrap around at 2^wrapExponent.
  int wrapExponent = 0;
  /// Y, or Format::runtime. Fixed point is a float whose numbers up to the
  /// greatest magnitude are equally spaced.
  int fractionBits = 0;
  /// Biased exponent of the least normal number, where it is known.
  int leastNormal = 1;
  Format format;
};

/// The words; those that a fact excludes are constants nobody reads.
template <class Word> struct RoundParameters {
  RoundFacts facts;
  Word discard;       ///< F - Y: discarded bits of a normal result
  Word leastNormal;   ///< biased exponent of the least normal number
  Word leastQuantum;  ///< biased exponent of the quantum, at least 1
  Word discardOffset; ///< discard + leastNormal
  Word tinyLimit;     ///< bits of the quantum; 0 if that is a subnormal
  Word impliedBit;    ///< 2^F if the code of the quantum is 1 and Y > 0, else 0
  Word largest;       ///< bits of the largest finite number
  Word lowest;        ///< bits of the lowest number's magnitude
  Word least;         ///< bits of the least normal number
  /// Of a mode whose number r of random bits is known at run time: the r
  /// uppermost bits of a word, and the half of the last of them.
  Word randomMask{}, randomHalf{};
};

RoundFacts roundFacts(const Format &format, Carrier carrier);

/// The bits of the greatest magnitude above and below zero, for formats whose
/// largest number is not given by exponent and fraction widths.
struct Limits {
  uint64_t largest, lowest;
};
Limits limitsOf(const Format &format, Carrier carrier);

/// The parameters of a format without `?` whose numbers are all multiplied by
/// 2^shift (modulo arithmetic, so it may be negative); numbers and quantum are
/// normal in the carrier before and after. This is how blocks share an exponent
/// and how fixed point moves.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
shiftedParameters(Ops &ops, RoundParameters<typename Ops::Word> p,
                  typename Ops::Word shift) {
  p.facts.isGradual = p.facts.hasTiny = p.facts.isBounded = true;
  p.facts.hasExactThresholds = false;
  auto by = ops.shl(shift, ops.constant(p.facts.carrier.fractionBits));
  for (auto *word : {&p.leastNormal, &p.leastQuantum, &p.discardOffset})
    *word = ops.add(*word, shift);
  for (auto *word : {&p.tinyLimit, &p.largest, &p.least})
    *word = ops.add(*word, by);
  if (p.facts.format.isSigned)
    p.lowest = ops.add(p.lowest, by);
  return p;
}

/// Those of a format alone, see makeRoundParameters.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
makeFormatParameters(Ops &ops, const Format &format, Carrier carrier,
                     std::span<const typename Ops::Word> runtime = {}) {
  using Word = typename Ops::Word;
  if (format.isGrid() &&
      format.isRuntime()) { // R-RUNTIME: whole numbers, moved
    Format whole = format;
    whole.fractionBits = 0;
    const uint64_t zero = uint64_t(1) << 31, limit = 61;
    Word counted = ops.bitXor(runtime.front(), ops.constant(zero));
    counted = ops.minimum(ops.maximum(counted, ops.constant(zero - limit)),
                          ops.constant(zero + limit));
    // Fixed point counts its integer bits, integers the exponent of the scale.
    const uint64_t integerBits = format.family == Format::Family::Fixed
                                     ? uint64_t(format.width(carrier))
                                     : 0;
    Word moved = ops.sub(counted, ops.constant(zero + integerBits));
    return shiftedParameters(ops, makeFormatParameters(ops, whole, carrier),
                             moved);
  }
  RoundFacts facts = roundFacts(format, carrier);
  const uint64_t F = facts.carrier.fractionBits;
  auto c = [&](uint64_t value) { return ops.constant(value); };

  auto next = runtime.begin();
  Word one = c(1);
  Word bias = c(0), leastNormal = c(static_cast<int64_t>(facts.leastNormal));
  const bool anyExponent = format.exponentBits == Format::runtime;
  if (anyExponent) {
    Word bits =
        ops.minimum(ops.maximum(*next++, c(2)), c(facts.carrier.exponentBits));
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
  if (format.fractionBits == Format::runtime) {
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
  return p;
}

/// Precondition: format.whyNotIn(carrier) is empty, `runtime` has one word for
/// each `?` of the format's text, in that order, and then the number of random
/// bits of a mode that is `stochastic<?>`. These words are clamped to the legal
/// range: no value of them is undefined behaviour.
///
/// A grid whose place is known at run time has one word, -61..61 in two's
/// complement of 32 bits: the integer bits of `fixed<?/10>`, the exponent of
/// the scale of `int8<2^?>`.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
makeRoundParameters(Ops &ops, const Format &format, Carrier carrier,
                    std::span<const typename Ops::Word> runtime = {}) {
  using Word = typename Ops::Word;
  const size_t own = format.numRuntimeParameters();
  assert(runtime.size() == own || runtime.size() == own + 1);
  RoundParameters<Word> p =
      makeFormatParameters(ops, format, carrier, runtime.first(own));
  if (runtime.size() == own)
    return p;
  const uint64_t W = p.facts.carrier.width;
  Word most = ops.constant(RoundingMode::runtimeStochastic().randomBits);
  Word bits = ops.minimum(ops.maximum(runtime.back(), ops.constant(1)), most);
  p.randomMask =
      ops.shl(ops.constant(~uint64_t(0)), ops.sub(ops.constant(W), bits));
  p.randomHalf = ops.shl(ops.constant(1), ops.sub(ops.constant(W - 1), bits));
  return p;
}

/// The parameters of rounding to multiples of 2^exponent, a normal number of
/// the carrier, without bound: those of a grid that wraps, known without
/// looking at a format.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
multipleParameters(Ops &ops, CarrierLayout carrier, int exponent) {
  const int F = int(carrier.fractionBits), quantum = carrier.bias() + exponent;
  RoundFacts facts;
  facts.carrier = carrier;
  facts.isGradual = facts.hasTiny = facts.mayKeepAll = true;
  facts.fractionBits = F;
  facts.leastNormal = quantum + F;
  facts.format = Format::grid(Format::Family::Fixed, -1, 1, 0);
  facts.format.overflow = Format::Overflow::Wrap;
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  auto zero = c(0), normal = c(quantum + F);
  return {facts,
          zero,
          normal,
          c(quantum),
          normal,
          c(int64_t(quantum) << F),
          c(int64_t(1) << F),
          zero,
          zero,
          zero};
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDPARAMETERS_H
