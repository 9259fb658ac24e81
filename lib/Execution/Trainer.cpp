// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over steps, and the evaluation.
#include "prec/Execution/Trainer.h"

#include "Progress.h"
#include "StepMeasures.h"
#include "TrainerBatch.h"
#include "prec/Execution/Evaluate.h"
#include "prec/Execution/Interrupt.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir::prec;
using llvm::Error;
using llvm::Expected;

/// The number that a tensor without dimensions holds.
static double numberOf(const Tensor &tensor) {
  return tensor.dtype() == DType::F64 ? tensor.span<double>()[0]
                                      : double(tensor.span<float>()[0]);
}

Expected<bool> Trainer::measure(TrainingState &state,
                                TrainingRecord &record) const {
  auto atStep = uint32_t(options.firstStep + state.done - 1);
  int64_t testCount = data->test.count();
  int64_t trainingCount =
      std::min(data->training.count(),
               options.accuracySamples.value_or(testCount ? testCount : 10000));
  struct Measurement {
    const Callable *function;
    const Samples *samples;
    int64_t count;
    std::optional<double> &accuracy, &loss;
  };
  for (const Measurement &m :
       {Measurement{&predict, &data->training, trainingCount, record.accuracy,
                    record.trainingLoss},
        Measurement{&predict, &data->test, testCount, record.testAccuracy,
                    record.testLoss},
        Measurement{unroundedPredict ? &*unroundedPredict : nullptr,
                    &data->test, testCount, record.testAccuracyF32,
                    record.testLossF32}}) {
    if (!m.function || m.count == 0)
      continue;
    llvm::SmallVector<Tensor *> parameters;
    llvm::ArrayRef<ValueInfo> all = m.function->signature.arguments;
    for (size_t i = 0; i < all.size() - inputsOf(all).size(); ++i)
      parameters.push_back(&state.tensors[i]);
    EvaluateOptions how = {
        batch, m.count, {}, atStep, &options.preprocess, options.ignoredLabel};
    if (data->hasValues())
      how.loss = options.loss;
    auto found =
        evaluate(*m.function, parameters, *m.samples, data->classes, how);
    if (!found)
      return found.takeError();
    if (!*found)
      return false;
    if (data->hasValues())
      m.loss = (*found)->loss();
    else
      m.accuracy = (*found)->accuracy();
  }
  return true;
}

bool Trainer::isEvaluated(uint64_t done) const {
  int64_t every = options.evalEvery.value_or(-1);
  return every != 0 &&
         (done == total || (every > 0 && done % uint64_t(every) == 0));
}

bool Trainer::isSaved(uint64_t done) const {
  uint64_t every =
      options.saveEvery ? uint64_t(*options.saveEvery) : stepsPerEpoch;
  return done == total || done % every == 0;
}

bool Trainer::noteScore(TrainingState &state, double score) const {
  if (!state.bestScore || score > *state.bestScore) {
    state.bestScore = score;
    state.bestDone = state.done;
    state.evaluationsSince = 0;
  } else {
    ++state.evaluationsSince;
  }
  return options.patience &&
         state.evaluationsSince >= uint64_t(*options.patience);
}

bool Trainer::isLogged(uint64_t done) const {
  return !options.logEvery || done % uint64_t(*options.logEvery) == 0 ||
         isEvaluated(done) || done == total ||
         (options.logEpochs && done % stepsPerEpoch == 0);
}

namespace {
/// Steps that share a line, the last one's record with their sums.
class LinesOfSteps {
public:
  void add(const TrainingRecord &record) {
    double loss = record.loss, seconds = record.seconds;
    if (steps) {
      loss += held.loss;
      seconds += held.seconds;
    }
    held = record;
    held.loss = loss;
    held.seconds = seconds;
    ++steps;
  }
  bool empty() const { return steps == 0; }
  TrainingRecord take() {
    held.loss /= double(steps);
    held.steps = steps;
    steps = 0;
    return held;
  }

private:
  TrainingRecord held;
  uint64_t steps = 0;
};
} // namespace

Error Trainer::logStep(TrainingLog &log, const TrainingRecord &record,
                       const TrainingState &state) const {
  if (Error error = log.write(toJson(record, options.fields)))
    return error;
  bool isEpochsEnd = state.done % stepsPerEpoch == 0 || state.done == total;
  if (!options.logEpochs || !isEpochsEnd)
    return Error::success();
  uint64_t steps = record.step % stepsPerEpoch + 1;
  return log.write(epochToJson(
      record.epoch, steps, state.epochLoss / double(steps), options.fields));
}

Expected<TrainingResult> Trainer::run(TrainingState &state, TrainingLog *log,
                                      const SaveState &save) const {
  if (Error error = checkState(state))
    return error;
  InterruptGuard guard;
  Progress progress(total, options.progress);
  TrainingResult result;
  Batch batch = makeBatch();
  LinesOfSteps lines;
  std::optional<uint64_t> saved;
  // Where the search for a number that is not finite begins.
  constexpr uint64_t snapshotEvery = 64;
  std::optional<TrainingState> snapshot;
  if (options.patience &&
      state.evaluationsSince >= uint64_t(*options.patience)) {
    result.stoppedEarly = true;
    return result;
  }
  while (state.done < total && !InterruptGuard::requested()) {
    if (options.onNonFinite && !result.firstNonFinite &&
        (!snapshot || state.done % snapshotEvery == 0) &&
        (!snapshot || state.isFinite()))
      snapshot = state.clone();
    TrainingRecord record;
    record.step = state.done;
    record.epoch = state.done / stepsPerEpoch;
    auto results = call(step, state, batch);
    if (!results)
      return results.takeError();
    record.seconds = batch.seconds;
    if (!options.learningRate.isConstant())
      record.learningRate = double(batch.rate.span<float>()[0]);
    // The results become the state, which stays in `results` until the step
    // counts as done.
    for (auto [tensor, next] : llvm::zip(state.tensors, *results))
      tensor.swap(next);
    record.loss = numberOf((*results)[stateCount]);
    readMeasures(llvm::ArrayRef(step.signature.results).drop_front(lossEnd()),
                 llvm::ArrayRef(*results).drop_front(lossEnd()), record);
    ++state.done;

    bool isPatient = true;
    if (isEvaluated(state.done)) {
      Expected<bool> measured = measure(state, record);
      if (!measured)
        return measured.takeError();
      if (!*measured) {
        for (auto [tensor, old] : llvm::zip(state.tensors, *results))
          tensor.swap(old);
        --state.done;
        break;
      }
      std::optional<double> score = record.testAccuracy;
      if (record.testLoss)
        score = std::isnan(*record.testLoss) ? -HUGE_VAL : -*record.testLoss;
      if (score)
        isPatient = !noteScore(state, *score);
      record.isBest = options.saveBest && score && state.bestDone == state.done;
      if (record.isBest)
        if (Error error = options.saveBest(state))
          return error;
    }
    state.epochLoss =
        (record.step % stepsPerEpoch ? state.epochLoss : 0) + record.loss;
    if (log && !options.logEvery) {
      if (Error error = logStep(*log, record, state))
        return error;
    } else if (log) {
      bool wasFinite = std::isfinite(record.loss) && !result.firstNonFinite;
      if (!wasFinite && !lines.empty())
        if (Error error = log->write(toJson(lines.take(), options.fields)))
          return error;
      lines.add(record);
      if (!wasFinite || isLogged(state.done))
        if (Error error = logStep(*log, lines.take(), state))
          return error;
    }
    progress.show(record);
    result.last = record;
    if (!std::isfinite(record.loss) && !result.firstNonFinite) {
      result.firstNonFinite = record.step;
      if (options.onNonFinite) {
        Expected<bool> goesOn = options.onNonFinite(
            *this, {record.step, record.loss, std::move(*snapshot)});
        if (!goesOn)
          return goesOn.takeError();
        if (!*goesOn) {
          result.stoppedAtNonFinite = true;
          return result;
        }
      }
    }
    if (save && (isSaved(state.done) || !isPatient || record.isBest)) {
      if (Error error = save(state))
        return error;
      saved = state.done;
    }
    if (!isPatient) {
      result.stoppedEarly = true;
      return result;
    }
  }
  result.interrupted = state.done < total;
  if (save && saved != state.done)
    if (Error error = save(state))
      return error;
  return result;
}
