// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures of models, coloured by a policy.
#ifndef PREC_DRIVER_DRAWING_H
#define PREC_DRIVER_DRAWING_H

#include "prec/Policy/Policy.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace mlir::prec {

/// The module's layers in the DOT language; with bits and colours if the
/// policy has rules. Calls in the module are inlined; it is not rounded.
/// Errors that have a location are emitted as diagnostics.
llvm::Expected<std::string> drawModel(ModuleOp module, const Policy &policy);

/// DOT to SVG by graphviz's program `dot`, which has to be on the PATH.
llvm::Expected<std::string> renderSvg(StringRef dot);

} // namespace mlir::prec

#endif // PREC_DRIVER_DRAWING_H
