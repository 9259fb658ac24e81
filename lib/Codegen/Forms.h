// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Forms of a rounding that are cheaper than the general one and give the same
// bits under a condition; the attribute on `prec.round` that chooses one says
// that the condition holds.
#ifndef PREC_CODEGEN_FORMS_H
#define PREC_CODEGEN_FORMS_H

#include "llvm/ADT/StringRef.h"

namespace mlir::prec {

inline constexpr llvm::StringLiteral formAttrName = "form";

/// A NaN may stay the NaN it is: whoever reads the result treats all alike, and
/// no NaN comes that the rounding's arithmetic could turn into a number.
inline constexpr llvm::StringLiteral quietForm = "quiet";

/// Nearest-even to m = 1..10 bits of f32 by g = (2^d - 1) x, fma(2^d, x, -g),
/// d = 23 - m: the operand is +0 or a normal number below 2^(127-d), and -0
/// may become +0. In f64 m = 1..23, d = 52 - m.
inline constexpr llvm::StringLiteral twoOpsForm = "two-ops";
/// The same, limited to the format's numbers.
inline constexpr llvm::StringLiteral saturatingTwoOpsForm =
    "saturating-two-ops";
/// The same as two-ops, beside products that are multiplications for the most
/// part: (x + g) - g, which has the same bits, may be cheaper. The attribute
/// says so on the fma.
inline constexpr llvm::StringLiteral balancedTwoOpsForm = "balanced-two-ops";
inline constexpr llvm::StringLiteral twoOpsAttrName = "two_ops";

/// The two operations of a product a b that is exact in the carrier, of which
/// b may be multiplied instead: g = a ((2^d - 1) b), fma(a, 2^d b, -g). The
/// products with b are exact and finite; the operand is an arith.mulf.
inline constexpr llvm::StringLiteral scaledProductForm = "scaled-product";

/// Nearest-even to e5m10: the operand is a product or a sum in f32 of half
/// numbers, if not it is rounded to f32 and then to f16.
inline constexpr llvm::StringLiteral nativeHalfForm = "native-half";

/// Any mode: the operand is the sum of two numbers of the format, a multiple of
/// its quantum, so that nothing below the quantum has to be looked for.
inline constexpr llvm::StringLiteral sumForm = "sum";

/// The general form of run-time widths that are regular (hasRegularWidths), and
/// the same of a sum of two numbers of the format.
inline constexpr llvm::StringLiteral regularForm = "regular";
inline constexpr llvm::StringLiteral regularSumForm = "regular-sum";

/// Nearest-even by roundByShifter: a zero may lose its sign, a NaN may stay the
/// NaN it is. The names say what is known of the operand (ShifterOperand).
inline constexpr llvm::StringLiteral shifterForm = "shifter";
inline constexpr llvm::StringLiteral shifterSumForm = "shifter-sum";
inline constexpr llvm::StringLiteral inRangeForm = "shifter-in-range";
inline constexpr llvm::StringLiteral sumInRangeForm = "shifter-sum-in-range";

/// inRangeForm of a product whose sum may overflow.
inline constexpr llvm::StringLiteral productInRangeForm =
    "shifter-product-in-range";

/// Other modes by MaskedShifter, whose preconditions they say: a product, one
/// of which nothing is known but its range, and a sum that is multiplied by
/// 2^exponentOfSums.
inline constexpr llvm::StringLiteral maskedProductForm = "masked-product";
inline constexpr llvm::StringLiteral maskedLongProductForm =
    "masked-long-product";
inline constexpr llvm::StringLiteral maskedSumForm = "masked-sum";

/// Other modes to fixed point and integers by GridRounding: all its bits.
inline constexpr llvm::StringLiteral gridForm = "grid";
/// The same of a product whose magnitude is rounded to no more than the largest
/// number; its second factor in units of the quantum is finite.
inline constexpr llvm::StringLiteral gridInRangeForm = "grid-in-range";

/// Nearest-even by roundExactlyByShifter: all its bits. Run-time widths lie
/// within shifterLimits.
inline constexpr llvm::StringLiteral exactShifterForm = "exact-shifter";

/// Nearest-even by roundSignedByShifter: only a NaN may stay the NaN it is.
inline constexpr llvm::StringLiteral signedShifterForm = "signed-shifter";

} // namespace mlir::prec

#endif // PREC_CODEGEN_FORMS_H
