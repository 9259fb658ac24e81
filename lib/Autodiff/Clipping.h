// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keeps gradients from being too large.
#ifndef PREC_LIB_AUTODIFF_CLIPPING_H
#define PREC_LIB_AUTODIFF_CLIPPING_H

#include "mlir/IR/Builders.h"

namespace mlir::prec {

/// Clips each element to [-value, value], then multiplies all gradients by
/// norm / (n + 1e-6), if that is below 1, where n is the root of the sum of all
/// squares (torch.nn.utils.clip_grad_value_ and clip_grad_norm_; Pascanu et
/// al. 2013). 0 leaves either out. Operations are in scope "clip", phase
/// "backward", role "weight-gradient".
void clipGradients(OpBuilder &builder, Location loc,
                   MutableArrayRef<Value> gradients, double value, double norm);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_CLIPPING_H
