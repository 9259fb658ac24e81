// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops over neighbours in memory become one: the lines of an image one row.
#ifndef PREC_CODEGEN_COLLAPSELOOPS_H
#define PREC_CODEGEN_COLLAPSELOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// An operation before `op` in which loops are one that all operands have side
/// by side in memory, or do not have; `op` itself if there are none. Tensors
/// count as contiguous. The new one takes the body of `op`, which is to be
/// erased.
linalg::GenericOp collapseLoops(RewriterBase &rewriter, linalg::GenericOp op);

} // namespace mlir::prec

#endif // PREC_CODEGEN_COLLAPSELOOPS_H
