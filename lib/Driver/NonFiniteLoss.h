// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Why a loss is not finite, in words.
#ifndef PREC_LIB_DRIVER_NONFINITELOSS_H
#define PREC_LIB_DRIVER_NONFINITELOSS_H

#include "prec/Driver/Train.h"

namespace mlir::prec {

/// Goes back to the step that made the first number that is not finite, runs it
/// once more with all its values watched, and says which operation it was. No
/// step of a run that stays finite pays for this.
/// Errors: the model cannot be compiled or called.
llvm::Expected<std::string> explainNonFinite(const TrainOptions &options,
                                             size_t run, const Trainer &trainer,
                                             NonFinite found);

} // namespace mlir::prec

#endif // PREC_LIB_DRIVER_NONFINITELOSS_H
