// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Words of formats whose numbers are known at run time only: fixed point,
// powers of two, scales and zero points of integers, posits. Those of floats
// are in RoundParameters.h.
#ifndef PREC_NUMERICS_RUNTIMEPARAMETERS_H
#define PREC_NUMERICS_RUNTIMEPARAMETERS_H

#include "prec/Numerics/RoundFacts.h"

#include <bit>
#include <span>

namespace mlir::prec {

/// A run-time number of 32 bits in two's complement, no less than `low` and no
/// greater than `high`, modulo 2^width.
template <WordOps Ops>
typename Ops::Word clampedNumber(Ops &ops, typename Ops::Word number,
                                 int64_t low, int64_t high) {
  const int64_t zero = int64_t(1) << 31;
  auto counted = ops.bitXor(number, ops.constant(uint64_t(zero)));
  counted =
      ops.minimum(ops.maximum(counted, ops.constant(uint64_t(zero + low))),
                  ops.constant(uint64_t(zero + high)));
  return ops.sub(counted, ops.constant(uint64_t(zero)));
}

/// The carrier's number nearest to the scale that two words are, the high and
/// the low one of a positive f64; as a scale is limited, see whyNotIn.
template <WordOps Ops>
typename Ops::Word scaleOfWords(Ops &ops, CarrierLayout carrier,
                                typename Ops::Word high,
                                typename Ops::Word low) {
  auto c = [&](uint64_t value) { return ops.constant(value); };
  const uint64_t bias = 1023, room = carrier.bias() - 60;
  auto least = c((bias - room) << 20), most = c((bias + room) << 20 | 0xfffff);
  low = ops.select(ops.less(high, least), c(0), low);
  low = ops.select(ops.less(most, high), c(0xffffffff), low);
  high = ops.minimum(ops.maximum(high, least), most);
  if (carrier.width == 64)
    return ops.bitOr(ops.shl(high, c(32)), low);
  auto kept = ops.bitOr(ops.shl(ops.sub(high, c((bias - 127) << 20)), c(3)),
                        ops.lshr(low, c(29)));
  auto lost = ops.bitAnd(low, c(0x1fffffff));
  auto up = ops.add(ops.add(lost, c(0x0fffffff)), ops.bitAnd(kept, c(1)));
  return ops.add(kept, ops.lshr(up, c(29)));
}

/// A whole number up to 2^(F+1) as the carrier's.
template <WordOps Ops>
typename Ops::Word numberOfWhole(Ops &ops, CarrierLayout carrier,
                                 typename Ops::Word whole) {
  if constexpr (CarrierOps<Ops>) {
    auto least =
        ops.constant(uint64_t(carrier.bias() + int(carrier.fractionBits))
                     << carrier.fractionBits); // 2^F
    auto below = [&](typename Ops::Word part) {
      return ops.carrierSub(ops.bitOr(least, part), least);
    };
    auto quarter = below(ops.lshr(whole, ops.constant(2)));
    auto half = ops.carrierAdd(quarter, quarter);
    return ops.carrierAdd(ops.carrierAdd(half, half),
                          below(ops.bitAnd(whole, ops.constant(3))));
  }
  return whole;
}

/// The bits of a number of the carrier.
template <WordOps Ops>
typename Ops::Word numberOf(Ops &ops, CarrierLayout carrier, double value) {
  return ops.constant(carrier.width == 32
                          ? std::bit_cast<uint32_t>(static_cast<float>(value))
                          : std::bit_cast<uint64_t>(value));
}

/// 1 / power, of a power of two that is normal, as is the result.
template <WordOps Ops>
typename Ops::Word inverseOfPower(Ops &ops, CarrierLayout carrier,
                                  typename Ops::Word power) {
  auto one = uint64_t(carrier.bias()) << carrier.fractionBits;
  return ops.sub(ops.constant(2 * one), power);
}

/// Fixed point of I integer and L fraction bits, of which one, or both, are
/// known at run time only: in all 3 bits at least, so that a code has a last
/// bit of its own, and as many as the carrier holds at most.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
fixedParameters(Ops &ops, const Format &format, const RoundFacts &facts,
                std::span<const typename Ops::Word> runtime) {
  using Word = typename Ops::Word;
  const int64_t F = facts.carrier.fractionBits, bias = facts.carrier.bias();
  const int64_t sign = format.isSigned, most = F + 1 + sign;
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  Word whole = c(format.exponentBits), fraction = c(format.fractionBits);
  if (format.exponentBits == Format::runtime) {
    whole = clampedNumber(ops, runtime.front(), sign, most);
    runtime = runtime.subspan(1);
  }
  if (format.fractionBits == Format::runtime)
    fraction = clampedNumber(ops, runtime.front(), 0, 53);
  whole = ops.minimum(whole, c(most));
  fraction = ops.minimum(fraction, ops.sub(c(most), whole));
  whole = ops.maximum(whole, ops.sub(c(3), ops.minimum(fraction, c(3))));

  Word kept = ops.sub(ops.add(whole, fraction), c(1 + sign)); // Y
  Word top = ops.add(whole, c(bias - sign)); // of the power beyond the largest
  RoundParameters<Word> p = {facts, top, top, top, top,
                             top,   top, top, top, top};
  p.discard = ops.sub(c(F), kept);
  p.leastNormal = ops.sub(top, c(1));
  p.leastQuantum = ops.sub(c(bias), fraction);
  p.discardOffset = ops.add(p.discard, p.leastNormal);
  p.tinyLimit = ops.shl(p.leastQuantum, c(F));
  p.impliedBit = c(int64_t(1) << F);
  p.least = ops.shl(p.leastNormal, c(F));
  Word beyond = ops.shl(top, c(F));
  p.largest = ops.sub(beyond, ops.shl(c(1), p.discard));
  p.lowest = sign ? beyond : c(0);
  p.wrapExponent = ops.add(top, c(sign));
  return p;
}

/// Powers of two of which the least, the greatest or both exponents are known
/// at run time only.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
powerParameters(Ops &ops, const Format &format, const RoundFacts &facts,
                std::span<const typename Ops::Word> runtime) {
  using Word = typename Ops::Word;
  const int64_t F = facts.carrier.fractionBits, bias = facts.carrier.bias();
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  auto biased = [&](int64_t exponent) {
    if (exponent != Format::runtimeCode)
      return c(bias + exponent);
    Word number = clampedNumber(ops, runtime.front(), 1 - bias, bias);
    runtime = runtime.subspan(1);
    return ops.add(number, c(bias));
  };
  Word least = biased(format.low), greatest = biased(format.high);
  greatest = ops.maximum(greatest, least);
  RoundParameters<Word> p = {facts, least, least, least, least,
                             least, least, least, least, least};
  p.discard = c(F);
  p.discardOffset = ops.add(c(F), least);
  p.least = ops.shl(least, c(F));
  p.tinyLimit = ops.select(ops.less(c(1), least), p.least, c(0));
  p.impliedBit = c(0);
  p.largest = p.lowest = ops.shl(greatest, c(F));
  p.parity = ops.bitAnd(ops.sub(least, c(1)), c(1));
  return p;
}

/// Whole numbers times a scale of which the number of bits is known at run time
/// only: integers, and fixed point that counts all its bits. They are as many
/// as FamilyRounding::scaled() has room for.
template <WordOps Ops>
RoundParameters<typename Ops::Word>
codedParameters(Ops &ops, const Format &format, const RoundFacts &facts,
                std::span<const typename Ops::Word> runtime) {
  using Word = typename Ops::Word;
  const CarrierLayout carrier = facts.carrier;
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  const bool sign = format.isSigned, isFixed = format.countsBits;
  Word bits = clampedNumber(ops, isFixed ? runtime[1] : runtime[0],
                            isFixed ? 3 : 1 + format.isBalanced,
                            format.mostRuntimeBits(carrier));
  auto powerOfTwo = [&](Word exponent) {
    return ops.shl(ops.add(exponent, c(carrier.bias())),
                   c(carrier.fractionBits));
  };
  Word zero = c(0);
  RoundParameters<Word> p = {facts, zero, zero, zero, zero,
                             zero,  zero, zero, zero, zero};
  p.step = numberOf(ops, carrier, format.scale);
  if (isFixed)
    p.step = powerOfTwo(ops.sub(clampedNumber(ops, runtime[0], -61, 61), bits));
  runtime = runtime.subspan(1 + isFixed);
  if (!isFixed && format.fractionBits == Format::runtime) {
    p.step = powerOfTwo(clampedNumber(ops, runtime.front(), -61, 61));
    runtime = runtime.subspan(1);
  } else if (format.hasRuntimeScale()) {
    p.step = scaleOfWords(ops, carrier, runtime[0], runtime[1]);
    runtime = runtime.subspan(2);
  }
  // Codes, counted from a place below all of them.
  const int64_t origin = int64_t(1) << (isFixed ? carrier.width - 2 : 31);
  Word top = ops.shl(c(1), ops.sub(bits, c(sign)));
  Word most = ops.add(c(origin - 1), top);
  Word least = sign ? ops.sub(c(origin + format.isBalanced), top) : c(origin);
  Word middle = c(origin + format.zeroPoint);
  if (format.zeroPoint == Format::runtimeCode)
    middle = ops.bitXor(runtime.front(), c(origin));
  middle = ops.minimum(ops.maximum(middle, least), most);
  p.above = numberOfWhole(ops, carrier, ops.sub(most, middle));
  p.below = numberOfWhole(ops, carrier, ops.sub(middle, least));
  if constexpr (CarrierOps<Ops>) {
    p.leastQuantum = ops.lshr(p.step, c(carrier.fractionBits));
    p.wrapExponent = ops.add(p.leastQuantum, bits);
    p.largest = ops.carrierMul(p.above, p.step);
    p.lowest = ops.carrierMul(p.below, p.step);
  }
  return p;
}

/// Exponent and fraction bits of IEEE P3109's floats, and whether the codes of
/// odd biased exponents are even where there is no fraction.
template <class Word> struct P3109Widths {
  Word exponent, fraction, parity;
};

template <WordOps Ops>
P3109Widths<typename Ops::Word>
widthsOfP3109(Ops &ops, const Format &format, CarrierLayout carrier,
              std::span<const typename Ops::Word> runtime) {
  using Word = typename Ops::Word;
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  const int64_t sign = format.isSigned;
  Word width = c(format.high), precision = c(format.fractionBits + 1);
  if (format.high == Format::runtimeCode)
    width = clampedNumber(ops, runtime.front(), 3, 16);
  if (format.fractionBits == Format::runtime)
    precision = clampedNumber(ops, runtime.back(), 1, 16);
  precision = ops.minimum(precision, ops.sub(width, c(sign)));
  Word exponent = ops.add(ops.sub(width, precision), c(1 - sign));
  // The bias is greater than IEEE's.
  exponent = ops.minimum(exponent, c(carrier.exponentBits - 1));
  Word parity = ops.minimum(ops.lshr(exponent, c(1)), c(1));
  parity = ops.select(ops.equal(precision, c(1)), parity, c(0));
  return {exponent, ops.sub(precision, c(1)), parity};
}

/// Scale and zero point of an integer without a plain scale.
template <WordOps Ops>
void setScale(Ops &ops, const Format &format, CarrierLayout carrier,
              std::span<const typename Ops::Word> runtime,
              RoundParameters<typename Ops::Word> &p) {
  p.step = numberOf(ops, carrier, format.scale);
  if (format.hasRuntimeScale()) {
    p.step = scaleOfWords(ops, carrier, runtime[0], runtime[1]);
    runtime = runtime.subspan(2);
  }
  if (format.zeroPoint != Format::runtimeCode) {
    p.above = numberOf(ops, carrier, double(format.high - format.zeroPoint));
    p.below = numberOf(ops, carrier, double(format.zeroPoint - format.low));
    return;
  }
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  auto zero = clampedNumber(ops, runtime.front(), format.low, format.high);
  p.above = numberOfWhole(ops, carrier, ops.sub(c(format.high), zero));
  p.below = numberOfWhole(ops, carrier, ops.sub(zero, c(format.low)));
}

/// Bits and exponent bits of a posit, as many as the carrier holds.
template <WordOps Ops>
void setPosit(Ops &ops, const Format &format, CarrierLayout carrier,
              std::span<const typename Ops::Word> runtime,
              RoundParameters<typename Ops::Word> &p) {
  auto c = [&](int64_t value) { return ops.constant(uint64_t(value)); };
  p.bits = c(format.high);
  p.exponentBits = c(format.exponentBits);
  if (!format.isRuntime())
    return;
  if (format.exponentBits == Format::runtime)
    p.exponentBits = clampedNumber(ops, runtime.back(), 0, 5);
  if (format.high == Format::runtimeCode)
    p.bits = clampedNumber(ops, runtime.front(), 2, 32);
  auto reach = ops.add(c(2), ops.lshr(c(carrier.bias() - 1), p.exponentBits));
  auto held = ops.add(c(carrier.fractionBits + 3), p.exponentBits);
  p.bits = ops.minimum(p.bits, ops.minimum(reach, held));
  auto most = ops.shl(ops.sub(p.bits, c(2)), p.exponentBits);
  p.largest = p.lowest =
      ops.shl(ops.add(c(carrier.bias()), most), c(carrier.fractionBits));
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_RUNTIMEPARAMETERS_H
