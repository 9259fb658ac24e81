// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a checked network to a module of linalg on tensors, arith and math.
#ifndef PREC_IMPORT_BUILDMODEL_H
#define PREC_IMPORT_BUILDMODEL_H

#include "prec/Import/Network.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <optional>

namespace mlir::prec {

struct BuildOptions {
  /// Samples in a batch; none: `?`, known at run time.
  std::optional<int64_t> batch;
  /// Layers that behave differently in training do so in `@forward`, which
  /// then also returns the next values of the states.
  bool isTraining = false;
};

/// Makes a module with one function
///
///   @forward(weights..., states..., inputs...) -> (output [, next states...])
///
/// Arguments and results have `prec.name`, `prec.role` and, where a trainer
/// has to make them, `prec.init`; operations have the layer's name as
/// `prec.scope` and in their location. The function has the description's loss
/// as `prec.loss`. When training a network with states or dropout,
/// `@predict(the same arguments) -> output` is the network in use, phase
/// `eval`.
///
/// `context` must know the dialects prec, func, linalg, tensor, arith, math
/// and scf; they are loaded.
OwningOpRef<ModuleOp> buildModel(MLIRContext &context, const Network &network,
                                 const BuildOptions &options = {});

} // namespace mlir::prec

#endif // PREC_IMPORT_BUILDMODEL_H
