// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays for one instruction set: roundWord on lanes.
//
// A loop is instantiated for each shape of formula. In those that most formats
// take, mode and shape are constants, so that what the algorithm asks of them
// costs nothing.
#ifndef PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
#define PREC_LIB_NUMERICS_ROUNDLOOPFOR_H

#include "RoundLoopTargets.h"
#include "prec/Numerics/Word.h"

#include <bit>
#include <cstring>

// The core's steps must not remain calls: clang's `flatten` reaches the first
// of them only, g++'s all. With sanitizers the loops would take gigabytes.
#ifdef __clang__
#if !__has_feature(address_sanitizer)
#pragma clang attribute push(__attribute__((always_inline)),                   \
                             apply_to = function)
#define PREC_ALWAYS_INLINE
#endif
#endif
#include "Lanes.h"
#include "prec/Numerics/GridRounding.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/Rounding.h"
#include "prec/Numerics/Shifter.h"
#ifdef PREC_ALWAYS_INLINE
#pragma clang attribute pop
#endif
#include "BlockScaling.h"

namespace mlir::prec {

enum class LoopShape : uint8_t {
  Short,   ///< the carrier's exponent and infinity: add and mask
  Gradual, ///< subnormals, values below the quantum, a largest number
  Core,    ///< any other float, and whole numbers times a power of two
  Shifted, ///< to nearest-even what roundByShifter knows of these
  ShiftedGrid,
  Grid,    ///< in other modes what GridRounding knows
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
    return facts.hasExactThresholds ? LoopShape::Gradual : LoopShape::Core;
  if (!facts.isGradual && !facts.isBounded && format.hasNegativeZero)
    return LoopShape::Short;
  return LoopShape::Core;
}

/// Says again, as constants, what loopShape has found.
template <LoopShape shape, Scaling scaling> void fixFacts(RoundFacts &facts) {
  Format &format = facts.format;
  facts.isScaled = scaling != Scaling::None;
  if (facts.isScaled)
    format.overflow = Format::Overflow::Saturate;
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
  } else if (shape == LoopShape::ShiftedGrid || shape == LoopShape::Grid) {
    format.family = Format::Family::Integer;
    format.overflow = Format::Overflow::Saturate;
  }
  if (shape > LoopShape::Gradual)
    return;
  facts.isIdentity = facts.hasOddBias = facts.hasRuntimeParity =
      facts.isAsymmetric = facts.mayKeepAll = false;
  facts.isGradual = facts.hasTiny = facts.isBounded = facts.hasExactThresholds =
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
  using Blocks = RoundLoopFor<T, BlockTarget>;
  using Kind = RoundingMode::Kind;
  static constexpr CarrierLayout carrier =
      layoutOf(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);

  static constexpr Scalar magnitude = ~Scalar(0) >> 1;

public:
  static RoundLoops<T> loops() { return {run, runBlocks, greatest, least}; }

private:
  static void run(const RoundCall<T> &call) {
    RoundCall<T> part = call;
    for (size_t done = 0; done < call.size; done += part.size) {
      part.in = call.in + done;
      part.out = call.out + done;
      part.firstPosition = call.firstPosition + done;
      part.size = size_t(std::min<uint64_t>(call.size - done,
                                            untilBorder(part.firstPosition)));
      chooseShape<Scaling::None>(part);
    }
  }

  static size_t runBlocks(const RoundCall<T> &call) {
    RoundCall<T> part = call;
    const uint64_t most = untilBorder(call.firstPosition);
    if (most < call.size)
      part.size = most / call.block * call.block;
    if (call.exponents)
      return call.block % Ops::lanes == 0
                 ? chooseShape<Scaling::Exponents>(part)
                 : Blocks::template chooseShape<Scaling::Exponents>(part);
    return Blocks::template chooseShape<Scaling::TwoLevels>(part);
  }

  static T greatest(std::span<const T> in) {
    return std::bit_cast<T>(
        Magnitudes<T, BlockTarget>::greatest(in.data(), in.size()));
  }

  static T least(std::span<const T> in) {
    return std::bit_cast<T>(
        Magnitudes<T, BlockTarget>::least(in.data(), in.size()));
  }

  /// A part has one high word of positions.
  static uint64_t untilBorder(uint64_t position) {
    return (position | 0xffffffff) - position + 1;
  }

  template <Scaling scaling>
  static size_t chooseShape(const RoundCall<T> &call) {
    constexpr Kind even = Kind::NearestEven;
    const RoundFacts &facts = call.parameters.facts;
    if (call.mode.kind == even && !facts.format.isRuntime() &&
        hasShifter(facts))
      return facts.format.isGrid()
                 ? loopOfKind<LoopShape::ShiftedGrid, scaling, even>(call)
                 : loopOfKind<LoopShape::Shifted, scaling, even>(call);
    const bool isGrid =
        !facts.format.isRuntime() && hasGridRounding(facts, call.mode);
    const LoopShape shape = isGrid ? LoopShape::Grid : loopShape(facts);
    if constexpr (scaling == Scaling::None) {
      switch (shape) {
      case LoopShape::Short:
        return chooseKind<LoopShape::Short, scaling>(call);
      case LoopShape::Gradual:
        return chooseKind<LoopShape::Gradual, scaling>(call);
      case LoopShape::Grid:
        return chooseKind<LoopShape::Grid, scaling>(call);
      case LoopShape::Steps:
        return nearestOr<LoopShape::Steps>(call);
      case LoopShape::Wrapped:
        return nearestOr<LoopShape::Wrapped>(call);
      case LoopShape::Posit:
        return nearestOr<LoopShape::Posit>(call);
      case LoopShape::Family:
        return loop<LoopShape::Family, scaling>(call, call.mode);
      default:
        return loop<LoopShape::Core, scaling>(call, call.mode);
      }
    }
    if (shape == LoopShape::Gradual)
      return commonOr<LoopShape::Gradual, scaling>(call);
    if (shape == LoopShape::Grid)
      return commonOr<LoopShape::Grid, scaling>(call);
    return loop<LoopShape::Core, scaling>(call, call.mode);
  }

  /// Loops of their own for the modes that most ask for.
  template <LoopShape shape, Scaling scaling>
  static size_t commonOr(const RoundCall<T> &call) {
    if (call.mode.kind == Kind::Stochastic)
      return loopOfKind<shape, scaling, Kind::Stochastic>(call);
    if (call.mode.kind == Kind::TowardZero)
      return loopOfKind<shape, scaling, Kind::TowardZero>(call);
    return loop<LoopShape::Core, scaling>(call, call.mode);
  }
  template <LoopShape shape, Scaling scaling>
  static size_t chooseKind(const RoundCall<T> &call) {
    switch (call.mode.kind) {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text)                       \
  case Kind::kind:                                                             \
    return loopOfKind<shape, scaling, Kind::kind>(call);
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
    }
    return 0;
  }
  /// Other modes take the function that knows all families.
  template <LoopShape shape> static size_t nearestOr(const RoundCall<T> &call) {
    constexpr Scaling none = Scaling::None;
    if (call.mode.kind == Kind::NearestEven)
      return loopOfKind<shape, none, Kind::NearestEven>(call);
    return loop<LoopShape::Family, none>(call, call.mode);
  }
  template <LoopShape shape, Scaling scaling, Kind kind>
  [[gnu::flatten]] static size_t loopOfKind(const RoundCall<T> &call) {
    if (kind == Kind::Stochastic &&
        call.mode.randomBits == RoundingMode::defaultRandomBits)
      return loop<shape, scaling>(call, RoundingMode(kind));
    return loop<shape, scaling>(call, RoundingMode(kind, call.mode.randomBits));
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

  /// x / scale of a block with a shared exponent, which does not become zero by
  /// underflow where a mode looks for that: what is far below the quantum is
  /// zero to the others.
  static Word scaledDown(const Word &x, const Word &inverse,
                         RoundingMode mode) {
    Ops ops;
    auto c = [&](uint64_t value) { return ops.constant(value); };
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

  [[gnu::always_inline]] static Word roundGrid(const Word &bits,
                                               const RoundParameters<Word> &p,
                                               RoundingMode mode,
                                               const Word &random) {
    Ops ops;
    if constexpr (ConversionOps<Ops>)
      return GridRounding<Ops>(ops, bits, p, mode, random).run();
    return bits; // hasGridRounding
  }

  struct Scale {
    Word number, inverse;
  };

  template <LoopShape shape, Scaling scaling>
  [[gnu::flatten]] static size_t loop(const RoundCall<T> &call,
                                      RoundingMode mode) {
    Ops ops;
    auto c = [&](Scalar value) { return ops.constant(value); };
    RoundParameters<Word> p = broadcast(ops, call.parameters);
    p.facts.carrier = carrier;
    fixFacts<shape, scaling>(p.facts);
    // The maxima of the next group of blocks are read at once: prefetchers,
    // which follow one stream, come late.
    const size_t ahead =
        std::max(call.block * Blocks::Ops::lanes, 2048 / sizeof(T));
    auto step = [&](const T *in, T *out, const Scale &scale,
                    uint64_t position) __attribute__((always_inline)) {
      Word random = c(0);
      if (mode.isStochastic())
        random = randomWords(call.key, position);
      Word bits = Ops::load(in);
      if constexpr (scaling != Scaling::None)
        Ops::prefetch(in, ahead);
      if constexpr (scaling == Scaling::Exponents)
        bits = scaledDown(bits, scale.inverse, mode);
      if constexpr (scaling == Scaling::TwoLevels)
        bits = ops.carrierDiv(bits, scale.number);
      if constexpr (shape == LoopShape::Shifted ||
                    shape == LoopShape::ShiftedGrid)
        bits = roundExactlyByShifter(ops, bits, p);
      else if constexpr (shape == LoopShape::Grid)
        bits = roundGrid(bits, p, mode, random);
      else if constexpr (shape <= LoopShape::Core) // what roundWord would find
        bits = Rounding<Ops>(ops, bits, p, mode, random).run();
      else if constexpr (shape != LoopShape::Family)
        bits = roundWord(ops, bits, p, mode, random);
      else
        bits = roundFamily(bits, p, mode, random);
      if constexpr (scaling != Scaling::None)
        bits = ops.carrierMul(bits, scale.number);
      Ops::store(out, bits);
    };
    auto part = [&](size_t i, size_t end,
                    const Scale &scale) __attribute__((always_inline)) {
      for (; i + Ops::lanes <= end; i += Ops::lanes)
        step(call.in + i, call.out + i, scale, call.firstPosition + i);
      if (size_t rest = end - i) {
        T padded[Ops::lanes] = {};
        std::memcpy(padded, call.in + i, rest * sizeof(T));
        step(padded, padded, scale, call.firstPosition + i);
        std::memcpy(call.out + i, padded, rest * sizeof(T));
      }
    };
    if constexpr (scaling == Scaling::None) {
      part(0, call.size, Scale());
      return call.size;
    } else {
      const BlockScaling<T, BlockTarget, scaling> blocks(call);
      size_t done = 0;
      for (bool isWhole = true; isWhole && done < call.size;) {
        const auto found = blocks.find(done);
        isWhole = found.isWhole;
        for (size_t b = 0; b < found.count; ++b) {
          const size_t end = std::min(call.size, done + call.block);
          part(done, end,
               Scale{Ops::splat(found.numbers + b),
                     Ops::splat(found.inverses + b)});
          done = end;
        }
      }
      return done;
    }
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPFOR_H
