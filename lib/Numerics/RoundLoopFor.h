// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays for one instruction set: roundWord on lanes.
//
// A loop is instantiated for each shape of formula. In the two that most
// formats take, mode and shape are constants, so that what the algorithm asks
// of them costs nothing.
#ifndef PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
#define PREC_LIB_NUMERICS_ROUNDLOOPFOR_H

#include "prec/Numerics/RoundLoop.h"
#include "prec/Numerics/Word.h"

#include <bit>
#include <cstring>

// The core's steps must not remain calls: clang's `flatten` reaches the first
// of them only, g++'s all.
#ifdef __clang__
#pragma clang attribute push(__attribute__((always_inline)),                   \
                             apply_to = function)
#endif
#include "Lanes.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/RoundingCore.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#include "prec/Numerics/Rounding.h"

namespace mlir::prec {

enum class LoopShape : uint8_t {
  Short,   ///< the carrier's exponent and infinity: add and mask
  Gradual, ///< subnormals, values below the quantum, a largest number
  Core,    ///< any other float, and whole numbers times a power of two
  Family   ///< what only roundWord can do
};

inline LoopShape loopShape(const RoundFacts &facts) {
  const Format &format = facts.format;
  const bool isCore =
      format.isGrid()
          ? facts.hasPlainScale && format.overflow != Format::Overflow::Wrap
          : format.family != Format::Family::Posit &&
                format.family != Format::Family::Sign &&
                format.family != Format::Family::Exponent;
  if (!isCore)
    return LoopShape::Family;
  if (facts.isIdentity || facts.hasOddBias || facts.hasRuntimeParity ||
      facts.isAsymmetric || facts.mayKeepAll || facts.fractionBits <= 0 ||
      !format.isSigned || format.subnormals != Format::Subnormals::Kept)
    return LoopShape::Core;
  if (facts.isGradual && facts.hasTiny && facts.isBounded)
    return LoopShape::Gradual;
  if (!facts.isGradual && !facts.isBounded && format.hasNegativeZero)
    return LoopShape::Short;
  return LoopShape::Core;
}

/// Says again, as constants, what loopShape has found.
template <LoopShape shape> void fixFacts(RoundFacts &facts) {
  if (shape > LoopShape::Gradual)
    return;
  facts.isIdentity = facts.hasOddBias = facts.hasRuntimeParity =
      facts.isAsymmetric = facts.mayKeepAll = false;
  facts.isGradual = facts.hasTiny = facts.isBounded =
      shape == LoopShape::Gradual;
  facts.format.isSigned = true;
  facts.isFlushed = false;
  if (shape == LoopShape::Short)
    facts.format.hasNegativeZero = true;
}

/// The loops of one target and carrier.
template <class T, class Target> class RoundLoopFor {
  template <class, class> friend class RoundLoopFor;
  using Scalar = typename RoundCall<T>::Word;
  using Ops = LaneOps<Scalar, Target>;
  using Word = typename Ops::Word;
  using RandomTarget =
      std::conditional_t<sizeof(T) == 4, Target, HalfTarget<Target>>;
  using RandomOps = LaneOps<uint32_t, RandomTarget>;
  /// A block of 16 f32 fills a register.
  using BlockTarget =
      std::conditional_t<(Target::bytes > 64), HalfTarget<Target>, Target>;
  using Kind = RoundingMode::Kind;

public:
  static void run(const RoundCall<T> &call) {
    // The position's high word is the same for all elements of a part; if it
    // changes, a part is within a block.
    auto untilBorder = [](uint64_t position) {
      return (position | 0xffffffff) - position + 1;
    };
    const bool splitsBlocks =
        call.scales && untilBorder(call.firstPosition) < call.size;
    RoundCall<T> part = call;
    for (size_t done = 0; done < call.size; done += part.size) {
      part.in = call.in + done;
      part.out = call.out + done;
      part.firstPosition = call.firstPosition + done;
      part.size = size_t(std::min<uint64_t>(call.size - done,
                                            untilBorder(part.firstPosition)));
      if (splitsBlocks) {
        part.scales = call.scales + done / call.block;
        part.size = std::min(part.size, call.block - done % call.block);
      }
      choose(part);
    }
  }

  static void maxima(std::span<const T> in, size_t block, T *to) {
    for (size_t at = 0; at < in.size(); at += block)
      greatest(in.data() + at, std::min(block, in.size() - at), to++);
  }

private:
  /// Magnitudes compare as their bits do.
  static void greatest(const T *in, size_t size, T *to) {
    using Some = LaneOps<Scalar, BlockTarget>;
    constexpr Scalar magnitude = ~Scalar(0) >> 1;
    Some ops;
    const auto mask = ops.constant(magnitude);
    auto most = ops.constant(0);
    size_t i = 0;
    for (; i + Some::lanes <= size; i += Some::lanes)
      most = ops.maximum(most, ops.bitAnd(Some::load(in + i), mask));
    Scalar lanes[Some::lanes], rest;
    Some::store(lanes, most);
    for (unsigned half = Some::lanes / 2; half; half /= 2)
      for (unsigned j = 0; j < half; ++j)
        lanes[j] = std::max(lanes[j], lanes[j + half]);
    for (; i < size; ++i) {
      std::memcpy(&rest, in + i, sizeof(T));
      lanes[0] = std::max(lanes[0], rest & magnitude);
    }
    std::memcpy(to, lanes, sizeof(T));
  }

  static void choose(const RoundCall<T> &call) {
    const LoopShape shape = loopShape(call.parameters.facts);
    if (call.scales) {
      using Blocks = RoundLoopFor<T, BlockTarget>;
      if (shape == LoopShape::Gradual)
        return Blocks::template chooseKind<LoopShape::Gradual, true>(call);
      return Blocks::template loop<LoopShape::Family, true>(call, call.mode);
    }
    switch (shape) {
    case LoopShape::Short:
      return chooseKind<LoopShape::Short>(call);
    case LoopShape::Gradual:
      return chooseKind<LoopShape::Gradual>(call);
    case LoopShape::Core:
      return loop<LoopShape::Core>(call, call.mode);
    case LoopShape::Family:
      return loop<LoopShape::Family>(call, call.mode);
    }
  }

  template <LoopShape shape, bool isScaled = false>
  static void chooseKind(const RoundCall<T> &call) {
    switch (call.mode.kind) {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text)                       \
  case Kind::kind:                                                             \
    return loopOfKind<shape, isScaled, Kind::kind>(call);
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
    }
  }
  template <LoopShape shape, bool isScaled, Kind kind>
  [[gnu::flatten]] static void loopOfKind(const RoundCall<T> &call) {
    loop<shape, isScaled>(call, RoundingMode(kind, call.mode.randomBits));
  }

  static Word randomWords(uint64_t key, uint64_t position) {
    RandomOps ops;
    MachineOps<uint32_t> scalar;
    uint32_t high =
        joinPosition(scalar, uint32_t(key >> 32), uint32_t(position >> 32));
    auto words = h32(ops, ops.constant(uint32_t(key)), ops.constant(high),
                     RandomOps::count(uint32_t(position)));
    if constexpr (sizeof(T) == 4) {
      return words;
    } else {
      return Word{__builtin_convertvector(words.v, typename Ops::Vector)};
    }
  }

  /// A call: all families in one loop would be long.
  [[gnu::noinline]] static Word roundFamily(const Word &bits,
                                            const RoundParameters<Word> &p,
                                            RoundingMode mode,
                                            const Word &random) {
    Ops ops;
    return roundWord(ops, bits, p, mode, random);
  }

  /// x / scale, which does not become zero by underflow where a mode looks for
  /// that: what is far below the quantum is zero to the others.
  static Word dividedBy(const Word &x, const Word &scale, RoundingMode mode) {
    Ops ops;
    auto c = [&](uint64_t value) { return ops.constant(value); };
    constexpr CarrierLayout carrier =
        layoutOf(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
    const Word one = c(uint64_t(carrier.bias()) << carrier.fractionBits);
    Word inverse = ops.sub(ops.add(one, one), scale);
    Word quotient = ops.carrierMul(x, inverse);
    const bool seesZero = mode.kind == Kind::Up || mode.kind == Kind::Down ||
                          mode.kind == Kind::Away || mode.kind == Kind::ToOdd ||
                          mode.kind == Kind::StochasticEqual;
    if (!seesZero)
      return quotient;
    const Word magnitude = c((uint64_t(1) << (carrier.width - 1)) - 1);
    Word least = ops.minimum(ops.bitAnd(x, magnitude), c(1));
    auto isZero = ops.equal(ops.bitAnd(quotient, magnitude), c(0));
    return ops.bitOr(quotient, ops.select(isZero, least, c(0)));
  }

  template <LoopShape shape, bool isScaled = false>
  [[gnu::flatten]] static void loop(const RoundCall<T> &call,
                                    RoundingMode mode) {
    Ops ops;
    const RoundParameters<Scalar> &given = call.parameters;
    auto c = [&](Scalar value) { return ops.constant(value); };
    RoundParameters<Word> p = {
        given.facts,           c(given.discard),       c(given.leastNormal),
        c(given.leastQuantum), c(given.discardOffset), c(given.tinyLimit),
        c(given.impliedBit),   c(given.largest),       c(given.lowest),
        c(given.least),        c(given.randomMask),    c(given.randomHalf),
        c(given.randomShift),  c(given.step),          c(given.above),
        c(given.below),        c(given.wrapExponent),  c(given.bits),
        c(given.exponentBits), c(given.parity)};
    fixFacts<shape>(p.facts);
    auto step = [&](const T *in, T *out, const Word &scale,
                    uint64_t position) __attribute__((always_inline)) {
      Word random = c(0);
      if (mode.isStochastic())
        random = randomWords(call.key, position);
      Word bits = Ops::load(in);
      if constexpr (isScaled)
        bits = dividedBy(bits, scale, mode);
      if constexpr (shape <= LoopShape::Core) // what roundWord would find
        bits = Rounding<Ops>(ops, bits, p, mode, random).run();
      else
        bits = roundFamily(bits, p, mode, random);
      if constexpr (isScaled)
        bits = ops.carrierMul(bits, scale);
      Ops::store(out, bits);
    };
    auto part = [&](size_t i, size_t end,
                    const Word &scale) __attribute__((always_inline)) {
      for (; i + Ops::lanes <= end; i += Ops::lanes)
        step(call.in + i, call.out + i, scale, call.firstPosition + i);
      if (size_t rest = end - i) {
        T padded[Ops::lanes] = {};
        std::memcpy(padded, call.in + i, rest * sizeof(T));
        step(padded, padded, scale, call.firstPosition + i);
        std::memcpy(call.out + i, padded, rest * sizeof(T));
      }
    };
    if constexpr (isScaled)
      for (size_t i = 0, b = 0; i < call.size; i += call.block, ++b)
        part(i, std::min(call.size, i + call.block),
             Ops::splat(call.scales + b));
    else
      part(0, call.size, c(0));
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
