// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loss functions as graphs of elementary operations.
#ifndef PREC_LIB_AUTODIFF_LOSSES_H
#define PREC_LIB_AUTODIFF_LOSSES_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace mlir::prec {

/// A loss and the values of it through which no gradient needs to go.
struct Loss {
  Value value;
  SmallVector<Value> stopped;
};

/// Whether a name is a loss's; `listLosses` names them all.
bool isLoss(llvm::StringRef name);
std::string listLosses();

/// The mean loss of logits [..., classes] against i32 labels [...]. Operations
/// are in scope "loss", the value's role is "loss". Of the one-hot target the
/// share `smoothing` is spread evenly over all classes (Szegedy et al. 2016, as
/// PyTorch has it); it needs to know how many there are.
Loss buildLoss(OpBuilder &builder, Location loc, llvm::StringRef name,
               Value logits, Value labels, double smoothing = 0);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_LOSSES_H
