// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products and sums of a format with a largest number and gradual underflow,
// rounded in any mode by an addition, a mask and a subtraction: Rounding's
// bits, at a third of its operations, for operands of which something is known.
//
// Idea. Let e be the power of two at or below |x|, raised to that of the
// format's least normal number, with the sign of x. x + 2 e lies in [2 e, 4 e]
// whatever x is, so that its last bits below the format's quantum at x, of
// which e alone decides, are the same F - 1 - Y ones: a mode is an addend and a
// mask, and -2 e brings the number back. x + 2 e must be exact: see
// hasMaskedShifter. Toward +-infinity 6 e with the sign of plus does it
// without looking at the sign. A stochastic mode's addend goes into the factor
// of e: c = 2 + R 2^-Y, x + c e.
//
// A sum of two numbers is a multiple of the quantum and needs the addend and
// the mask alone. It is computed multiplied by a power of two that takes the
// format's largest binade to the carrier's: then the carrier overflows where
// the format does, at no cost.
//
// Where a product has more bits than x + 2 e has room for, a stochastic mode
// takes it as a whole number of 2^-17 of the quantum if it is below the least
// normal number, and adds and masks its own bits if not.
//
// docs/pipeline.md has the proofs. What differs: zeros may lose their sign.
#ifndef PREC_NUMERICS_MASKEDSHIFTER_H
#define PREC_NUMERICS_MASKEDSHIFTER_H

#include "prec/Numerics/RoundingCore.h"
#include "prec/Numerics/Shifter.h"

namespace mlir::prec {

/// Widths for which x + 2 e has room. Run-time ones must lie within.
inline constexpr ShifterLimits maskedLimits = {7, 1, 10};

/// Floats with a largest number and gradual underflow, in f32, and a mode of at
/// most 31 random bits.
bool hasMaskedShifter(const RoundFacts &facts, RoundingMode mode);
/// Of such a format in any such mode, or to nearest-even: sums may be.
bool hasMaskedSums(const RoundFacts &facts, RoundingMode mode);

/// Products that are multiples of 2^(2 n) may be rounded by it, where n is this
/// exponent: x + 6 e has room for them. Of constant widths.
int leastQuantumOfFactors(const RoundFacts &facts);

/// Are those of the format's own numbers such?
template <WordOps Ops>
typename Ops::Bit areOwnFactors(Ops &ops,
                                const RoundParameters<typename Ops::Word> &p) {
  const CarrierLayout carrier = p.facts.carrier;
  auto least = ops.add(p.leastNormal, ops.add(p.discard, p.discard));
  auto most = ops.constant(carrier.bias() + carrier.fractionBits + 1);
  return ops.less(most, least);
}

/// May any product within the range be rounded by it? Then it is multiplied by
/// 2^exponentOfLongProducts, as is the rounded one: if the largest number stays
/// one, see mayBeLong.
bool hasLongProducts(const RoundFacts &facts, RoundingMode mode);

/// Places below the quantum that a long product is taken to: 16 random bits and
/// the half.
inline constexpr unsigned longPlaceBits = 17;

template <WordOps Ops>
typename Ops::Word
exponentOfLongProducts(Ops &ops, const RoundParameters<typename Ops::Word> &p,
                       RoundingMode mode) {
  if (mode.kind == RoundingMode::Kind::TowardZero)
    return ops.constant(0);
  const CarrierLayout carrier = p.facts.carrier;
  auto all = ops.constant(longPlaceBits + carrier.fractionBits +
                          uint64_t(carrier.bias()));
  return ops.sub(all, ops.add(p.discard, p.leastNormal));
}

/// The largest number's exponent, biased.
template <WordOps Ops>
typename Ops::Word lastExponent(Ops &ops,
                                const RoundParameters<typename Ops::Word> &p) {
  return ops.lshr(p.largest, ops.constant(p.facts.carrier.fractionBits));
}

/// Precondition: hasLongProducts.
template <WordOps Ops>
typename Ops::Bit mayBeLong(Ops &ops,
                            const RoundParameters<typename Ops::Word> &p,
                            RoundingMode mode) {
  auto last =
      ops.add(lastExponent(ops, p), exponentOfLongProducts(ops, p, mode));
  return ops.less(last, ops.constant(2 * p.facts.carrier.bias() + 1));
}

/// Is a finite sum above zero, or below, rounded to no more than the largest
/// number?
bool isLimited(const Format &format, RoundingMode mode, bool isBelow);

/// By which power of two sums are multiplied. 0 if no finite sum becomes an
/// infinity or a NaN in this mode, since it is then limited.
template <WordOps Ops>
typename Ops::Word exponentOfSums(Ops &ops,
                                  const RoundParameters<typename Ops::Word> &p,
                                  RoundingMode mode) {
  if (isLimited(p.facts.format, mode, false) &&
      isLimited(p.facts.format, mode, true))
    return ops.constant(0);
  return ops.sub(ops.constant(2 * p.facts.carrier.bias()),
                 lastExponent(ops, p));
}

/// A rounding of one of them. Precondition: hasMaskedShifter.
template <WordOps Ops>
  requires FusedOps<Ops>
class MaskedShifter : private Rounding<Ops> {
  using Base = Rounding<Ops>;
  using Base::bits, Base::c, Base::F, Base::facts, Base::infinity, Base::is,
      Base::magnitude, Base::ops, Base::p, Base::signBit, Base::W;
  using typename Base::Kind;

public:
  using typename Base::Word;

  MaskedShifter(Ops &ops, Word bits, const RoundParameters<Word> &p,
                RoundingMode mode, Word random)
      : Base(ops, bits, p, mode, random) {}

  /// Of a finite number that is rounded to no more than the largest, a multiple
  /// of 2^(2 leastQuantumOfFactors) with at most 2 Y + 2 bits, or of any that
  /// is rounded so: `isLong`, where hasLongProducts.
  Word product(bool isLong = false) {
    if (isLong && is(Kind::Stochastic))
      return longStochastic();
    const Word all = c(~uint64_t(0)), discard = ops.sub(p.discard, c(1));
    Word x = isLong ? ops.bitAnd(bits, ops.shl(all, p.discard)) : bits;
    Word place = ops.maximum(ops.bitAnd(bits, c(infinity())), p.least);
    if (is(Kind::Up) || is(Kind::Down)) {
      Word keep = ops.shl(all, ops.sub(discard, c(1)));
      Word y = ops.carrierFma(place, number(6), x);
      if (is(Kind::Up))
        y = ops.add(y, ops.bitXor(keep, all));
      return ops.carrierFma(place, number(-6), ops.bitAnd(y, keep));
    }
    place = ops.bitOr(place, ops.bitAnd(bits, c(signBit())));
    Word y;
    if (is(Kind::Stochastic)) {
      Word addend = ops.lshr(this->topRandom(), ops.sub(c(W()), discard));
      Word factor = ops.bitXor(addend, number(2));
      y = ops.bitAnd(ops.carrierFma(place, factor, x), ops.shl(all, discard));
    } else {
      y = this->roundAt(ops.carrierFma(place, number(2), x), discard);
    }
    return ops.carrierFma(place, number(-2), y);
  }

  /// Of a sum of two finite numbers of the format, and of what came of such
  /// sums, all multiplied by 2^exponentOfSums.
  Word sum() {
    Word rounded = this->roundAt(bits, p.discard);
    const bool high = isLimited(facts.format, this->mode, false),
               low = isLimited(facts.format, this->mode, true);
    const Word largest =
        ops.add(p.largest, inPlace(exponentOfSums(ops, p, this->mode)));
    if (facts.format.reservedTopCodes != 0 && !(high && low)) {
      // What is beyond the largest number overflows, what is not comes back.
      Word more = ops.bitOr(number(1), ops.shl(c(1), p.discard)); // 1 + 2^-Y
      rounded = ops.carrierMul(ops.carrierMul(rounded, more),
                               ops.carrierDiv(number(1), more));
    }
    if (high)
      rounded = ops.carrierMinimum(largest, rounded);
    if (low)
      rounded = ops.carrierMaximum(ops.bitOr(largest, c(signBit())), rounded);
    return rounded;
  }

private:
  Word longStochastic() {
    Word exponent = exponentOfLongProducts(ops, p, this->mode);
    Word addend = ops.lshr(this->topRandom(), c(W() - longPlaceBits));
    Word places = ops.bitAnd(ops.add(ops.wholeOf(magnitude), addend),
                             c(~uint64_t(0) << longPlaceBits));
    Word sign = ops.bitAnd(bits, c(signBit()));
    Word below = ops.bitOr(ops.carrierOfWhole(places), sign);
    Word normal = this->roundAt(bits, p.discard);
    return ops.select(ops.less(magnitude, ops.add(p.least, inPlace(exponent))),
                      below, normal);
  }

  Word inPlace(Word exponent) { return ops.shl(exponent, c(F())); }
  Word number(double value) { return numberOf(ops, facts.carrier, value); }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MASKEDSHIFTER_H
