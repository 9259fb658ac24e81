// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes a linalg.generic on buffers as the loop nest of its plan.
#ifndef PREC_CODEGEN_KERNELEMITTER_H
#define PREC_CODEGEN_KERNELEMITTER_H

#include "Epilogue.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// Emits the nest before `op`, which the caller erases. `initial` has for each
/// output the scalar that all its elements are known to hold, or null. The
/// epilogue, if there is one, is planned.
void emitKernel(RewriterBase &rewriter, linalg::GenericOp op,
                const KernelPlan &plan, ArrayRef<Value> initial,
                const Epilogue &epilogue);

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELEMITTER_H
