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
  using Scalar = typename RoundCall<T>::Word;
  using Ops = LaneOps<Scalar, Target>;
  using Word = typename Ops::Word;
  using RandomTarget =
      std::conditional_t<sizeof(T) == 4, Target, HalfTarget<Target>>;
  using RandomOps = LaneOps<uint32_t, RandomTarget>;
  using Kind = RoundingMode::Kind;

public:
  static void run(const RoundCall<T> &call) {
    // The position's high word is the same for all elements of a part.
    RoundCall<T> part = call;
    for (size_t done = 0; done < call.size; done += part.size) {
      part.in = call.in + done;
      part.out = call.out + done;
      part.shifts = call.shifts ? call.shifts + done : nullptr;
      part.firstPosition = call.firstPosition + done;
      uint64_t border = (part.firstPosition | 0xffffffff) - part.firstPosition;
      part.size = size_t(std::min<uint64_t>(call.size - done - 1, border) + 1);
      choose(part);
    }
  }

private:
  static void choose(const RoundCall<T> &call) {
    if (call.shifts)
      return loop<LoopShape::Core, true>(call, call.mode);
    switch (loopShape(call.parameters.facts)) {
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

  template <LoopShape shape> static void chooseKind(const RoundCall<T> &call) {
    switch (call.mode.kind) {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text)                       \
  case Kind::kind:                                                             \
    return loopOfKind<shape, Kind::kind>(call);
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
    }
  }
  template <LoopShape shape, Kind kind>
  [[gnu::flatten]] static void loopOfKind(const RoundCall<T> &call) {
    loop<shape>(call, RoundingMode(kind, call.mode.randomBits));
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

  static Word shiftWords(const int32_t *from) {
    auto words = RandomOps::load(from);
    if constexpr (sizeof(T) == 4)
      return words;
    else // modulo arithmetic: the sign goes into the high half
      return Word{
          __builtin_convertvector(words.v ^ 0x80000000, typename Ops::Vector) -
          0x80000000};
  }

  template <LoopShape shape, bool isShifted = false>
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
        c(given.step),         c(given.above),         c(given.below),
        c(given.bits),         c(given.exponentBits),  c(given.parity)};
    fixFacts<shape>(p.facts);
    auto step = [&](const T *in, T *out, const int32_t *shifts,
                    uint64_t position) {
      Word random = c(0);
      if (mode.isStochastic())
        random = randomWords(call.key, position);
      Word bits = Ops::load(in);
      if constexpr (isShifted) {
        auto moved = shiftedParameters(ops, p, shiftWords(shifts));
        Ops::store(out, Rounding<Ops>(ops, bits, moved, mode, random).run());
        return;
      }
      if constexpr (shape <= LoopShape::Core) // what roundWord would find
        Ops::store(out, Rounding<Ops>(ops, bits, p, mode, random).run());
      else
        Ops::store(out, roundFamily(bits, p, mode, random));
    };
    size_t i = 0;
    for (; i + Ops::lanes <= call.size; i += Ops::lanes)
      step(call.in + i, call.out + i, call.shifts ? call.shifts + i : nullptr,
           call.firstPosition + i);
    if (size_t rest = call.size - i) {
      T padded[Ops::lanes] = {};
      int32_t shifts[Ops::lanes] = {};
      std::memcpy(padded, call.in + i, rest * sizeof(T));
      if (call.shifts)
        std::memcpy(shifts, call.shifts + i, rest * sizeof(int32_t));
      step(padded, padded, shifts, call.firstPosition + i);
      std::memcpy(call.out + i, padded, rest * sizeof(T));
    }
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
