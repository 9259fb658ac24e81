// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data arguments of @step, which change from step to step.
#ifndef PREC_LIB_EXECUTION_TRAINERBATCH_H
#define PREC_LIB_EXECUTION_TRAINERBATCH_H

#include "prec/Execution/BatchLoader.h"
#include "prec/Execution/Trainer.h"

namespace mlir::prec {

struct Trainer::Batch {
  BatchLoader loader;
  Tensor rate;
  /// What the last call took.
  double seconds = 0;
};

} // namespace mlir::prec

#endif // PREC_LIB_EXECUTION_TRAINERBATCH_H
