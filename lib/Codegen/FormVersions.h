// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies of a reduction whose roundings have certain forms, of which one runs.
#ifndef PREC_LIB_CODEGEN_FORMVERSIONS_H
#define PREC_LIB_CODEGEN_FORMVERSIONS_H

#include "RoundedReduction.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// Most fraction bits for the two-operation form of the rounding's carrier.
int mostForTwoOps(RoundOp round);

/// Gives all roundings of `op` a form; the sum another one where that belongs
/// to it.
void markForm(linalg::GenericOp op, StringRef form);

/// Every NaN of `tensor` as a rounding would have left it.
Value canonicalNaN(OpBuilder &builder, Value tensor);

/// Makes a version of a copy of a reduction; gives its results.
using Version =
    llvm::function_ref<SmallVector<Value>(OpBuilder &, linalg::GenericOp copy)>;

/// The roundings of `copy` in a form ("": as they are) and what belongs to it
/// before and after the reduction.
SmallVector<Value> inForm(OpBuilder &builder, linalg::GenericOp copy,
                          StringRef form);

/// Replaces `op` by: if `condition`, a copy of it made by `fast`, else one made
/// by `exact`. Gives the copies.
std::pair<linalg::GenericOp, linalg::GenericOp>
makeVersions(RewriterBase &rewriter, linalg::GenericOp op, Value condition,
             Version fast, Version exact);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_FORMVERSIONS_H
