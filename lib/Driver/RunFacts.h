// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training run must have in common with the one that it goes on from.
#ifndef PREC_LIB_DRIVER_RUNFACTS_H
#define PREC_LIB_DRIVER_RUNFACTS_H

#include "prec/Driver/Train.h"
#include "prec/Execution/Checkpoint.h"

namespace mlir::prec {

/// The facts in the order in which messages name them. `modelText` is the
/// module before it is rounded; it stands for the network, its initialisation,
/// loss and optimiser, whatever the file is called. How many steps are trained,
/// threads, logs and how often is evaluated are none: they change no bit of
/// the state.
RunFacts runFacts(const TrainOptions &options, const Trainer &trainer,
                  const DataSet &data, llvm::StringRef modelText);

} // namespace mlir::prec

#endif // PREC_LIB_DRIVER_RUNFACTS_H
