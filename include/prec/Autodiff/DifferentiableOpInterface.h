// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interface of differentiable operations and its models for upstream ones.
#ifndef PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H
#define PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H

#include "mlir/IR/OpDefinition.h"

namespace mlir::prec {
class Gradients;
} // namespace mlir::prec

#include "prec/Autodiff/DifferentiableOpInterface.h.inc"

namespace mlir::prec {

/// Attaches the models for arith, math, linalg, tensor, scf and prec.
void registerDifferentiableModels(DialectRegistry &registry);

} // namespace mlir::prec

#endif // PREC_AUTODIFF_DIFFERENTIABLEOPINTERFACE_H
