// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is known of the roundings inside one reduction: which cheaper forms give
// the same bits, and under which conditions.
#ifndef PREC_LIB_CODEGEN_ROUNDEDREDUCTION_H
#define PREC_LIB_CODEGEN_ROUNDEDREDUCTION_H

#include "CleanNaN.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/RoundFacts.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// Most fraction bits for which the two-operation form is exact, in f32 and in
/// f64 (there those of f32 are enough), and the least for which a NaN keeps its
/// quiet bit.
inline constexpr int mostFraction = 10, mostWideFraction = 23,
                     leastFraction = 1;

SmallVector<RoundOp> roundsOf(linalg::GenericOp op);
RoundFacts factsOf(RoundOp round);
bool isRuntime(RoundOp round);

/// The rounding is an addition and a mask on the whole word.
bool isMaskForm(RoundOp round);
/// The numbers of mN in f32, in f64: an addition and a mask as long as all are
/// normal in f32.
bool isWideMaskForm(RoundOp round);

/// The rounding's format with f32's exponents in the place of a run-time width
/// of them.
Format withWideExponent(RoundOp round);

inline bool is(RoundOp round, RoundingMode::Kind kind) {
  return round.getMode().getValue().kind == kind;
}

/// The constant that fills the initial value.
TypedAttr fillOf(linalg::GenericOp op);

class RoundedReduction {
public:
  RoundedReduction(linalg::GenericOp op, CleanNaN &nans);

  /// A copy takes its place.
  void become(linalg::GenericOp copy) {
    op = copy;
    rounds = roundsOf(copy);
  }

  /// Both roundings of a contraction may take the two-operation form, if the
  /// operands' exponents allow it.
  bool mayBeTwoOps() const;
  /// Of one that mayBeTwoOps: the operands have so few bits that products are
  /// exact. Which input varies along the last dimension of the result.
  std::optional<unsigned> scaledInput() const;
  /// The same for f32's mN in f64, whose magnitudes no mode here raises beyond
  /// the nearest number.
  bool mayBeMasked() const;
  /// Products and sums are rounded to nearest-even to the same format, which
  /// roundByShifter knows. An accumulator that starts at +0 is never -0, so
  /// that nobody sees the sign of a zero.
  bool mayBeShifted() const;
  /// Products and sums are rounded to the same format in modes that
  /// MaskedShifter knows; a range is worth measuring.
  bool mayBeMaskShifted() const;
  /// Each rounding has a mask form where the exponents' widths that are known
  /// at run time only are f32's, which is so of one at least.
  bool mayBeWide() const;
  /// Roundings cost less where run-time widths are regular.
  bool mayBeRegular() const;
  /// Both factors were rounded to the numbers of run-time widths that products
  /// are rounded to.
  bool hasOwnFactors() const;
  /// Of one that mayBeMaskShifted: products are known to be short enough.
  bool hasShortProducts() const;
  /// The input that varies along the last dimension of the result.
  unsigned lastInput() const;
  /// Products and sums are rounded to e5m10, or to what may be it, to
  /// nearest-even.
  bool mayBeHalf() const;
  /// Products and sums are rounded to the same numbers: floats with subnormals,
  /// fixed point or integers that saturate. So sums are multiples of the
  /// quantum.
  bool addsNumbers() const;
  /// addsNumbers of fixed point or integers, to which products of the operands
  /// need not be rounded, since they are multiples of the quantum themselves:
  /// in any mode the range alone has to be looked at.
  bool multipliesWholes() const;
  /// Products are rounded by GridRounding, sums are limited.
  bool roundsOnGrid() const;
  /// Roundings that may be additions by themselves, in a contraction whose sums
  /// are rounded, so that nobody sees which NaN is inside.
  SmallVector<RoundOp> shiftedApart() const;
  /// Are there enough multiplications for each element that has to be looked
  /// at?
  bool isWorthMeasuring() const;
  /// Of one that mayBeShifted: a range is worth measuring and exists.
  bool isWorthMeasuringRange() const;
  /// What the operands' greatest exponents, biased as in f32, may be together
  /// so that no product or sum is rounded to more than the largest number
  /// (docs/pipeline.md has the proof).
  Value buildMostExponent(OpBuilder &b) const;

  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  mutable SmallVector<RoundOp> rounds;
  bool canBeQuiet = false;
  /// Which form runs depends on its operands' elements.
  bool isMeasured = false;

private:
  /// A sum of products of f32 operands from +0, computed in `type`, with one
  /// rounding of the product and one of the sum.
  bool isContraction(Type type) const;
  bool hasOuterParameters() const;
  bool hasOneFormat() const;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_ROUNDEDREDUCTION_H
