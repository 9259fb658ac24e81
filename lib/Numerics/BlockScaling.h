// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The scales of as many blocks as a register has lanes: the greatest magnitudes
// are brought into one register, a block's in each lane, and the rule is
// performed once for all.
#ifndef PREC_LIB_NUMERICS_BLOCKSCALING_H
#define PREC_LIB_NUMERICS_BLOCKSCALING_H

#include "Magnitudes.h"
#include "prec/Numerics/BlockScales.h"

namespace mlir::prec {

/// What elements are divided by before and multiplied by after.
enum class Scaling : uint8_t { None, Exponents, TwoLevels };

/// The scales of a call's blocks.
template <class T, class Target, Scaling scaling> class BlockScaling {
  using Own = Magnitudes<T, Target>;
  using Scalar = typename Own::Scalar;
  using Ops = typename Own::Ops;
  using Word = typename Own::Word;
  static constexpr CarrierLayout carrier = Own::carrier;
  static constexpr Scalar binade = Own::binade, infinity = Own::infinity;

public:
  explicit BlockScaling(const RoundCall<T> &call) : call(call) {
    Ops ops;
    if constexpr (scaling == Scaling::Exponents)
      exponents = call.exponents->inLanes(ops);
    else
      twoLevels = call.twoLevels->inLanes(ops);
  }

  /// The scales of the blocks from element `begin` on, as many as lanes.
  struct Found {
    Scalar numbers[Ops::lanes];
    Scalar inverses[Ops::lanes]; ///< of shared exponents
    size_t count = 0;            ///< blocks before the first one without
    bool isWhole = false;        ///< no block is without
  };
  [[gnu::noinline]] Found find(size_t begin) const {
    const size_t size = call.size - begin;
    const size_t numBlocks =
        std::min<size_t>((size + call.block - 1) / call.block, Ops::lanes);
    const Word most = Own::perLane(call.in + begin, size, call.block);
    Found found;
    const Word isWithout = scaling == Scaling::Exponents
                               ? byExponents(most, found)
                               : byTwoLevels(most, found);
    Scalar without[Ops::lanes];
    Ops::store(without, isWithout);
    while (found.count < numBlocks && !without[found.count])
      ++found.count;
    found.isWhole = found.count == numBlocks;
    return found;
  }

private:
  static Word c(Scalar value) { return Ops().constant(value); }

  /// Not zero where a block's maximum is not zero or a normal number, or its
  /// scale or the inverse is none.
  Word byExponents(const Word &most, Found &found) const {
    Ops ops;
    constexpr Scalar bias = carrier.bias();
    Word exponent = exponents(ops, carrier, most);
    Word without = ops.select(
        ops.less(ops.sub(most, c(binade)), c(infinity - binade)), c(0), c(1));
    without = ops.select(ops.less(ops.sub(exponent, c(1)), c(2 * bias - 1)),
                         without, c(1));
    const auto isZero = ops.equal(most, c(0)); // any scale does
    exponent = ops.select(isZero, c(bias), exponent);
    auto numberOf = [&](const Word &biased) {
      return ops.shl(biased, c(carrier.fractionBits));
    };
    Ops::store(found.numbers, numberOf(exponent));
    Ops::store(found.inverses, numberOf(ops.sub(c(2 * bias), exponent)));
    return ops.select(isZero, c(0), without);
  }

  /// Not zero where a maximum is neither zero nor finite and less than 16 times
  /// its scale.
  Word byTwoLevels(const Word &most, Found &found) const {
    Ops ops;
    const auto isZero = ops.equal(most, c(0)); // any scale does
    const Word number = twoLevels(ops, most);
    const Word reach = ops.carrierMul(number, numberOf(ops, carrier, 16));
    const Word without = ops.select(ops.less(most, reach), c(0), c(1));
    Ops::store(found.numbers,
               ops.select(isZero, c(carrier.bias() * binade), number));
    return ops.select(isZero, c(0), without);
  }

  const RoundCall<T> &call;
  SharedExponent<Word> exponents;
  TwoLevelScale<Word> twoLevels;
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_BLOCKSCALING_H
