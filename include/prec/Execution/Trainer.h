// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The training loop.
//
// It runs two functions over mini-batches:
//
//   @step(parameters..., state..., inputs..., labels i32, learning rate f32)
//       -> (parameters..., state..., loss, measures...)
//   @predict(parameters..., inputs...) -> logits
//
// (one input, x, unless those before it have the role input, too)
//
// or, for a data set with values to fit, f32 or f64 in place of labels and as
// many outputs in place of logits: then the loss is measured where accuracy
// would be.
//
// Their first dimensions of x, labels and logits are the batch: a number, or
// dynamic. In training a short last batch is dropped; evaluation takes all
// samples, the last ones padded with zeros if the batch is a number. Measures
// are what StepResults.h names; they go to the log.
//
// Everything follows from the seed: the first parameters (Initialise.h), and
// the order of each epoch from seed and epoch. There is no hidden state: a
// TrainingState and the options decide the rest of a run, bit for bit.
//
// The loop knows no compiler: the functions are callables, so that tests bring
// their own.
#ifndef PREC_EXECUTION_TRAINER_H
#define PREC_EXECUTION_TRAINER_H

#include "prec/Execution/Callable.h"
#include "prec/Execution/LearningRate.h"
#include "prec/Execution/Preprocess.h"
#include "prec/Execution/TrainingLog.h"
#include "prec/LossKind.h"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mlir::prec {

class Trainer;

/// Parameters and state after `done` steps, in the order of @step, and what the
/// loop remembers of the steps before.
struct TrainingState {
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
  uint64_t done = 0;
  /// The sum of the losses of the epoch so far.
  double epochLoss = 0;
  /// The best test accuracy, or the lowest test loss times -1, the steps it was
  /// reached after, and the evaluations since.
  std::optional<double> bestScore;
  uint64_t bestDone = 0, evaluationsSince = 0;

  TrainingState clone() const;
  /// Whether all numbers are finite.
  bool isFinite() const;
};

/// Keeps a state for later.
using SaveState = std::function<llvm::Error(const TrainingState &)>;

/// A loss that is not finite: its step, and a state from before it whose
/// numbers all were.
struct NonFinite {
  uint64_t step = 0;
  double loss = 0;
  TrainingState before;
};

struct TrainerOptions {
  static constexpr int64_t usualBatchSize = 128;
  /// Unset: what the module says, or the usual one if it is dynamic there.
  std::optional<int64_t> batchSize;
  /// Equal parts in which the step goes through a batch.
  int64_t batchParts = 1;
  /// Unset: epochs times the steps of an epoch.
  std::optional<int64_t> steps;
  int64_t epochs = 1;
  LearningRate learningRate;
  /// Unset: the last step only. 0: never. N: each N-th step and the last.
  std::optional<int64_t> evalEvery;
  /// Training samples that "accuracy" is measured on, the first ones; unset: as
  /// many as the test set has.
  std::optional<int64_t> accuracySamples;
  /// Early stopping: the run ends when so many evaluations in a row brought no
  /// test accuracy above the best one (of values: no test loss below). Unset:
  /// never.
  std::optional<int64_t> patience;
  /// Lines of the log: of each N-th step, of each one that is evaluated and of
  /// the last, each for the steps since the line before; from the first loss on
  /// that is not finite, of each step. Unset: of each step.
  std::optional<int64_t> logEvery;
  /// Whether the log has a line for each epoch, too.
  bool logEpochs = false;
  /// Called once, at the first loss that is not finite; the run goes on if it
  /// says so. Unset: it goes on.
  std::function<llvm::Expected<bool>(const Trainer &, NonFinite)> onNonFinite;
  /// How often `save` is called (Trainer::run): after each N-th step; unset: at
  /// the end of each epoch. After the last step, after one that `saveBest` was
  /// called for, and when Ctrl-C ended the run, it is called anyway.
  std::optional<int64_t> saveEvery;
  /// Called after each evaluation whose test accuracy is above all before (of
  /// values: the test loss below), also those before the state that the run
  /// goes on from. Unset: never.
  SaveState saveBest;
  Preprocess preprocess;
  /// What evaluations of values measure.
  LossKind loss = LossKind::SquaredError;
  /// Labels that evaluations do not count.
  std::optional<int64_t> ignoredLabel;
  uint32_t seed = 0;
  /// The step that random bits see first.
  uint32_t firstStep = 0;
  /// A progress bar on standard error, if that is a terminal.
  bool progress = true;
  /// What each line of the log repeats.
  ConstantFields fields;
};

struct TrainingResult {
  /// The last step's record.
  TrainingRecord last;
  /// Ctrl-C ended the run; the log is complete up to `last`.
  bool interrupted = false;
  /// It ended for want of patience.
  bool stoppedEarly = false;
  /// It ended at a loss that was not finite.
  bool stoppedAtNonFinite = false;
  /// The first step whose loss was not finite.
  std::optional<uint64_t> firstNonFinite;
};

class Trainer {
public:
  /// Errors: the functions are not as above or do not fit each other or the
  /// data set, the batch is larger than the training set, numbers out of range.
  /// `data` must outlive the trainer.
  static llvm::Expected<Trainer> create(Callable step, Callable predict,
                                        const DataSet &data,
                                        TrainerOptions options);

  /// The same weights are also evaluated by this function
  /// ("test_accuracy_f32"). Errors: its signature is not that of @predict.
  llvm::Error setUnroundedPredict(Callable predict);

  /// What argument i of @step begins with; null: what its prec.init says.
  using FirstValue = llvm::function_ref<llvm::Expected<const Tensor *>(
      const Signature &step, size_t i)>;
  /// Errors: a parameter without a valid prec.init, those of `given`.
  llvm::Expected<TrainingState> initialState(FirstValue given = nullptr) const;

  /// Runs from state.done to the last step. `log` and `save` may be null.
  /// Ctrl-C ends it between two steps; one whose evaluation was cut short
  /// counts as not done. Errors: a call fails, the log cannot be written,
  /// `save` fails, the state is another module's or beyond the last step.
  llvm::Expected<TrainingResult> run(TrainingState &state, TrainingLog *log,
                                     const SaveState &save = nullptr) const;

  /// Takes steps from a state of finite numbers up to the one before `end`, but
  /// not the first whose results are not all finite: `state` is then what that
  /// one starts from. False if there is none.
  llvm::Expected<bool> advanceToNonFinite(TrainingState &state,
                                          uint64_t end) const;

  /// Calls a function with the arguments that @step gets from this state.
  llvm::Expected<std::vector<Tensor>> callAt(const Callable &function,
                                             TrainingState &state) const;

  uint64_t totalSteps() const { return total; }
  int64_t batchSize() const { return batch; }
  int64_t stepsInEpoch() const { return int64_t(stepsPerEpoch); }
  const Preprocess &preprocess() const { return options.preprocess; }
  /// Parameters and state, in the order of @step.
  llvm::ArrayRef<ValueInfo> stateSignature() const {
    return llvm::ArrayRef(step.signature.arguments).take_front(stateCount);
  }

private:
  struct Batch;

  Trainer() = default;
  Batch makeBatch() const;
  llvm::Expected<std::vector<Tensor>>
  call(const Callable &function, TrainingState &state, Batch &batch) const;
  llvm::Error checkStep();
  llvm::Error checkPredict(const Callable &predict) const;
  /// Notes how good an evaluation was; true when patience is at its end.
  bool noteScore(TrainingState &state, double score) const;
  llvm::Error logStep(TrainingLog &log, const TrainingRecord &record,
                      const TrainingState &state) const;
  llvm::Error checkState(const TrainingState &state) const;
  /// False when Ctrl-C came.
  llvm::Expected<bool> measure(TrainingState &state,
                               TrainingRecord &record) const;
  bool isEvaluated(uint64_t done) const;
  bool isLogged(uint64_t done) const;
  bool isSaved(uint64_t done) const;

  Callable step, predict;
  std::optional<Callable> unroundedPredict;
  const DataSet *data = nullptr;
  TrainerOptions options;
  /// How many results are no measures.
  size_t lossEnd() const { return stateCount + 1; }
  size_t stateCount = 0; // parameters and state
  int64_t batch = 0;
  uint64_t stepsPerEpoch = 0, total = 0;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_TRAINER_H
