// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What @step measures of itself: its results behind the loss.
#ifndef PREC_LIB_EXECUTION_STEPMEASURES_H
#define PREC_LIB_EXECUTION_STEPMEASURES_H

#include "prec/Execution/Signature.h"
#include "prec/Execution/TrainingLog.h"

namespace mlir::prec {

/// Whether a result is one of those that StepResults.h names.
bool isMeasure(const ValueInfo &result);

/// Adds to a record what such results hold; the infos are theirs.
void readMeasures(llvm::ArrayRef<ValueInfo> infos,
                  llvm::ArrayRef<Tensor> results, TrainingRecord &record);

} // namespace mlir::prec

#endif // PREC_LIB_EXECUTION_STEPMEASURES_H
