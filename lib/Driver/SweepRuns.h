// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The runs that the lists of a policy ask for, all by one compiled module.
#ifndef PREC_LIB_DRIVER_SWEEPRUNS_H
#define PREC_LIB_DRIVER_SWEEPRUNS_H

#include "prec/Driver/Train.h"
#include "prec/Execution/Callable.h"
#include "prec/Execution/TrainingLog.h"

namespace mlir::prec {

/// What every record of run `run` repeats: truncate_mantissa (of mantissa
/// formats), format, rounding, granularity of the policy's last rule, and seed.
ConstantFields fieldsOf(const Policy &policy, size_t run, uint32_t seed);

/// An entry with the numbers of run `run`; schedules by the epoch ask how many
/// steps it has. Errors: there is no such entry.
llvm::Expected<Callable> callableOf(const Engine &engine, llvm::StringRef name,
                                    const Policy &policy, size_t run,
                                    int64_t stepsPerEpoch = 0);

/// The step's options with the policy's loss scale.
StepOptions stepOptionsOf(const TrainOptions &options);

} // namespace mlir::prec

#endif // PREC_LIB_DRIVER_SWEEPRUNS_H
