// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An elementwise operation at the end of the kernel whose result it reads: the
// bias, the rectifier and the rounding of a dense layer take the sums from
// registers.
#ifndef PREC_LIB_CODEGEN_EPILOGUE_H
#define PREC_LIB_CODEGEN_EPILOGUE_H

#include "KernelPlan.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

struct Epilogue {
  linalg::GenericOp op; ///< null: there is none
  /// For each of its operands: is it the result of the kernel?
  SmallVector<bool> isResult;
  /// Somebody else reads the result, too.
  bool keepsResult = false;
  /// On the kernel's tiles, once it is planned.
  KernelPlan plan;

  explicit operator bool() const { return op != nullptr; }
};

/// What may run where `op`, a reduction on buffers with one output, stores its
/// elements: nothing in between touches the same memory.
Epilogue findEpilogue(linalg::GenericOp op);

/// Makes known before `op` what the epilogue uses, and has its loops in the
/// order of op's parallel ones.
void alignEpilogue(RewriterBase &rewriter, linalg::GenericOp op,
                   Epilogue &epilogue);

/// Plans the epilogue on the tiles of `plan`. False if its operands do not lie
/// along them, or if a kernel of its own costs less, code included.
bool planEpilogue(linalg::GenericOp op, const KernelPlan &plan,
                  Epilogue &epilogue, const CodegenOptions &options);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_EPILOGUE_H
