// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over steps, and the evaluation.
#include "prec/Execution/Trainer.h"

#include "Progress.h"
#include "prec/Execution/Initialise.h"
#include "prec/Execution/Interrupt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

Callable mlir::prec::makeCallable(Function function,
                                  std::vector<int32_t> context,
                                  llvm::StringRef stepSlot) {
  Signature signature = function.signature();
  size_t slot = size_t(llvm::find_if(signature.parameters,
                                     [&](const ParameterSlot &candidate) {
                                       return candidate.name == stepSlot;
                                     }) -
                       signature.parameters.begin());
  auto call = [function = std::move(function), context = std::move(context),
               slot](llvm::ArrayRef<Tensor *> arguments, uint32_t step) {
    std::vector<int32_t> current = context;
    if (slot < current.size())
      current[slot] = int32_t(step);
    return function.call(arguments, current);
  };
  return {std::move(signature), std::move(call)};
}

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

Tensor Trainer::batchFor(const ValueInfo &x, int64_t size) const {
  llvm::SmallVector<int64_t, 4> shape = x.shape;
  shape[0] = size;
  Tensor tensor(x.dtype, shape);
  std::memset(tensor.data(), 0, tensor.byteSize());
  return tensor;
}

/// The number that a tensor without dimensions holds.
static double numberOf(const Tensor &tensor) {
  return tensor.dtype() == DType::F64 ? tensor.span<double>()[0]
                                      : double(tensor.span<float>()[0]);
}

/// The position of the largest number; none if one is NaN.
template <typename T>
static std::optional<int64_t> argmax(llvm::ArrayRef<T> logits) {
  int64_t best = 0;
  for (auto [k, value] : llvm::enumerate(logits)) {
    if (std::isnan(value))
      return std::nullopt;
    if (value > logits[size_t(best)])
      best = int64_t(k);
  }
  return best;
}

/// How many of the first `labels.size()` rows have their maximum at the label.
template <typename T>
static int64_t countRight(const Tensor &logits, int64_t classes,
                          llvm::ArrayRef<int32_t> labels) {
  int64_t right = 0;
  for (auto [row, label] : llvm::enumerate(labels))
    right += argmax(logits.span<T>().slice(row * size_t(classes),
                                           size_t(classes))) == label;
  return right;
}

Expected<std::optional<double>> Trainer::evaluate(const Callable &function,
                                                  TrainingState &state,
                                                  const Samples &samples,
                                                  int64_t count,
                                                  uint32_t atStep) const {
  const ValueInfo &x = function.signature.arguments.back();
  bool isStatic = x.shape[0] >= 0;
  int64_t size = isStatic ? x.shape[0] : batch;
  llvm::SmallVector<Tensor *> arguments;
  for (size_t i = 0; i + 1 < function.signature.arguments.size(); ++i)
    arguments.push_back(&state.tensors[i]);
  Tensor images, labels(DType::I32, {size});
  arguments.push_back(&images);
  std::vector<uint32_t> indices;
  int64_t right = 0;
  for (int64_t first = 0; first < count; first += size) {
    if (InterruptGuard::requested())
      return std::optional<double>();
    int64_t here = std::min(size, count - first);
    if (first == 0 || here != size)
      images = batchFor(x, isStatic ? size : here);
    indices.resize(size_t(here));
    std::iota(indices.begin(), indices.end(), uint32_t(first));
    gather(samples, indices, images, labels);
    auto results = function.call(arguments, atStep);
    if (!results)
      return results.takeError();
    const Tensor &logits = (*results)[0];
    int64_t classes = logits.rank() == 2 ? logits.shape()[1] : 0;
    if (classes < data->classes || logits.shape()[0] < here)
      return createStringError("@" + function.signature.name + ": found " +
                               describe(logits) + ", expected " + Twine(here) +
                               " rows of " + Twine(data->classes) + " logits");
    auto known = labels.span<int32_t>().take_front(size_t(here));
    right += logits.dtype() == DType::F64
                 ? countRight<double>(logits, classes, known)
                 : countRight<float>(logits, classes, known);
  }
  return std::optional<double>(double(right) / double(count));
}

Error Trainer::measure(TrainingState &state, TrainingRecord &record) const {
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
    auto share = evaluate(*m.function, state, *m.samples, m.count, atStep);
    if (!share)
      return share.takeError();
    m.target = *share;
  }
  return Error::success();
}

Expected<TrainingResult> Trainer::run(TrainingState &state,
                                      TrainingLog *log) const {
  if (Error error = checkState(state))
    return error;
  InterruptGuard guard;
  Progress progress(total, options.progress);
  TrainingResult result;
  const std::vector<ValueInfo> &inputs = step.signature.arguments;
  Tensor images = batchFor(inputs[stateCount], batch);
  Tensor labels(DType::I32, {batch});
  Tensor rate = Tensor::scalar(options.learningRate);
  std::vector<uint32_t> order;
  std::optional<uint64_t> orderedEpoch;
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
    for (auto [tensor, next] : llvm::zip(state.tensors, *results))
      tensor = std::move(next);
    record.loss = numberOf(results->back());
    ++state.done;
    if (!std::isfinite(record.loss) && !result.firstNonFinite)
      result.firstNonFinite = record.step;

    bool isLast = state.done == total;
    int64_t every = options.evalEvery.value_or(-1);
    if (every != 0 &&
        (isLast || (every > 0 && state.done % uint64_t(every) == 0)))
      if (Error error = measure(state, record))
        return error;
    if (log)
      if (Error error = log->write(toJson(record, options.fields)))
        return error;
    progress.show(record);
    result.last = record;
  }
  result.interrupted = state.done < total;
  return result;
}
