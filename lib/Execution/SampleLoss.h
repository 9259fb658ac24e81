// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loss of one row of outputs, in f64.
#ifndef PREC_LIB_EXECUTION_SAMPLELOSS_H
#define PREC_LIB_EXECUTION_SAMPLELOSS_H

#include "prec/LossKind.h"

namespace mlir::prec {

/// Of logits against a label; `kind` is softmax cross-entropy or squared error.
template <typename T>
double lossOfLabel(LossKind kind, llvm::ArrayRef<T> logits, int32_t label);

/// Of outputs against as many values, the mean over them; of softmax
/// cross-entropy the values are the classes' probabilities, and it is a sum.
template <typename T>
double lossOfValues(LossKind kind, llvm::ArrayRef<T> outputs,
                    llvm::ArrayRef<double> values);

} // namespace mlir::prec

#endif // PREC_LIB_EXECUTION_SAMPLELOSS_H
