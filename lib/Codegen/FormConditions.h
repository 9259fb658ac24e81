// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conditions, found when the code runs, under which the forms of roundings in a
// contraction have the same bits: of operands' ranges and run-time widths.
#ifndef PREC_LIB_CODEGEN_FORMCONDITIONS_H
#define PREC_LIB_CODEGEN_FORMCONDITIONS_H

#include "RoundWords.h"
#include "RoundedReduction.h"
#include "prec/Numerics/Shifter.h"

namespace mlir::prec {

/// Those of `conditions` that are not null together; null if all are.
Value allOf(OpBuilder &builder, Location loc, ArrayRef<Value> conditions);

/// A fact about a format; null if it holds and is known to.
Value conditionOnWords(OpBuilder &builder, RoundOp round, BitOf fact);

/// The run-time widths of a format are within the limits, codes fit (fitsGrid);
/// null if there are none.
Value conditionForShifter(OpBuilder &builder, RoundOp round,
                          const ShifterLimits &limits);

/// Widths that are known at run time only are those of e5m10.
Value conditionForHalf(OpBuilder &builder, RoundOp round);

/// Exponents' widths that are known at run time only are f32's.
Value conditionForWide(OpBuilder &builder, RoundedReduction &reduction);

/// Of all roundings.
Value conditionForRegular(OpBuilder &builder, RoundedReduction &reduction);

/// least <= fraction bits <= most, of all roundings that do not know them; null
/// if all do.
Value conditionOnWidths(OpBuilder &builder, RoundedReduction &reduction,
                        int least, int most);

/// All operands are finite, and no product or sum is rounded to more than the
/// largest number.
Value conditionOnRange(OpBuilder &builder, RoundedReduction &reduction);

/// Products and sums are normal numbers or zero, and no intermediate result
/// overflows. What is multiplied by 2^d stays finite.
Value conditionForTwoOps(OpBuilder &builder, RoundedReduction &reduction,
                         int mostFraction, std::optional<unsigned> scaled = {});

/// All operands are finite, and so is a product of any two, at most the largest
/// number. Input `last` is multiplied by 2^exponent, which is not negative, and
/// stays finite, too.
Value conditionOnProducts(OpBuilder &builder, RoundedReduction &reduction,
                          unsigned last = 0, WordOf exponent = nullptr);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_FORMCONDITIONS_H
