// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Infinities that stand for "no element yet".
#ifndef PREC_ANALYSIS_STARTVALUE_H
#define PREC_ANALYSIS_STARTVALUE_H

#include "mlir/IR/Value.h"

namespace mlir::prec {

/// Is the used value a constant minus infinity that a maximum starts from or
/// skips (plus infinity and a minimum), and nothing else? Such a use is a
/// linalg operation's or a loop's initial value, directly or through
/// linalg.fill, or the padding of the inputs of such operations. It is no
/// number that the program computes with, so it is not rounded: formats without
/// infinities would make it a NaN and every maximum with it.
///
/// A use that is compared in another way (select of a comparison) counts as
/// well, so that the index of a maximum does.
bool isStartOfExtremum(OpOperand &use);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_STARTVALUE_H
