// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a module goes through before sites are counted: one function an entry,
// nothing hidden in it.
#ifndef PREC_TRANSFORMS_PREPARE_H
#define PREC_TRANSFORMS_PREPARE_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// Removes fast-math flags, which would allow later passes to undo roundings.
/// Returns how many operations had one.
int64_t stripFastMath(ModuleOp module);

/// Inlines every call of a function with a body; private functions that are
/// not needed any more are erased. An inlined operation's scope is
/// "call's scope/own scope", its phase its own or the call's. Recursion is an
/// error that names the cycle.
LogicalResult inlineCalls(ModuleOp module);

/// Replaces operations that stand for a graph of elementary ones
/// (linalg.softmax, ...) by that graph; scope, phase and role are copied.
LogicalResult decomposeComposites(ModuleOp module);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_PREPARE_H
