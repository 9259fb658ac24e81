// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tensor.gather, for which upstream has no lowering, as a linalg operation.
#ifndef PREC_LIB_IR_GATHER_H
#define PREC_LIB_IR_GATHER_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// A linalg.generic over the result whose body extracts the element of the
/// source that the coordinates name.
Operation *gatherAsGeneric(RewriterBase &rewriter, tensor::GatherOp op);

} // namespace mlir::prec

#endif // PREC_LIB_IR_GATHER_H
