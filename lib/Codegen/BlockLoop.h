// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The name of loops that are no kernels but go around some.
#ifndef PREC_CODEGEN_BLOCKLOOP_H
#define PREC_CODEGEN_BLOCKLOOP_H

#include "llvm/ADT/StringRef.h"

namespace mlir::prec {

/// On a loop over blocks of the batch (prec-block-batch): kernels in it are
/// functions of their own.
inline constexpr llvm::StringLiteral kBlockLoop = "block_loop";

} // namespace mlir::prec

#endif // PREC_CODEGEN_BLOCKLOOP_H
