// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attributes of roundings that are inserted before differentiation.
#ifndef PREC_IR_GRADIENTNAMES_H
#define PREC_IR_GRADIENTNAMES_H

#include "llvm/ADT/StringRef.h"

namespace mlir::prec {

/// On a rounding: what its derivative is (see prec.round).
inline constexpr llvm::StringLiteral gradAttrName = "grad";
/// On what a rounding or its derivative brought along: no site, so that other
/// sites' keys do not depend on it.
inline constexpr llvm::StringLiteral sitelessAttrName = "prec.siteless";
/// On an operation through which no gradient flows.
inline constexpr llvm::StringLiteral detachedAttrName = "prec.detached";
/// On a rounding that was inserted before its function was differentiated,
/// until the others are.
inline constexpr llvm::StringLiteral insertedAttrName = "prec.inserted";
/// On a function that was differentiated after the roundings of rules with a
/// gradient were inserted, until the others are.
inline constexpr llvm::StringLiteral gradientsAttrName = "prec.gradients";

} // namespace mlir::prec

#endif // PREC_IR_GRADIENTNAMES_H
