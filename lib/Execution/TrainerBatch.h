// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data arguments of @step, which change from step to step.
#ifndef PREC_LIB_EXECUTION_TRAINERBATCH_H
#define PREC_LIB_EXECUTION_TRAINERBATCH_H

#include "prec/Execution/Trainer.h"

namespace mlir::prec {

struct Trainer::Batch {
  std::vector<Tensor> inputs;
  Tensor labels, rate;
  /// The samples of `epoch` in their order.
  std::vector<uint32_t> order;
  std::optional<uint64_t> epoch;
  /// What the last call took.
  double seconds = 0;
};

} // namespace mlir::prec

#endif // PREC_LIB_EXECUTION_TRAINERBATCH_H
