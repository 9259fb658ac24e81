// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// THE rounding algorithm of floating and fixed point: one text for folding,
// tests and generated code.
//
// Idea. Read the magnitude of an IEEE number as an integer: exponent and
// fraction together count the representable numbers in order, and a carry out
// of the fraction enters the exponent as it should. Rounding to d fewer bits is
//
//     (magnitude + addend) & ~(2^d - 1)
//
// and a mode is nothing but its addend: 0 (toward zero), 2^d - 1 (away),
// 2^(d-1) - 1 + last kept bit (nearest-even), random bits (stochastic). Below
// the least normal number of the format d grows by one for each exponent
// (gradual underflow), up to F for numbers of at least one quantum; below the
// quantum the result is zero or the quantum ("tiny"). What is larger than the
// largest finite number after that is overflow.
//
// Labels R-..., S-... are the rules of docs/numerics.md. Cost: `m7` toward zero
// on f32 is one `and` plus NaN handling (`and`, compare, select); nearest-even
// five operations plus the same.
#ifndef PREC_NUMERICS_ROUNDINGCORE_H
#define PREC_NUMERICS_ROUNDINGCORE_H

#include "prec/Numerics/RoundParameters.h"
#include "prec/Numerics/RoundingMode.h"

namespace mlir::prec {

/// One rounding; a function cut into its steps.
template <WordOps Ops> class Rounding {
public:
  using Word = typename Ops::Word;
  using Bit = typename Ops::Bit;
  using Kind = RoundingMode::Kind;

  Rounding(Ops &ops, Word bits, const RoundParameters<Word> &p,
           RoundingMode mode, Word randomBits, bool leavesNaN = false)
      : ops(ops), p(p), facts(p.facts), mode(mode), leavesNaN(leavesNaN),
        bits(bits),
        magnitude(leavesNaN ? bits : ops.bitAnd(bits, c(signBit() - 1))),
        random(randomBits) {}

  /// With `leavesNaN` the format is neither gradual nor flushed nor bounded.
  Word run() {
    if (facts.isIdentity)
      return withNaN(bits);
    // Without underflow and overflow the sign can stay where it is.
    if (!facts.isGradual && !facts.isFlushed && !isBounded() && keepsSign())
      return withNaN(roundAt(bits, p.discard));
    sign = ops.bitXor(bits, magnitude);
    Word rounded = roundMagnitude();
    if (facts.isFlushed) // R-FLUSH
      rounded = ops.select(ops.less(rounded, p.least), c(0), rounded);
    // What saturates has one answer beyond its limit, for infinities too.
    const bool saturates = facts.format.overflow == Format::Overflow::Saturate;
    if (isBounded() && saturates)
      return withNaN(withSign(ops.minimum(rounded, limit())));
    Word result = withSign(rounded);
    if (isBounded())
      result = withOverflow(rounded, result);
    return withNaN(result);
  }

protected:
  unsigned F() const { return facts.carrier.fractionBits; }
  unsigned W() const { return facts.carrier.width; }
  uint64_t signBit() const { return uint64_t(1) << (W() - 1); }
  uint64_t infinity() const {
    return ((uint64_t(1) << facts.carrier.exponentBits) - 1) << F();
  }
  uint64_t quietNaN() const { return infinity() | uint64_t(1) << (F() - 1); }
  Word c(uint64_t value) { return ops.constant(value); }
  bool is(Kind kind) const { return mode.kind == kind; }
  bool keepsSign() const { return facts.format.hasNegativeZero; }

  /// Without a fraction the carrier's largest number has an even code, and
  /// to-odd would carry into infinity. With `leavesNaN` there is a fraction,
  /// also where its width is known at run time only.
  bool isBounded() const {
    return facts.isBounded ||
           (is(Kind::ToOdd) && facts.fractionBits <= 0 && !leavesNaN);
  }

  Bit isNegative() { return ops.less(c(signBit() - 1), bits); }

  /// All ones if the value is negative.
  Word negativeSpread() { return ops.sub(c(0), ops.lshr(bits, c(W() - 1))); }

  // --- d <= F: add and mask

  /// R-TIES: the last kept bit of the code. At d = F it is the implied bit,
  /// which a subnormal code counts and a code without fraction does not.
  Word lastKeptBit(Word value, Word discard, Word mask) {
    if (lastBit)
      return ops.bitAnd(*lastBit, ops.bitAnd(mask, c(1)));
    if (facts.hasTiny)
      value = ops.bitOr(value, p.impliedBit);
    Word last = ops.lshr(value, discard);
    if (facts.hasOddBias)
      last = ops.bitXor(last, c(1));
    else if (facts.hasRuntimeParity)
      last = ops.bitXor(last, p.parity);
    return ops.bitAnd(last, facts.mayKeepAll ? ops.bitAnd(mask, c(1)) : c(1));
  }

  /// Is that the bit of the value itself?
  bool hasOwnParity() const {
    return !lastBit && !facts.hasTiny && !facts.hasOddBias &&
           !facts.hasRuntimeParity;
  }

  /// The most significant randomBits bits of the random word, at the top of a
  /// word, with the half that centres them when they are fewer than the
  /// discarded bits (S-CENTRE). Shifted down to d bits this is the addend.
  Word topRandom() {
    unsigned r = mode.randomBits, half = mode.needsWholeWord() ? 32 : 16;
    // Bits below the discarded ones are shifted out in the end.
    if (mode.isRuntime)
      return ops.bitXor(
          ops.bitAnd(ops.shl(random, p.randomShift), p.randomMask),
          p.randomHalf);
    Word top = W() == half ? random : ops.shl(random, c(W() - half));
    if (r != half)
      top = ops.bitAnd(top, c(~uint64_t(0) << (W() - r)));
    bool fewer = facts.isGradual || facts.fractionBits == Format::runtime ||
                 F() - unsigned(facts.fractionBits) > r;
    if (fewer && r < W())
      top = ops.bitXor(top, c(uint64_t(1) << (W() - r - 1))); // a zero bit
    return top;
  }

  /// Of a mode that may have as many random bits as a word: `centred` where it
  /// has.
  Word whereWhole(Word centred, Word others) {
    if (!mode.isRuntime)
      return centred;
    return ops.select(ops.equal(p.randomHalf, c(0)), centred, others);
  }

  /// S-EQUAL: the first random bit, spread over the word.
  Word randomSpread() {
    Word first = ops.lshr(random, c(mode.needsWholeWord() ? 31 : 15));
    return ops.sub(c(0), ops.bitAnd(first, c(1)));
  }

  Word addend(Word value, Word discard, Word mask) {
    Word halfDown = ops.lshr(mask, c(1)); // 2^(d-1) - 1
    switch (mode.kind) {
    case Kind::TowardZero:
      return c(0);
    case Kind::Away:
      return mask;
    case Kind::Up:
      return ops.bitAnd(mask, ops.bitXor(negativeSpread(), c(~uint64_t(0))));
    case Kind::Down:
      return ops.bitAnd(mask, negativeSpread());
    case Kind::NearestEven:
      return ops.add(halfDown, lastKeptBit(value, discard, mask));
    case Kind::NearestAway:
      return ops.sub(mask, halfDown);
    case Kind::NearestToZero:
      return halfDown;
    case Kind::ToOdd: // away from an even code
      return ops.bitAnd(mask, ops.sub(lastKeptBit(value, discard, mask), c(1)));
    case Kind::Stochastic:
      if (facts.mayKeepAll)
        return ops.lshr(ops.lshr(topRandom(), c(1)),
                        ops.sub(c(W() - 1), discard));
      return ops.lshr(topRandom(), ops.sub(c(W()), discard));
    case Kind::StochasticEqual:
      return ops.bitAnd(mask, randomSpread());
    }
    return c(0);
  }

  Word roundAt(Word value, Word discard) {
    Word keep = ops.shl(c(~uint64_t(0)), discard);
    if (is(Kind::TowardZero))
      return ops.bitAnd(value, keep);
    Word mask = ops.bitXor(keep, c(~uint64_t(0)));
    if (is(Kind::ToOdd) && hasOwnParity()) { // a carry where bits are lost
      Word carry = ops.add(ops.bitAnd(value, mask), mask);
      return ops.bitAnd(ops.bitOr(value, carry), keep);
    }
    return ops.bitAnd(ops.add(value, addend(value, discard, mask)), keep);
  }

  // --- below the quantum: zero or the quantum

  Word tiny(Word exponent) {
    Word zero = c(0), quantum = p.tinyLimit;
    auto halfQuantum = [&] { return ops.sub(quantum, c(uint64_t(1) << F())); };
    Word unlessZero = quantum;
    if (!is(Kind::TowardZero))
      unlessZero = ops.select(ops.equal(magnitude, zero), zero, quantum);
    switch (mode.kind) {
    case Kind::TowardZero:
      return zero;
    case Kind::NearestEven: // the code of zero is even
    case Kind::NearestToZero:
      return ops.select(ops.less(halfQuantum(), magnitude), quantum, zero);
    case Kind::NearestAway:
      return ops.select(ops.less(magnitude, halfQuantum()), zero, quantum);
    case Kind::Away:
    case Kind::ToOdd: // the code of the quantum is odd
      return unlessZero;
    case Kind::Up:
      return ops.bitAnd(unlessZero,
                        ops.bitXor(negativeSpread(), c(~uint64_t(0))));
    case Kind::Down:
      return ops.bitAnd(unlessZero, negativeSpread());
    case Kind::StochasticEqual:
      return ops.bitAnd(unlessZero, randomSpread());
    case Kind::Stochastic:
      if constexpr (CarrierOps<Ops>)
        if (facts.hasExactThresholds && mode.randomBits < F())
          return ops.select(ops.less(magnitude, tinyThreshold()), zero,
                            quantum);
      return ops.select(tinyCarry(exponent), quantum, zero);
    }
    return zero;
  }

  /// The least magnitude whose place plus the random word carries: what the
  /// word lacks to 1, times the quantum. A word at the top of a fraction is the
  /// quantum's number 1 + word; all words have at most F bits.
  Word tinyThreshold()
    requires CarrierOps<Ops>
  {
    Word above = ops.bitOr(p.tinyLimit, ops.lshr(topRandom(), c(W() - F())));
    return ops.carrierSub(ops.add(p.tinyLimit, c(uint64_t(1) << F())), above);
  }

  /// The value in units of the quantum is a fraction P of W bits; the random
  /// word is added and the carry decides. P's own truncation cannot change the
  /// carry as long as the addend is a whole number, that is for r < W; for
  /// r = W the half is added to P instead (S-CENTRE).
  Bit tinyCarry(Word exponent) {
    Word implied = ops.shl(ops.minimum(exponent, c(1)), c(F()));
    // The significand at the top of a word; the exponent is shifted out.
    Word top = ops.shl(ops.bitOr(magnitude, implied), c(W() - 1 - F()));
    Word shift =
        ops.sub(ops.sub(p.leastQuantum, c(1)), ops.maximum(exponent, c(1)));
    auto down = [&](Word value, Word amount) { // amount up to 2 W - 2
      Word first = ops.minimum(amount, c(W() - 1));
      Word second = ops.minimum(ops.sub(amount, first), c(W() - 1));
      return ops.lshr(ops.lshr(value, first), second);
    };
    Word position = down(top, shift);
    if (mode.randomBits == W()) {
      Word above = ops.sub(ops.maximum(shift, c(1)), c(1));
      Word centred = ops.lshr(ops.add(down(top, above), c(1)), c(1));
      centred = ops.select(ops.equal(shift, c(0)), top, centred);
      position = whereWhole(centred, position);
    }
    return ops.less(ops.add(position, topRandom()), position);
  }

  Word roundMagnitude() {
    if (!facts.isGradual)
      return roundAt(magnitude, p.discard);
    Word exponent = ops.lshr(magnitude, c(F()));
    Word effective =
        ops.minimum(ops.maximum(exponent, p.leastQuantum), p.leastNormal);
    Word rounded = roundAt(magnitude, ops.sub(p.discardOffset, effective));
    if (!facts.hasTiny)
      return rounded;
    return ops.select(ops.less(magnitude, p.tinyLimit), tiny(exponent),
                      rounded);
  }

  // --- signs, overflow, NaN

  Word withSign(Word rounded) { // R-ZERO
    Word signOf = sign;
    if (!facts.format.hasNegativeZero)
      signOf = ops.select(ops.equal(rounded, c(0)), c(0), sign);
    return ops.bitOr(rounded, signOf);
  }

  /// The greatest magnitude on the value's side of zero.
  Word limit() {
    return facts.isAsymmetric ? ops.select(isNegative(), p.lowest, p.largest)
                              : p.largest;
  }

  /// The same with the value's sign.
  Word signedLimit() {
    return facts.isAsymmetric ? withSign(limit()) : ops.bitOr(sign, p.largest);
  }

  /// R-INFINITY: what infinity becomes in this format.
  Word signedInfinity() {
    const Format &format = facts.format;
    if (format.overflow != Format::Overflow::Ieee ||
        (format.infinities == Format::Infinities::No &&
         format.nans == Format::NaNs::No))
      return signedLimit();
    if (format.infinities == Format::Infinities::No)
      return c(quietNaN());
    Word infinite = ops.bitOr(sign, c(infinity()));
    return format.isSigned ? infinite
                           : ops.select(isNegative(), c(quietNaN()), infinite);
  }

  /// R-OVERFLOW of what does not saturate by itself. The rounded magnitude of
  /// an infinity is the infinity itself.
  Word withOverflow(Word rounded, Word result) {
    const Format &format = facts.format;
    bool saturates = is(Kind::TowardZero) || is(Kind::ToOdd);
    bool directed = is(Kind::Up) || is(Kind::Down);
    Word infinite = signedInfinity();
    Word beyond = infinite;
    if (saturates || directed) {
      Word largest = signedLimit();
      beyond = largest;
      if (!saturates)
        beyond = is(Kind::Up) ? ops.select(isNegative(), largest, infinite)
                              : ops.select(isNegative(), infinite, largest);
      if (is(Kind::TowardZero)) {
        if (format.infinities == Format::Infinities::No)
          infinite = largest;
        else if (!format.isSigned)
          infinite = ops.select(isNegative(), largest, infinite);
      }
      beyond =
          ops.select(ops.equal(magnitude, c(infinity())), infinite, beyond);
    }
    return ops.select(ops.less(limit(), rounded), beyond, result);
  }

  /// R-NAN: every NaN becomes the carrier's positive quiet NaN.
  Word withNaN(Word result) {
    if (leavesNaN || facts.isScaled)
      return result;
    Word nan = facts.format.nans == Format::NaNs::Yes ? c(quietNaN()) : c(0);
    return ops.select(ops.less(c(infinity()), magnitude), nan, result);
  }

  Ops &ops;
  const RoundParameters<Word> &p;
  const RoundFacts &facts;
  RoundingMode mode;
  bool leavesNaN;
  Word bits, magnitude, random;
  Word sign = bits;
  /// The last bit of the code, where the magnitude's own bits do not have it.
  std::optional<Word> lastBit;
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDINGCORE_H
