// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What decides the code that a rounded module becomes, as one text.
#ifndef PREC_DRIVER_COMPILATIONKEY_H
#define PREC_DRIVER_COMPILATIONKEY_H

#include "mlir/IR/BuiltinOps.h"
#include "prec/Codegen/Pipelines.h"

namespace mlir::prec {

/// The module without locations, the options, and a hash of the file that this
/// code was loaded from, so that another build finds none of our objects. The
/// target is not in it: the object cache adds that. Empty if that file cannot
/// be read.
std::string compilationKey(ModuleOp module, const CodegenOptions &options);

} // namespace mlir::prec

#endif // PREC_DRIVER_COMPILATIONKEY_H
