// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The scales of blocks from their greatest magnitudes: R-BLOCK's shared
// exponents and the numbers of R-NVFP4. Loops over arrays take them for as many
// blocks as a register has lanes, others for one.
#ifndef PREC_NUMERICS_BLOCKSCALES_H
#define PREC_NUMERICS_BLOCKSCALES_H

#include "prec/Numerics/Shifter.h"

namespace mlir::prec {

/// The rule by which the blocks of a format get their shared exponents. What a
/// rule adds to a number before its exponent is read is added to its bits, as
/// in any rounding.
template <class Word> struct SharedExponent {
  Word addend{}, parity{}, lastPlace{};
  Word least{}, most{}; ///< biased exponents of what is added up
  Word top{};           ///< the exponent of the element's greatest number

  /// The biased exponent of the scale of a block whose greatest magnitude has
  /// these bits, a normal number: what the rule says minus the exponent of the
  /// element's greatest number, within f8e8m0fnu's -127..127, and such that
  /// numbers stay below the carrier's infinity. Zero and subnormals of f64 are
  /// below all that; so are f32's, where the least is not a normal number.
  template <WordOps Ops>
    requires std::same_as<typename Ops::Word, Word>
  Word operator()(Ops &ops, CarrierLayout carrier, Word greatest) const {
    auto last = ops.bitAnd(ops.lshr(greatest, lastPlace), parity);
    auto exponent = ops.lshr(ops.add(ops.add(greatest, addend), last),
                             ops.constant(carrier.fractionBits));
    return ops.sub(ops.minimum(ops.maximum(exponent, least), most), top);
  }

  /// The same in each lane.
  template <WordOps Ops>
  SharedExponent<typename Ops::Word> inLanes(Ops &ops) const {
    auto c = [&](Word word) { return ops.constant(word); };
    return {c(addend), c(parity), c(lastPlace), c(least), c(most), c(top)};
  }
};

/// The rule of a format for blocks of numbers of `carrier`, in words of the
/// same or a wider one.
template <class Word>
SharedExponent<Word> sharedExponent(const Format &format, Carrier carrier);
extern template SharedExponent<uint32_t> sharedExponent(const Format &,
                                                        Carrier);
extern template SharedExponent<uint64_t> sharedExponent(const Format &,
                                                        Carrier);

/// R-NVFP4: a block's scale is its greatest magnitude / 6 / g, rounded to
/// f8e4m3fn without going beyond its largest number, times g, which is the
/// array's.
template <class Word> struct TwoLevelScale {
  RoundParameters<Word> parameters{}; ///< of twoLevelScaleFormat()
  Word global{};                      ///< g

  /// In f8e4m3fn. That of an infinity is its largest number.
  template <WordOps Ops>
    requires std::same_as<typename Ops::Word, Word>
  Word ownScale(Ops &ops, Word greatest) const {
    const Word six = numberOf(ops, parameters.facts.carrier, 6);
    return roundExactlyByShifter(
        ops, ops.carrierDiv(ops.carrierDiv(greatest, six), global), parameters);
  }
  template <WordOps Ops> Word operator()(Ops &ops, Word greatest) const {
    return ops.carrierMul(ownScale(ops, greatest), global);
  }

  /// The same in each lane.
  template <WordOps Ops>
  TwoLevelScale<typename Ops::Word> inLanes(Ops &ops) const {
    return {broadcast(ops, parameters), ops.constant(global)};
  }
};
constexpr Format twoLevelScaleFormat() {
  Format format = Format::finiteWithNaN(4, 3);
  format.overflow = Format::Overflow::Saturate;
  return format;
}

} // namespace mlir::prec

#endif // PREC_NUMERICS_BLOCKSCALES_H
