// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What operations that only fill write.
#ifndef PREC_CODEGEN_FILL_H
#define PREC_CODEGEN_FILL_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// The scalar that `op` fills all of its only output with, or null: a
/// linalg.fill or what it looks like as a linalg.generic. On buffers its output
/// is written as a whole, too.
Value filledWith(Operation *op);

} // namespace mlir::prec

#endif // PREC_CODEGEN_FILL_H
