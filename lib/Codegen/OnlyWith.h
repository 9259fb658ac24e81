// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of upstream's that run only where there is something for them: most
// visit everything many times.
#ifndef PREC_CODEGEN_ONLYWITH_H
#define PREC_CODEGEN_ONLYWITH_H

#include "mlir/Pass/Pass.h"

namespace mlir::prec {

using Predicate = bool (*)(Operation *);

/// Runs `pass` on operations that contain one that is wanted.
std::unique_ptr<Pass> onlyWith(Predicate isWanted, std::unique_ptr<Pass> pass);

/// Vector operations that our kernels do not have and that become LLVM's in
/// several steps.
bool needsVectorSteps(Operation *op);
/// Arithmetic that LLVM may not have; what it surely has is most of all.
bool needsArithSteps(Operation *op);
/// Whether something is put into a tensor that may have been made for it, in a
/// tensor of its own.
bool insertsWhatBeganEmpty(Operation *op);

} // namespace mlir::prec

#endif // PREC_CODEGEN_ONLYWITH_H
