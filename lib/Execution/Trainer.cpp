// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over steps, and the evaluation.
#include "prec/Execution/Trainer.h"

#include "Progress.h"
#include "prec/Execution/Evaluate.h"
#include "prec/Execution/Initialise.h"
#include "prec/Execution/Interrupt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <chrono>
#include <cmath>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

Expected<TrainingState> Trainer::initialState() const {
  TrainingState state;
  for (size_t i = 0; i < stateCount; ++i) {
    const ValueInfo &value = step.signature.arguments[i];
    Expected<Tensor> tensor = initialise(value, options.seed);
    if (!tensor)
      return createStringError(describeArgument(step.signature, i) + ": " +
                               llvm::toString(tensor.takeError()));
    state.names.push_back(value.name);
    state.tensors.push_back(std::move(*tensor));
  }
  return state;
}

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
    std::optional<double> &target;
  };
  for (const Measurement &m :
       {Measurement{&predict, &data->training, trainingCount, record.accuracy},
        Measurement{&predict, &data->test, testCount, record.testAccuracy},
        Measurement{unroundedPredict ? &*unroundedPredict : nullptr,
                    &data->test, testCount, record.testAccuracyF32}}) {
    if (!m.function || m.count == 0)
      continue;
    llvm::SmallVector<Tensor *> parameters;
    for (size_t i = 0; i + 1 < m.function->signature.arguments.size(); ++i)
      parameters.push_back(&state.tensors[i]);
    EvaluateOptions how = {batch, m.count, std::nullopt, atStep};
    auto found =
        evaluate(*m.function, parameters, *m.samples, data->classes, how);
    if (!found)
      return found.takeError();
    if (!*found)
      return false;
    m.target = (*found)->accuracy();
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

Expected<TrainingResult> Trainer::run(TrainingState &state, TrainingLog *log,
                                      const SaveState &save) const {
  if (Error error = checkState(state))
    return error;
  InterruptGuard guard;
  Progress progress(total, options.progress);
  TrainingResult result;
  const std::vector<ValueInfo> &inputs = step.signature.arguments;
  Tensor images = zeroBatch(inputs[stateCount], batch);
  Tensor labels(DType::I32, {batch});
  Tensor rate = Tensor::scalar(options.learningRate);
  std::vector<uint32_t> order;
  std::optional<uint64_t> orderedEpoch, saved;
  while (state.done < total && !InterruptGuard::requested()) {
    TrainingRecord record;
    record.step = state.done;
    record.epoch = state.done / stepsPerEpoch;
    if (orderedEpoch != record.epoch) {
      order = shuffled(uint64_t(data->training.count()), options.seed,
                       record.epoch);
      orderedEpoch = record.epoch;
    }
    size_t first = size_t(state.done % stepsPerEpoch) * size_t(batch);
    gather(data->training, llvm::ArrayRef(order).slice(first, size_t(batch)),
           images, labels);

    llvm::SmallVector<Tensor *> arguments;
    for (Tensor &tensor : state.tensors)
      arguments.push_back(&tensor);
    arguments.append({&images, &labels, &rate});
    auto start = std::chrono::steady_clock::now();
    auto results =
        step.call(arguments, uint32_t(options.firstStep + state.done));
    record.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    if (!results)
      return results.takeError();
    // The results become the state, which stays in `results` until the step
    // counts as done.
    for (auto [tensor, next] : llvm::zip(state.tensors, *results))
      tensor.swap(next);
    record.loss = numberOf(results->back());
    ++state.done;
    if (!std::isfinite(record.loss) && !result.firstNonFinite)
      result.firstNonFinite = record.step;

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
    }
    if (log)
      if (Error error = log->write(toJson(record, options.fields)))
        return error;
    progress.show(record);
    result.last = record;
    if (save && isSaved(state.done)) {
      if (Error error = save(state))
        return error;
      saved = state.done;
    }
  }
  result.interrupted = state.done < total;
  if (save && saved != state.done)
    if (Error error = save(state))
      return error;
  return result;
}
