// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the rounding algorithm needs to know of a format on a carrier: static
// facts that choose the formula, and words that may be run-time values.
#ifndef PREC_NUMERICS_ROUNDPARAMETERS_H
#define PREC_NUMERICS_ROUNDPARAMETERS_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/Word.h"

#include <cassert>
#include <span>

namespace mlir::prec {

/// Facts that are known when the formula is chosen. Notation: a carrier with F
/// fraction bits, a format with Y; "biased" exponents are the carrier's.
struct RoundFacts {
  CarrierLayout carrier;
  /// The format's least normal exponent lies above the carrier's, so the number
  /// of discarded bits depends on the value.
  bool isGradual = false;
  /// The format's quantum is a normal number of the carrier, so values below it
  /// exist whose discarded bits exceed F.
  bool hasTiny = false;
  /// A rounded finite value can exceed the largest finite number without
  /// becoming the carrier's infinity by carry.
  bool isBounded = false;
  /// No bit may be discarded (Y = F, or Y is not known).
  bool mayKeepAll = false;
  /// Y = F, no gradual underflow, no bound: only NaN changes.
  bool isIdentity = false;
  /// Y = 0 and the codes of odd biased exponents are even.
  bool hasOddBias = false;
  /// Y, or Format::runtime.
  int fractionBits = 0;
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
  Word least;         ///< bits of the least normal number
};

RoundFacts roundFacts(const Format &format, Carrier carrier);

/// Precondition: format.whyNotIn(carrier) is empty, `runtime` has one word for
/// each `?` of the format's text, in that order. These words are clamped to the
/// legal range: no value of them is undefined behaviour.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
makeRoundParameters(Ops &ops, const Format &format, Carrier carrier,
                    std::span<const typename Ops::Word> runtime = {}) {
  using Word = typename Ops::Word;
  assert(runtime.size() == format.numRuntimeParameters());
  RoundFacts facts = roundFacts(format, carrier);
  const uint64_t F = facts.carrier.fractionBits;
  auto c = [&](uint64_t value) { return ops.constant(value); };

  auto next = runtime.begin();
  Word bias = c(0); // of the format
  if (format.exponentBits == Format::runtime) {
    Word bits =
        ops.minimum(ops.maximum(*next++, c(2)), c(facts.carrier.exponentBits));
    bias = ops.sub(ops.shl(c(1), ops.sub(bits, c(1))), c(1));
  } else if (format.family == Format::Family::Mantissa) {
    bias = c(facts.carrier.bias());
  } else {
    bias = c((1 << (format.exponentBits - 1)) - 1);
  }
  Word fraction = c(facts.fractionBits);
  if (format.fractionBits == Format::runtime) {
    fraction = *next++;
    if (format.family == Format::Family::Word)
      fraction = ops.sub(ops.maximum(fraction, c(9)), c(9));
    fraction = ops.minimum(fraction, c(F));
  }

  // Modulo arithmetic: biasOffset may be negative.
  Word carrierBias = c(facts.carrier.bias());
  Word formatBias = ops.add(bias, c(static_cast<int64_t>(format.biasOffset)));
  Word one = c(1);
  RoundParameters<Word> p = {facts,    fraction, fraction, fraction, fraction,
                             fraction, fraction, fraction, fraction};
  p.discard = ops.sub(c(F), fraction);
  p.leastNormal = ops.add(ops.sub(carrierBias, formatBias), one);
  p.leastQuantum =
      ops.sub(ops.maximum(p.leastNormal, ops.add(fraction, one)), fraction);
  p.discardOffset = ops.add(p.discard, p.leastNormal);
  auto isNormalQuantum = ops.less(one, p.leastQuantum);
  p.tinyLimit =
      ops.select(isNormalQuantum, ops.shl(p.leastQuantum, c(F)), c(0));
  p.impliedBit = ops.select(isNormalQuantum,
                            ops.shl(ops.minimum(fraction, one), c(F)), c(0));

  // Biased exponents run up to 2 * bias (all codes but the last) + 1.
  Word last = ops.add(
      ops.sub(carrierBias, formatBias),
      ops.add(ops.shl(bias, one), c(format.reservesLastExponent ? 0 : 1)));
  p.largest =
      ops.sub(ops.shl(ops.add(last, one), c(F)),
              ops.shl(c(1 + uint64_t(format.reservedTopCodes)), p.discard));
  p.least = ops.shl(p.leastNormal, c(F));
  return p;
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDPARAMETERS_H
