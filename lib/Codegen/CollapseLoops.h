// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops over neighbours in memory become one: the lines of an image one row.
#ifndef PREC_CODEGEN_COLLAPSELOOPS_H
#define PREC_CODEGEN_COLLAPSELOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// Makes loops one that all operands have side by side in memory, or do not
/// have. Tensors count as contiguous. `op` becomes another operation, in the
/// same place. So does `epilogue`, which has a loop for each parallel one of
/// `op`, with the same loops; it becomes null if it cannot follow.
void collapseLoops(RewriterBase &rewriter, linalg::GenericOp &op,
                   linalg::GenericOp &epilogue);

} // namespace mlir::prec

#endif // PREC_CODEGEN_COLLAPSELOOPS_H
