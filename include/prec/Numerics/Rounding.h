// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding to any elementwise format: the core for floats and fixed point, and
// what posits, steps that are no powers of two, wrapping, signs and bare
// exponents do differently.
//
// All of them come down to the core's add-and-mask. A posit's code is its
// carrier's exponent and fraction cut where the regime leaves off, so only the
// number of discarded bits differs. A step s that is no power of two turns into
// the place of the value between the carrier's numbers k*s and (k+1)*s, which
// is then rounded to 0 or 1.
#ifndef PREC_NUMERICS_ROUNDING_H
#define PREC_NUMERICS_ROUNDING_H

#include "prec/Numerics/RoundingCore.h"

namespace mlir::prec {

template <WordOps Ops> class FamilyRounding : public Rounding<Ops> {
  using Base = Rounding<Ops>;
  using Base::bits, Base::c, Base::F, Base::facts, Base::infinity, Base::is,
      Base::magnitude, Base::mode, Base::ops, Base::p, Base::quietNaN,
      Base::random, Base::sign, Base::signBit, Base::W;
  using typename Base::Bit;
  using typename Base::Kind;
  using typename Base::Word;

public:
  using Base::Base;

  Word run() {
    const Format &format = facts.format;
    if (format.isGrid()) {
      if constexpr (CarrierOps<Ops>) {
        bool isPlain = facts.hasPlainScale;
        if (isPlain && format.overflow != Format::Overflow::Wrap)
          return Base::run();
        sign = ops.bitXor(bits, magnitude);
        return this->withNaN(
            format.overflow == Format::Overflow::Wrap ? wrapped() : scaled());
      }
    }
    switch (format.family) {
    case Format::Family::Posit:
      sign = ops.bitXor(bits, magnitude);
      return this->withNaN(posit());
    case Format::Family::Sign:
      return signOnly();
    case Format::Family::Exponent:
      return this->withNaN(exponentOnly());
    default:
      return Base::run();
    }
  }

private:
  /// The bits of a number of the carrier.
  Word number(double value) { return numberOf(ops, facts.carrier, value); }

  /// An infinity becomes what R-INFINITY says; others keep `result`.
  Word unlessInfinite(Word result) {
    Word becomes =
        is(Kind::TowardZero) ? this->signedLimit() : this->signedInfinity();
    return ops.select(ops.equal(magnitude, c(infinity())), becomes, result);
  }

  // --- R-POSIT

  Word posit() {
    const Word es = p.exponentBits, n = p.bits, two = c(2);
    const Word bias = c(uint64_t(facts.carrier.bias()));
    const Word reach = ops.shl(ops.sub(n, two), es);
    auto bitsOf = [&](Word exponent) { return ops.shl(exponent, c(F())); };
    Word clamped =
        ops.minimum(ops.maximum(magnitude, bitsOf(ops.sub(bias, reach))),
                    bitsOf(ops.add(bias, reach)));
    // The exponent as regime and es bits: counted from a multiple of 2^es.
    const Word align = bitsOf(ops.sub(ops.shl(n, es), bias));
    const Word all = ops.add(c(F()), es);
    Word code = ops.add(clamped, align);
    Word regime = ops.lshr(code, all); // plus n, 2 .. 2n - 2
    // Bits that remain beside sign and regime: min(k - 2, 2n - 3 - k), no less
    // than 0.
    Word above = ops.sub(
        ops.maximum(ops.sub(ops.sub(ops.add(n, n), two), regime), c(1)), c(1));
    Word kept = ops.minimum(ops.sub(regime, two), above);
    Word discard = ops.sub(all, ops.minimum(kept, all));
    // Where nothing remains the last bit ends the regime: 0 after ones.
    Word ending = ops.select(ops.less(regime, n), c(1), c(0));
    this->lastBit =
        ops.select(ops.equal(kept, c(0)), ending, ops.lshr(code, discard));
    Word rounded = ops.sub(this->roundAt(code, discard), align);
    rounded = ops.select(ops.equal(magnitude, c(0)), c(0), rounded);
    return unlessInfinite(this->withSign(rounded));
  }

  // --- R-SIGN: -1 and +1; NaN becomes +1

  Word signOnly() {
    Word one = number(1), minusOne = ops.bitOr(one, c(signBit()));
    Bit isNegative = ops.less(c(signBit()), bits); // -0 is not below zero
    Word bySign = ops.select(isNegative, minusOne, one);
    Word inside = bySign;
    if (is(Kind::Up))
      inside = one;
    else if (is(Kind::Down))
      inside = minusOne;
    else if (is(Kind::StochasticEqual))
      inside = ops.bitOr(one, ops.bitAnd(this->randomSpread(), c(signBit())));
    else if (is(Kind::Stochastic))
      inside = ops.select(carryOfPlace(isNegative), one, minusOne);
    Word result = ops.select(ops.less(magnitude, one), inside, bySign);
    return ops.select(ops.less(c(infinity()), magnitude), one, result);
  }

  /// Does (x + 1) / 2 plus the random word reach 1? |x| < 1. With W bits of
  /// fraction the place is 2^(W-1) plus or minus h = |x| 2^(W-1).
  Bit carryOfPlace(Bit isNegative) {
    Word exponent = ops.lshr(magnitude, c(F()));
    Word implied = ops.shl(ops.minimum(exponent, c(1)), c(F()));
    // 2 h at exponent -1; the exponent is shifted out.
    Word top = ops.shl(ops.bitOr(magnitude, implied), c(W() - 1 - F()));
    Word places = ops.sub(c(uint64_t(facts.carrier.bias()) - 1),
                          ops.maximum(exponent, c(1)));
    Word shift = ops.minimum(places, c(W() - 1));
    Word twice = ops.lshr(top, shift); // floor(2 h)
    Bit isExact = ops.equal(ops.shl(twice, shift), top);
    Word half = ops.bitAnd(twice, c(1)), whole = ops.lshr(twice, c(1));
    Word lost = ops.select(isExact, half, c(1)); // h is not whole
    Word middle = c(uint64_t(1) << (W() - 1));
    Word up = ops.add(middle, whole);                  // floor(place)
    Word down = ops.sub(middle, ops.add(whole, lost)); // floor(place)
    if (mode.randomBits == W()) {                      // S-CENTRE adds a half
      half = ops.select(ops.less(shift, places), c(0), half);
      up = this->whereWhole(ops.add(up, half), up);
      Word centred =
          ops.sub(middle, ops.add(whole, ops.select(isExact, c(0), half)));
      down = this->whereWhole(centred, down);
    }
    Word place = ops.select(isNegative, down, up);
    return ops.less(ops.add(place, this->topRandom()), place);
  }

  // --- R-EXPONENT: powers of two without zero and sign

  Word exponentOnly() {
    // 2^-127 is a subnormal of f32: there one bit fewer is discarded.
    bool isSubnormal = facts.carrier.bias() == 127;
    Word least = number(0x1p-127);
    Word value = ops.maximum(magnitude, least);
    Word discard = c(F());
    if (isSubnormal)
      discard = ops.select(ops.less(value, c(uint64_t(1) << F())), c(F() - 1),
                           discard);
    this->lastBit = ops.lshr(value, c(F()));
    if (is(Kind::NearestEven)) // the significand 1 is odd: up
      mode = Kind::NearestAway;
    Word rounded = this->roundAt(value, discard);
    bool saturates = facts.format.overflow == Format::Overflow::Saturate;
    Word beyond = saturates ? p.largest : c(quietNaN());
    if (is(Kind::TowardZero) || is(Kind::ToOdd) || is(Kind::Down))
      beyond = p.largest;
    Word result = ops.select(ops.less(p.largest, rounded), beyond, rounded);
    Word infinite =
        saturates || is(Kind::TowardZero) ? p.largest : c(quietNaN());
    result = ops.select(ops.equal(magnitude, c(infinity())), infinite, result);
    // Zero and negative values: all but the bits 1 .. signBit - 1.
    Bit isPositive = ops.less(ops.sub(bits, c(1)), c(signBit() - 1));
    return ops.select(isPositive, result, saturates ? least : c(quietNaN()));
  }

  // --- whole numbers beyond the core

  /// Rounds to multiples of a power of two, of biased exponent `quantum`,
  /// without bound.
  Word toMultiple(Word value, Word quantum, RoundingMode how) {
    RoundParameters<Word> q = multipleParameters(ops, facts.carrier, quantum);
    q.randomMask = p.randomMask;
    q.randomHalf = p.randomHalf;
    q.randomShift = p.randomShift;
    return Rounding<Ops>(ops, value, q, how, random).run();
  }

  /// To nearest-even to multiples of a power of two, of biased exponent
  /// `quantum`, far from the carrier's ends as a grid's step is (whyNotIn): a
  /// sum with 2^F of it has no place for less.
  Word nearestMultiple(Word value, Word quantum) {
    Word units = ops.shl(ops.add(quantum, c(F())), c(F()));
    Word nearest = ops.carrierSub(ops.carrierAdd(value, units), units);
    return ops.select(ops.less(value, units), nearest, value);
  }

  /// R-WRAP: the rounded value minus the nearest multiple of 2^width steps.
  Word wrapped() {
    const Format &format = facts.format;
    Word rest;
    if (is(Kind::NearestEven) && !format.isRuntime()) {
      Word rounded = nearestMultiple(magnitude, p.leastQuantum);
      Word multiple = nearestMultiple(rounded, p.wrapExponent);
      rest = ops.bitXor(ops.carrierSub(rounded, multiple), sign);
    } else {
      Word rounded = format.isRuntime() ? toMultiple(bits, p.leastQuantum, mode)
                                        : Base::run();
      Word multiple = toMultiple(rounded, p.wrapExponent, Kind::NearestAway);
      rest = ops.carrierSub(rounded, multiple);
    }
    Word half = ops.shl(ops.sub(p.wrapExponent, c(1)), c(F()));
    Word whole = ops.shl(p.wrapExponent, c(F()));
    Bit isBelow = ops.less(c(signBit()), rest);
    if (format.isSigned)
      rest = ops.select(ops.equal(rest, half), ops.bitOr(half, c(signBit())),
                        rest);
    else
      rest = ops.select(
          isBelow, ops.carrierSub(whole, ops.bitAnd(rest, c(signBit() - 1))),
          rest);
    rest = ops.select(ops.equal(rest, c(signBit())), c(0), rest); // no -0
    return unlessInfinite(rest);
  }

  /// How many fraction bits of a value from 1 lie below its units.
  Word bitsBelowUnits(Word value) {
    const uint64_t bias = facts.carrier.bias();
    Word exponent = ops.maximum(ops.lshr(value, c(F())), c(bias));
    return ops.sub(c(bias + F()), ops.minimum(exponent, c(bias + F())));
  }

  /// Toward zero, of a value that is not negative.
  Word wholePart(Word value) {
    Word below = bitsBelowUnits(value);
    return ops.select(ops.less(value, number(1)), c(0),
                      ops.shl(ops.lshr(value, below), below));
  }

  /// The least number whose last place is 1.
  double units() const { return double(uint64_t(1) << F()); }

  /// Nearest, of a value that is not negative and below 2^F.
  Word nearestWhole(Word value) {
    return ops.carrierSub(ops.carrierAdd(value, number(units())),
                          number(units()));
  }

  /// 1 for an odd whole number below 2^F. The last bit of 1 is that of its
  /// exponent: biases are odd.
  Word lastBitOf(Word whole) {
    return ops.bitAnd(ops.lshr(whole, bitsBelowUnits(whole)), c(1));
  }

  /// R-SCALE to nearest-even where codes are few. The product k * step next to
  /// the quotient is the nearest one, or beside a tie the one on the value's
  /// other side is. What lies between the value and it, and between the two, is
  /// exact (Sterbenz's lemma), but for values below half of the first step that
  /// the quotient takes for more, whose distance stays at least a half step.
  Word nearestOfFew(Word quotient, Word limit) {
    auto product = [&](Word k) { return ops.carrierMul(k, p.step); };
    Word shifted = ops.carrierAdd(quotient, number(units()));
    Word k = ops.carrierSub(shifted, number(units()));
    Word nearest = product(k), rest = ops.carrierSub(magnitude, nearest);
    Word toward = ops.bitOr(ops.bitAnd(rest, c(signBit())), number(1));
    Word other = product(ops.carrierAdd(k, toward));
    Word width = ops.carrierSub(other, nearest); // of the sign of `rest`
    Word isOdd = ops.bitAnd(shifted, c(1));      // a tie goes to the other
    Word twice = ops.add(ops.carrierAdd(rest, rest), isOdd);
    Word result = ops.select(ops.less(width, twice), other, nearest);
    return this->withSign(ops.minimum(result, product(limit)));
  }

  /// R-SCALE: the numbers are the carrier's products k * scale.
  Word scaled() {
    const Format &format = facts.format;
    Word step = p.step, zero = c(0), one = number(1);
    auto product = [&](Word k) { return ops.carrierMul(k, step); };
    auto next = [&](Word k, double by) {
      return ops.carrierSub(k, number(-by));
    };
    bool isKnown =
        format.zeroPoint != Format::runtimeCode && !format.hasRuntimeBits();
    double greatest =
        double(format.high - (isKnown ? format.zeroPoint : format.low));
    double least =
        double((isKnown ? format.zeroPoint : format.high) - format.low);
    Word limit = facts.isAsymmetric
                     ? ops.select(this->isNegative(), p.below, p.above)
                     : p.above;
    const bool isPower = facts.hasPowerStep;
    // Beyond the limit the quotient does not matter.
    Word bound = number(std::max(greatest, least) + 2);
    if (format.hasRuntimeBits())
      bound = ops.carrierAdd(limit, number(2));
    const bool isSmall = !isPower && facts.hasFewCodes;
    Word quotient = zero;
    if (isPower)
      quotient =
          ops.carrierMul(magnitude, inverseOfPower(ops, facts.carrier, step));
    else if (isSmall)
      quotient = ops.carrierMul(magnitude, ops.carrierDiv(one, step));
    else
      quotient = ops.carrierDiv(magnitude, step);
    quotient = ops.minimum(quotient, bound);
    if (isSmall && is(Kind::NearestEven))
      return nearestOfFew(quotient, limit);
    Word k = isSmall ? nearestWhole(quotient) : wholePart(quotient);
    if (isSmall) { // the number below, or the one above
      k = ops.select(ops.less(magnitude, product(k)), next(k, -1), k);
    } else if (!isPower) { // the quotient may be off by one either way
      k = ops.select(ops.less(magnitude, product(k)), next(k, -1), k);
      k = ops.select(ops.less(magnitude, product(next(k, 1))), k, next(k, 1));
    }
    Word below = product(k), width = one;
    Word rest =
        ops.carrierSub(isPower ? quotient : magnitude, isPower ? k : below);
    if (!isPower)
      width = ops.carrierSub(product(next(k, 1)), below);
    Word up = zero;
    Word last = isSmall ? ops.bitAnd(ops.carrierAdd(k, number(units())), c(1))
                        : lastBitOf(k);
    Word isOdd = ops.select(ops.equal(last, zero), zero, one);
    if (is(Kind::NearestEven) || is(Kind::NearestAway) ||
        is(Kind::NearestToZero)) {
      // As rest / width is to 1/2, rounded or not: 2 rest is exact, and what it
      // lacks to the width is at least a last place of it.
      Word twice = ops.carrierAdd(rest, rest), atTie = zero;
      if (is(Kind::NearestEven))
        atTie = isOdd;
      else if (is(Kind::NearestAway))
        atTie = one;
      up = ops.select(ops.less(width, twice), one,
                      ops.select(ops.equal(twice, width), atTie, zero));
    } else {
      // The place between the neighbours, with the value's sign. What is not
      // exact is not to become so by underflow.
      Word place = isPower ? rest : ops.carrierDiv(rest, width);
      place = ops.minimum(ops.maximum(place, c(1)), one);
      place = ops.select(ops.equal(magnitude, below), zero, place);
      if (is(Kind::ToOdd)) {
        up = ops.select(ops.equal(place, zero), zero,
                        ops.select(ops.equal(isOdd, zero), one, zero));
      } else {
        up = toMultiple(ops.bitOr(place, sign),
                        c(uint64_t(facts.carrier.bias())), mode);
      }
    }
    k = ops.select(ops.equal(up, zero), k, next(k, 1));
    Word result = product(ops.minimum(k, limit));
    return this->withSign(result);
  }
};

/// Rounds the carrier value with bit pattern `bits`. `randomBits` is read by
/// stochastic modes only: its low 16 bits if the mode has at most 16 random
/// bits, else its low 32; the most significant of these count. The format is
/// elementwise. With `leavesNaN` a NaN whose discarded bits are zero stays some
/// NaN instead of becoming the canonical one; the format is then neither
/// gradual nor flushed nor bounded, has NaN and -0, and keeps at least one
/// fraction bit.
template <WordOps Ops>
typename Ops::Word roundWord(Ops &ops, typename Ops::Word bits,
                             const RoundParameters<typename Ops::Word> &p,
                             RoundingMode mode, typename Ops::Word randomBits,
                             bool leavesNaN = false) {
  return FamilyRounding<Ops>(ops, bits, p, mode, randomBits, leavesNaN).run();
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDING_H
