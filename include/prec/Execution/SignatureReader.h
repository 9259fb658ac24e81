// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a function's signature off the IR, before lowering.
//
// Names and initialisation come from the argument and result attributes
// prec.name and prec.init. Dynamic sizes that the function's operations force
// to be equal (the rows of x and of labels, the inner sizes of a matmul) get
// one number, and a dynamic size that must be a certain one becomes that, so
// that a call with arguments that do not fit each other is refused before it
// runs.
#ifndef PREC_EXECUTION_SIGNATUREREADER_H
#define PREC_EXECUTION_SIGNATUREREADER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "prec/Execution/Signature.h"

namespace mlir::prec {

/// Failure: an argument or result has a type that has no dtype or rank; a
/// located error was emitted. The run-time parameters are left to the caller.
FailureOr<Signature> readSignature(func::FuncOp function);

/// The entries of a module: its public functions that have a body.
SmallVector<func::FuncOp> entriesOf(ModuleOp module);

} // namespace mlir::prec

#endif // PREC_EXECUTION_SIGNATUREREADER_H
