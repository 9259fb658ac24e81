// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Declares and registers the passes of this room.
#ifndef PREC_AUTODIFF_PASSES_H
#define PREC_AUTODIFF_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <functional>

namespace mlir::prec {
#define GEN_PASS_DECL
#include "prec/Autodiff/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "prec/Autodiff/Passes.h.inc"

/// Changes a function that holds the forward operations and the loss and ends
/// with a return as @step's; it is then differentiated.
using BeforeDifferentiation = std::function<LogicalResult(func::FuncOp)>;

std::unique_ptr<Pass> createMakeTrainingStep(BeforeDifferentiation before);
} // namespace mlir::prec

#endif // PREC_AUTODIFF_PASSES_H
