// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers rounded to fixed point and integers in any mode but nearest-even
// (Shifter.h) by conversions to words: Rounding's bits at a third of its
// operations.
//
// Idea. In units of the quantum a number within the limits is a whole number w
// and a fraction f of its sign, both exact. A mode says when f takes w on to
// the next whole number. A stochastic one: if |f| >= 1 - T, where T in [0, 1)
// is the word that Rounding adds; 1 + T is made of its bits, and 2 - (1 + T) is
// exact. Limiting comes first: the limits are whole numbers, so that it makes
// no difference.
#ifndef PREC_NUMERICS_GRIDROUNDING_H
#define PREC_NUMERICS_GRIDROUNDING_H

#include "prec/Numerics/RoundingCore.h"
#include "prec/Numerics/Shifter.h"

namespace mlir::prec {

/// Fixed point and integers that saturate, in f32, and a mode of at most 22
/// random bits. What run-time numbers leave open must hold: hasUnits, fitsGrid.
bool hasGridRounding(const RoundFacts &facts, RoundingMode mode);

/// The exponent of the quantum of fixed point or integers of a plain scale.
int gridExponent(const Format &format);

/// Is the quantum at most one?
template <WordOps Ops>
typename Ops::Bit hasUnits(Ops &ops,
                           const RoundParameters<typename Ops::Word> &p) {
  return ops.less(p.leastQuantum, ops.constant(p.facts.carrier.bias() + 1));
}

/// 2^k and 2^-k, the quantum and its inverse.
template <WordOps Ops>
typename Ops::Word quantumOf(Ops &ops,
                             const RoundParameters<typename Ops::Word> &p) {
  return ops.shl(p.leastQuantum, ops.constant(p.facts.carrier.fractionBits));
}
template <WordOps Ops>
typename Ops::Word perQuantum(Ops &ops,
                              const RoundParameters<typename Ops::Word> &p) {
  return inverseOfPower(ops, p.facts.carrier, quantumOf(ops, p));
}

/// May the result change where a number, however small, becomes zero?
bool heedsTiny(RoundingMode mode);

/// Of any number. Precondition: hasGridRounding.
template <WordOps Ops>
  requires ConversionOps<Ops>
class GridRounding : private Rounding<Ops> {
  using Base = Rounding<Ops>;
  using Base::bits, Base::c, Base::F, Base::facts, Base::infinity, Base::is,
      Base::magnitude, Base::mode, Base::ops, Base::p, Base::signBit, Base::W;
  using typename Base::Bit, typename Base::Kind;

public:
  using typename Base::Word;

  GridRounding(Ops &ops, Word bits, const RoundParameters<Word> &p,
               RoundingMode mode, Word random)
      : Base(ops, bits, p, mode, random) {}

  Word run() {
    Word units = ops.carrierMul(saturated(ops, bits, p), perQuantum(ops, p));
    Word rounded = ops.carrierMul(inUnits(units), quantumOf(ops, p));
    if (facts.isScaled)
      return rounded;
    return ops.select(ops.less(c(infinity()), magnitude), c(0), rounded);
  }

  /// Of a number within the limits; it and the result in units of the quantum.
  Word inUnits(Word units) {
    Word whole = ops.wholeOf(units);
    Word rounded = ops.carrierOfWhole(whole);
    if (is(Kind::TowardZero))
      return rounded;
    Word fraction =
        ops.bitAnd(ops.carrierSub(units, rounded), c(signBit() - 1));
    Word one = ops.bitOr(ops.bitAnd(units, c(signBit())), number(1));
    return ops.select(stays(whole, fraction), rounded,
                      ops.carrierAdd(rounded, one));
  }

private:
  Bit isZero(Word word) { return ops.equal(word, c(0)); }

  Bit stays(Word whole, Word fraction) {
    const Word all = c(~uint64_t(0));
    switch (mode.kind) {
    case Kind::Up:
      return isZero(
          ops.bitAnd(fraction, ops.bitXor(this->negativeSpread(), all)));
    case Kind::Down:
      return isZero(ops.bitAnd(fraction, this->negativeSpread()));
    case Kind::NearestAway:
      return ops.less(fraction, number(0.5));
    case Kind::NearestToZero:
      return ops.less(fraction, ops.add(number(0.5), c(1)));
    case Kind::ToOdd:
      return isZero(ops.bitAnd(
          fraction, ops.sub(ops.bitAnd(whole, c(1)), c(1)))); // if w is even
    case Kind::Stochastic: {
      Word more = ops.bitOr(ops.lshr(this->topRandom(), c(W() - F())),
                            number(1)); // 1 + T
      return ops.less(fraction, ops.carrierSub(number(2), more));
    }
    case Kind::StochasticEqual:
      return isZero(ops.bitAnd(fraction, this->randomSpread()));
    default: // Away
      return isZero(fraction);
    }
  }

  Word number(double value) { return numberOf(ops, facts.carrier, value); }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_GRIDROUNDING_H
