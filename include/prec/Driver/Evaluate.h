// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Accuracy and loss of a trained model at one or many precisions: what
// prec-eval does.
#ifndef PREC_DRIVER_EVALUATE_H
#define PREC_DRIVER_EVALUATE_H

#include "prec/Driver/Compile.h"

namespace mlir::prec {

struct EvaluateModelOptions {
  std::string model, data = "fashion-mnist", dataFolder;
  /// As in training.
  bool normalize = false;
  /// An .npz of prec-train's --save-weights or of an importer, or a
  /// checkpoint. Arrays that the model does not name are left alone.
  std::string weights;
  /// Empty: what the description says, else the usual one (LossKind.h).
  std::string loss;
  /// A label of the data that stands for none.
  std::optional<int64_t> ignoredLabel;
  /// The dimension of the logits that the classes are; -1: the last.
  int64_t classAxis = -1;
  /// "test" or "training".
  std::string split = "test";
  /// Unset: what the module says, or 128 if it is dynamic there.
  std::optional<int64_t> batchSize;
  /// How many samples, from the first; unset: all.
  std::optional<int64_t> samples;
  /// JSON lines; empty: none, "-": standard output in place of the table.
  std::string log;
  std::string timingFile;
  uint32_t step = 0;
  Policy policy;
  CompileOptions compile;
};

/// Compiles @predict once and runs it once for each run of the policy's sweep.
/// Prints a table to `os`; a line of the log has split, samples, loss,
/// accuracy (of labels), seconds and the fields that prec-train repeats. False
/// when Ctrl-C ended it.
llvm::Expected<bool> evaluateModel(const EvaluateModelOptions &options,
                                   llvm::raw_ostream &os);

} // namespace mlir::prec

#endif // PREC_DRIVER_EVALUATE_H
