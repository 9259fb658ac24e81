// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The greatest and least magnitudes of arrays, and of as many blocks as a
// register has lanes, each in its lane.
#ifndef PREC_LIB_NUMERICS_MAGNITUDES_H
#define PREC_LIB_NUMERICS_MAGNITUDES_H

#include "Lanes.h"
#include "prec/Numerics/RoundLoop.h"

#include <utility>

namespace mlir::prec {

/// Magnitudes of numbers, which compare as their bits do.
template <class T, class Target> class Magnitudes {
public:
  using Scalar = typename RoundCall<T>::Word;
  using Ops = LaneOps<Scalar, Target>;
  using Word = typename Ops::Word;

  /// Of `size` numbers: infinity or NaN if there is one.
  static Scalar greatest(const T *in, size_t size) {
    Ops ops;
    Word most = ops.constant(0), other = most;
    size_t i = 0;
    for (; i + 2 * Ops::lanes <= size; i += 2 * Ops::lanes) {
      most = ops.maximum(most, magnitudes(in + i));
      other = ops.maximum(other, magnitudes(in + i + Ops::lanes));
    }
    most = ops.maximum(most, other);
    Scalar result = 0;
    for (unsigned lane = 0; lane < Ops::lanes; ++lane)
      result = std::max(result, Scalar(most.v[lane]));
    for (; i < size; ++i)
      result = std::max(result, std::bit_cast<Scalar>(in[i]) & magnitude);
    return result;
  }

  /// The least one of `size` numbers that is not zero: infinity if there is
  /// none.
  static Scalar least(const T *in, size_t size) {
    Ops ops;
    const Word one = ops.constant(1);
    // Less one, so that zero is beyond all.
    Word least = ops.constant(infinity - 1);
    size_t i = 0;
    for (; i + Ops::lanes <= size; i += Ops::lanes)
      least = ops.minimum(least, ops.sub(magnitudes(in + i), one));
    Scalar result = infinity - 1;
    for (unsigned lane = 0; lane < Ops::lanes; ++lane)
      result = std::min(result, Scalar(least.v[lane]));
    for (; i < size; ++i)
      result = std::min(result,
                        Scalar((std::bit_cast<Scalar>(in[i]) & magnitude) - 1));
    return result + 1;
  }

  /// Of blocks of `block` numbers, a block a lane. The last one may be short,
  /// or missing: zero.
  static Word perLane(const T *in, size_t size, size_t block) {
    if (block % Ops::lanes == 0 && size >= Ops::lanes * block)
      return wholeBlocks<Ops::lanes>(in, block);
    Scalar most[Ops::lanes] = {};
    for (size_t at = 0, b = 0; at < size && b < Ops::lanes; at += block, ++b)
      most[b] = greatest(in + at, std::min(block, size - at));
    return Ops::load(most);
  }

  static constexpr CarrierLayout carrier =
      layoutOf(sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
  static constexpr Scalar binade = Scalar(1) << carrier.fractionBits;
  static constexpr Scalar infinity = (2 * Scalar(carrier.bias()) + 1) * binade;

private:
  static constexpr Scalar magnitude = ~Scalar(0) >> 1;
  static Word magnitudes(const T *in) {
    return Ops().bitAnd(Ops::load(in), Ops().constant(magnitude));
  }

  /// Of `count` blocks, a power of two: lane i has a part of the maximum of
  /// block i modulo `count`.
  template <unsigned count> static Word wholeBlocks(const T *in, size_t block) {
    if constexpr (count == 1) {
      Word most = magnitudes(in);
      for (size_t i = Ops::lanes; i < block; i += Ops::lanes)
        most = Ops().maximum(most, magnitudes(in + i));
      return most;
    } else {
      constexpr unsigned half = count / 2;
      return joined<half>(wholeBlocks<half>(in, block),
                          wholeBlocks<half>(in + half * block, block),
                          std::make_integer_sequence<int, Ops::lanes>());
    }
  }
  /// Lanes whose number has the bit `stride` are of b, the others of a: each
  /// the greater of itself and the one `stride` beside it.
  template <int stride, int... lane>
  static Word joined(const Word &a, const Word &b,
                     std::integer_sequence<int, lane...>) {
    constexpr int n = Ops::lanes;
    return Ops().maximum(
        Word{__builtin_shufflevector(
            a.v, b.v, (lane & stride ? n + lane - stride : lane)...)},
        Word{__builtin_shufflevector(
            a.v, b.v, (lane & stride ? n + lane : lane + stride)...)});
  }
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_MAGNITUDES_H
