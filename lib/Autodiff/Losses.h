// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loss functions as graphs of elementary operations.
#ifndef PREC_LIB_AUTODIFF_LOSSES_H
#define PREC_LIB_AUTODIFF_LOSSES_H

#include "prec/LossKind.h"

#include "mlir/IR/Builders.h"

namespace mlir::prec {

/// A loss and the values of it through which no gradient needs to go.
struct Loss {
  Value value;
  SmallVector<Value> stopped;
};

struct LossOptions {
  LossKind kind = LossKind::SoftmaxCrossEntropy;
  /// Outputs are compared with as many floats, not with labels.
  bool hasValues = false;
  /// Of the one-hot target, or of the probabilities, the share that is spread
  /// evenly over all classes (Szegedy et al. 2016, as PyTorch has it); it needs
  /// to know how many there are.
  double smoothing = 0;
  /// A label that counts for nothing, as PyTorch's ignore_index.
  std::optional<int32_t> ignoredLabel = std::nullopt;
};

/// The mean loss of logits [..., classes] against i32 labels [...], or of
/// outputs against values of their type. Operations are in scope "loss", the
/// value's role is "loss".
Loss buildLoss(OpBuilder &builder, Location loc, const LossOptions &options,
               Value logits, Value wanted);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_LOSSES_H
