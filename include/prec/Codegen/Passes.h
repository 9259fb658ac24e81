// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes between a rounded module and MLIR's LLVM dialect, one by one.
#ifndef PREC_CODEGEN_PASSES_H
#define PREC_CODEGEN_PASSES_H

#include "prec/Codegen/Recompute.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::prec {

#define GEN_PASS_DECL
#include "prec/Codegen/Passes.h.inc"

} // namespace mlir::prec

#endif // PREC_CODEGEN_PASSES_H
