// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training runs of one model: what prec-train does.
#ifndef PREC_DRIVER_TRAIN_H
#define PREC_DRIVER_TRAIN_H

#include "prec/Driver/Compile.h"
#include "prec/Execution/Trainer.h"

namespace mlir::prec {

struct TrainOptions {
  std::string model, data = "fashion-mnist", dataFolder;
  /// Each channel of the samples with mean 0 and deviation 1.
  bool normalize = false;
  /// For a model that is a forward function only. Whether there are values is
  /// the data's to say.
  StepOptions step;
  /// JSON lines; empty: none, "-": standard output.
  std::string log;
  /// What weights and states begin with, as --save-weights or an importer
  /// writes them; empty: what the model says.
  std::string firstWeights;
  /// Where the last run's parameters and state go, as .npz; empty: nowhere.
  std::string weights;
  /// The same after the evaluation with the best test accuracy, or of values
  /// the lowest test loss; empty: nowhere.
  std::string bestWeights;
  /// Where checkpoints go, and the one to go on from; empty: none.
  std::string checkpoint, resume;
  /// Whether each line of the log has norms of gradients, and what roundings
  /// lost.
  bool logGradients = false, logRounding = false;
  /// Where no rounding can be counted that is told, and no error.
  bool roundingIfAny = false;
  /// Go on after a loss that is not finite.
  bool keepGoing = false;
  std::string timingFile;
  /// Evaluate the same weights without rounding too.
  bool evaluateUnrounded = false;
  TrainerOptions trainer;
  Policy policy;
  CompileOptions compile;
};

/// Compiles once and trains once for each run of the policy's sweep (once
/// without a sweep). Each record repeats seed, rounding, granularity, format
/// and, for mantissa formats, truncate_mantissa of the policy's last rule.
/// Returns false when Ctrl-C ended it. Errors: also a checkpoint to resume that
/// is another model's, policy's, seed's, batch size's or data set's, with what
/// differs; a loss that is not finite, with the operation that made the first
/// such number: its run ends there, the others of a sweep do not.
llvm::Expected<bool> trainModel(const TrainOptions &options);

} // namespace mlir::prec

#endif // PREC_DRIVER_TRAIN_H
