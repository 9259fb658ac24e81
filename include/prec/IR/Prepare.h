// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a module goes through before sites are counted, gradients taken or code
// made: one function an entry, nothing hidden in it.
#ifndef PREC_IR_PREPARE_H
#define PREC_IR_PREPARE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// Removes fast-math flags, which would allow later passes to undo roundings.
/// Returns how many operations had one.
int64_t stripFastMath(ModuleOp module);

/// Inlines the calls of functions with a body, and those in what they call. An
/// inlined operation's scope is "call's scope/own scope", its phase its own or
/// the call's. Calls of functions without a body stay. A recursive call, and
/// one that does not fit where it stands, are located errors.
LogicalResult inlineCalls(func::FuncOp function);
/// The same for all functions; private ones that nobody needs go.
LogicalResult inlineCalls(ModuleOp module);

/// Replaces operations that stand for a graph of elementary ones
/// (linalg.softmax, tensor.gather, ...) by that graph; scope, phase and role
/// are copied.
LogicalResult decomposeComposites(Operation *root);

} // namespace mlir::prec

#endif // PREC_IR_PREPARE_H
