// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays for one instruction set: roundWord on lanes.
//
// A loop is instantiated for each shape of formula. In those that most formats
// take, mode and shape are constants, so that what the algorithm asks of them
// costs nothing.
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
#include "prec/Numerics/Rounding.h"
#include "prec/Numerics/Shifter.h"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace mlir::prec {

enum class LoopShape : uint8_t {
  Short,   ///< the carrier's exponent and infinity: add and mask
  Gradual, ///< subnormals, values below the quantum, a largest number
  Core,    ///< any other float, and whole numbers times a power of two
  Shifted, ///< to nearest-even what roundByShifter knows of these
  ShiftedGrid,
  Steps,   ///< few whole numbers times a step that is no power of two
  Wrapped, ///< times a power of two, modulo
  Posit,
  Family ///< what only roundWord can do
};

inline LoopShape loopShape(const RoundFacts &facts) {
  const Format &format = facts.format;
  const bool isCore =
      format.isGrid()
          ? facts.hasPlainScale && format.overflow != Format::Overflow::Wrap
          : format.family != Format::Family::Posit &&
                format.family != Format::Family::Sign &&
                format.family != Format::Family::Exponent;
  const bool isKnown = !format.isRuntime() && format.isSigned;
  if (isKnown && format.family == Format::Family::Posit)
    return LoopShape::Posit;
  if (isKnown && facts.hasFewCodes && !facts.hasPowerStep &&
      format.overflow == Format::Overflow::Saturate)
    return LoopShape::Steps;
  if (isKnown && format.isGrid() && facts.hasPlainScale && !isCore)
    return LoopShape::Wrapped;
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

/// What elements are divided by before and multiplied by after.
enum class Scaling : uint8_t { None, Powers, Numbers };

/// Says again, as constants, what loopShape has found.
template <LoopShape shape> void fixFacts(RoundFacts &facts) {
  Format &format = facts.format;
  if (shape == LoopShape::Posit) {
    format = Format::posit(8, 1);
  } else if (shape == LoopShape::Wrapped) {
    format = Format::integer(8, true);
    format.overflow = Format::Overflow::Wrap;
    facts.hasPlainScale = true;
  } else if (shape == LoopShape::Steps) {
    const Format given = format;
    format = Format::integer(8, true);
    format.low = given.low;
    format.high = given.high;
    format.zeroPoint = given.zeroPoint;
    facts.hasPlainScale = facts.hasPowerStep = false;
    facts.hasFewCodes = true;
    facts.isAsymmetric = true; // gives the same
  } else if (shape == LoopShape::Shifted) {
    format.family = Format::Family::Float;
  } else if (shape == LoopShape::ShiftedGrid) {
    format.family = Format::Family::Integer;
    format.overflow = Format::Overflow::Saturate;
  }
  if (shape > LoopShape::Gradual)
    return;
  facts.isIdentity = facts.hasOddBias = facts.hasRuntimeParity =
      facts.isAsymmetric = facts.mayKeepAll = false;
  facts.isGradual = facts.hasTiny = facts.isBounded =
      shape == LoopShape::Gradual;
  format.isSigned = true;
  facts.isFlushed = false;
  if (shape == LoopShape::Short)
    format.hasNegativeZero = true;
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
  static constexpr CarrierLayout carrier =
      layoutOf(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);

  static constexpr Scalar magnitude = ~Scalar(0) >> 1;

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
  /// The greatest lane: of both halves, until they have four lanes or fewer.
  template <class Some, class Half>
  static Scalar greatestLane(const typename Some::Word &word) {
    if constexpr (sizeof(word) <= 16) {
      Scalar most = word.v[0];
      for (unsigned i = 1; i < Some::lanes; ++i)
        most = std::max(most, Scalar(word.v[i]));
      return most;
    } else {
      using HalfOps = LaneOps<Scalar, Half>;
      typename HalfOps::Word halves[2];
      std::memcpy(halves, &word, sizeof(halves));
      return greatestLane<HalfOps, HalfTarget<Half>>(
          HalfOps().maximum(halves[0], halves[1]));
    }
  }
  /// Magnitudes compare as their bits do.
  static void greatest(const T *in, size_t size, T *to) {
    using Some = LaneOps<Scalar, BlockTarget>;
    Some ops;
    const auto mask = ops.constant(magnitude);
    auto most = ops.constant(0);
    size_t i = 0;
    for (; i + Some::lanes <= size; i += Some::lanes)
      most = ops.maximum(most, ops.bitAnd(Some::load(in + i), mask));
    Scalar result = greatestLane<Some, HalfTarget<BlockTarget>>(most), rest;
    for (; i < size; ++i) {
      std::memcpy(&rest, in + i, sizeof(T));
      result = std::max(result, rest & magnitude);
    }
    std::memcpy(to, &result, sizeof(T));
  }

  static void choose(const RoundCall<T> &call) {
    if (!call.scales)
      return chooseShape<Scaling::None>(call);
    using Blocks = RoundLoopFor<T, BlockTarget>;
    if (call.scalesArePowers)
      return Blocks::template chooseShape<Scaling::Powers>(call);
    Blocks::template chooseShape<Scaling::Numbers>(call);
  }

  template <Scaling scaling> static void chooseShape(const RoundCall<T> &call) {
    constexpr Kind even = Kind::NearestEven;
    const RoundFacts &facts = call.parameters.facts;
    if (call.mode.kind == even && !facts.format.isRuntime() &&
        hasShifter(facts))
      return facts.format.isGrid()
                 ? loopOfKind<LoopShape::ShiftedGrid, scaling, even>(call)
                 : loopOfKind<LoopShape::Shifted, scaling, even>(call);
    switch (loopShape(facts)) {
    case LoopShape::Short:
      if constexpr (scaling == Scaling::None)
        return chooseKind<LoopShape::Short, scaling>(call);
      return loop<LoopShape::Core, scaling>(call, call.mode);
    case LoopShape::Gradual:
      if constexpr (scaling != Scaling::Numbers)
        return chooseKind<LoopShape::Gradual, scaling>(call);
      return loop<LoopShape::Core, scaling>(call, call.mode);
    case LoopShape::Steps:
      return nearestOr<LoopShape::Steps, scaling>(call);
    case LoopShape::Wrapped:
      return nearestOr<LoopShape::Wrapped, scaling>(call);
    case LoopShape::Posit:
      return nearestOr<LoopShape::Posit, scaling>(call);
    case LoopShape::Family:
      return loop<LoopShape::Family, scaling>(call, call.mode);
    default:
      return loop<LoopShape::Core, scaling>(call, call.mode);
    }
  }

  template <LoopShape shape, Scaling scaling>
  static void chooseKind(const RoundCall<T> &call) {
    switch (call.mode.kind) {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text)                       \
  case Kind::kind:                                                             \
    return loopOfKind<shape, scaling, Kind::kind>(call);
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
    }
  }
  /// Other modes take the function that knows all families.
  template <LoopShape shape, Scaling scaling>
  static void nearestOr(const RoundCall<T> &call) {
    if (call.mode.kind == Kind::NearestEven)
      return loopOfKind<shape, scaling, Kind::NearestEven>(call);
    loop<LoopShape::Family, scaling>(call, call.mode);
  }
  template <LoopShape shape, Scaling scaling, Kind kind>
  [[gnu::flatten]] static void loopOfKind(const RoundCall<T> &call) {
    if (kind == Kind::Stochastic &&
        call.mode.randomBits == RoundingMode::defaultRandomBits)
      return loop<shape, scaling>(call, RoundingMode(kind));
    loop<shape, scaling>(call, RoundingMode(kind, call.mode.randomBits));
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
    const Word one = c(uint64_t(carrier.bias()) << carrier.fractionBits);
    Word inverse = ops.sub(ops.add(one, one), scale);
    Word quotient = ops.carrierMul(x, inverse);
    const bool seesZero = mode.kind == Kind::Up || mode.kind == Kind::Down ||
                          mode.kind == Kind::Away || mode.kind == Kind::ToOdd ||
                          mode.kind == Kind::StochasticEqual;
    if (!seesZero)
      return quotient;
    Word least = ops.minimum(ops.bitAnd(x, c(magnitude)), c(1));
    auto isZero = ops.equal(ops.bitAnd(quotient, c(magnitude)), c(0));
    return ops.bitOr(quotient, ops.select(isZero, least, c(0)));
  }

  template <LoopShape shape, Scaling scaling>
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
    p.facts.carrier = carrier;
    fixFacts<shape>(p.facts);
    auto step = [&](const T *in, T *out, const Word &scale,
                    uint64_t position) __attribute__((always_inline)) {
      Word random = c(0);
      if (mode.isStochastic())
        random = randomWords(call.key, position);
      Word bits = Ops::load(in);
      const Word given = bits;
      if constexpr (scaling == Scaling::Powers)
        bits = dividedBy(bits, scale, mode);
      if constexpr (scaling == Scaling::Numbers)
        bits = ops.carrierDiv(bits, scale);
      if constexpr (shape == LoopShape::Shifted ||
                    shape == LoopShape::ShiftedGrid)
        bits = roundExactlyByShifter(ops, bits, p);
      else if constexpr (shape <= LoopShape::Core) // what roundWord would find
        bits = Rounding<Ops>(ops, bits, p, mode, random).run();
      else if constexpr (shape != LoopShape::Family)
        bits = roundWord(ops, bits, p, mode, random);
      else
        bits = roundFamily(bits, p, mode, random);
      if constexpr (scaling == Scaling::Numbers) // 0 / 0 has a sign, too
        bits = ops.bitOr(ops.bitAnd(bits, c(magnitude)),
                         ops.bitAnd(given, c(~magnitude)));
      if constexpr (scaling != Scaling::None)
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
    if constexpr (scaling != Scaling::None)
      for (size_t i = 0, b = 0; i < call.size; i += call.block, ++b)
        part(i, std::min(call.size, i + call.block),
             Ops::splat(call.scales + b));
    else
      part(0, call.size, c(0));
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
