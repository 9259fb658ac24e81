// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rounding algorithm needs to know of a format on a carrier: static
// facts that choose the formula, and words that may be run-time values.
#ifndef PREC_NUMERICS_ROUNDFACTS_H
#define PREC_NUMERICS_ROUNDFACTS_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/Word.h"

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
  /// Y = 0 and whether that is so is known at run time only.
  bool hasRuntimeParity = false;
  /// Negative numbers reach farther, or less far, than positive ones.
  bool isAsymmetric = false;
  /// Twice the quantum is a number of the carrier.
  bool hasExactThresholds = false;
  /// The operand was divided by its block's scale: it is a number, less than
  /// twice the power of two above the largest one.
  bool isScaled = false;
  /// A grid's step is known to be a power of two, and its zero point is known.
  bool hasPlainScale = true;
  /// A grid's step is a power of two.
  bool hasPowerStep = true;
  /// A grid's codes, counted from the zero point, are so small that quotients
  /// by reciprocals, whose error is at most 2^(3 - F) of them, are right within
  /// a quarter.
  bool hasFewCodes = false;
  /// A grid's codes wrap around at 2^wrapExponent.
  int wrapExponent = 0;
  /// The widths of a float's exponent are known at run time only.
  bool hasRuntimeExponent = false;
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
  /// uppermost bits of a word, the half of the last of them, 0 if there is none
  /// below the word, and by how much a word moves up, whose lower half counts
  /// where 16 bits are enough.
  Word randomMask{}, randomHalf{}, randomShift{};
  /// Where a grid has no plain scale: that as a number of the carrier, and the
  /// codes above and below the zero point, as numbers too.
  Word step{}, above{}, below{};
  /// Biased exponent of what a grid that wraps takes its numbers modulo.
  Word wrapExponent{};
  /// Of a posit.
  Word bits{}, exponentBits{};
  /// 1 if the codes of odd biased exponents are even.
  Word parity{};

  /// Those that loops over arrays and vectors of lanes need in each lane.
  template <class Visit> void forEachWord(Visit visit) {
    for (Word *word :
         {&discard, &leastNormal, &leastQuantum, &discardOffset, &tinyLimit,
          &impliedBit, &largest, &lowest, &least, &step, &above, &below,
          &wrapExponent, &bits, &exponentBits, &parity})
      visit(*word);
  }
};

/// The same words in each lane of Ops.
template <WordOps Ops, class Scalar>
RoundParameters<typename Ops::Word>
broadcast(Ops &ops, const RoundParameters<Scalar> &p) {
  auto c = [&](Scalar value) { return ops.constant(value); };
  return {p.facts,           c(p.discard),       c(p.leastNormal),
          c(p.leastQuantum), c(p.discardOffset), c(p.tinyLimit),
          c(p.impliedBit),   c(p.largest),       c(p.lowest),
          c(p.least),        c(p.randomMask),    c(p.randomHalf),
          c(p.randomShift),  c(p.step),          c(p.above),
          c(p.below),        c(p.wrapExponent),  c(p.bits),
          c(p.exponentBits), c(p.parity)};
}

RoundFacts roundFacts(const Format &format, Carrier carrier);

/// Are run-time widths as those of most formats are: a normal number loses some
/// of its bits, not all?
template <WordOps Ops>
typename Ops::Bit
hasRegularWidths(Ops &ops, const RoundParameters<typename Ops::Word> &p) {
  return ops.less(ops.sub(p.discard, ops.constant(1)),
                  ops.constant(p.facts.carrier.fractionBits - 1));
}

/// What is known of the formula where hasRegularWidths.
inline void assumeRegularWidths(RoundFacts &facts) {
  facts.mayKeepAll = facts.hasRuntimeParity = false;
}

/// The bits of the greatest magnitude above and below zero, for formats whose
/// largest number is not given by exponent and fraction widths.
struct Limits {
  uint64_t largest, lowest;
};
Limits limitsOf(const Format &format, Carrier carrier);

/// The parameters of a format without `?` whose numbers are all multiplied by
/// 2^shift (modulo arithmetic, so it may be negative); numbers and quantum are
/// normal in the carrier before and after. This is how fixed point moves.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
shiftedParameters(Ops &ops, RoundParameters<typename Ops::Word> p,
                  typename Ops::Word shift) {
  const bool wraps = p.facts.format.overflow == Format::Overflow::Wrap;
  p.facts.isGradual = p.facts.hasTiny = true;
  p.facts.isBounded = !wraps;
  p.facts.hasExactThresholds = false;
  auto by = ops.shl(shift, ops.constant(p.facts.carrier.fractionBits));
  for (auto *word : {&p.leastNormal, &p.leastQuantum, &p.discardOffset})
    *word = ops.add(*word, shift);
  for (auto *word : {&p.tinyLimit, &p.largest, &p.least})
    *word = ops.add(*word, by);
  if (p.facts.format.isSigned)
    p.lowest = ops.add(p.lowest, by);
  if (wraps)
    p.wrapExponent = ops.add(p.wrapExponent, shift);
  return p;
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDFACTS_H
