// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training module, a data set and options must agree in.
#include "prec/Execution/Trainer.h"

#include "StepMeasures.h"
#include "prec/Execution/Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <cmath>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

static bool isNumber(const ValueInfo &value) {
  return value.kind != ValueKind::Memref && value.shape.empty() &&
         (value.dtype == DType::F32 || value.dtype == DType::F64);
}

/// Elements of one sample of x, or labels of one; nothing if a size is dynamic.
static std::optional<int64_t> sampleSize(const ValueInfo &x) {
  return countElements(llvm::ArrayRef(x.shape).drop_front());
}

Error Trainer::checkStep() {
  const Signature &signature = step.signature;
  auto bad = [&](size_t index, const Twine &expected) {
    return createStringError(describeArgument(signature, index) + ": found " +
                             describe(signature.arguments[index]) +
                             ", expected " + expected);
  };
  size_t count = signature.arguments.size();
  llvm::ArrayRef<ValueInfo> results = signature.results;
  size_t inputs =
      count < 4
          ? 0
          : inputsOf(llvm::ArrayRef(signature.arguments).drop_back(2)).size();
  stateCount = count - 2 - inputs;
  if (count < 4 || results.size() < stateCount + 1 ||
      !llvm::all_of(results.drop_front(stateCount + 1), isMeasure))
    return createStringError(
        "@" + signature.name + ": found " + Twine(count) + " arguments and " +
        Twine(signature.results.size()) +
        " results, expected (parameters..., state..., inputs..., labels, "
        "learning rate) -> (parameters..., state..., loss)");
  for (size_t i = 0; i < stateCount; ++i) {
    const ValueInfo &in = signature.arguments[i], &out = signature.results[i];
    if (in.kind == ValueKind::Memref || !countElements(in.shape))
      return bad(i, "a tensor of static shape");
    if (in.dtype != out.dtype || in.shape != out.shape)
      return bad(i, "the type of result " + Twine(i) + ", " + describe(out));
  }
  const ValueInfo &x = signature.arguments[stateCount];
  const ValueInfo &labels = signature.arguments[count - 2];
  const ValueInfo &rate = signature.arguments[count - 1];
  if (Error error = checkInputs(signature, stateCount, inputs, *data))
    return error;
  for (size_t i = 1; i < inputs; ++i)
    if (signature.arguments[stateCount + i].shape[0] != x.shape[0])
      return bad(stateCount + i, "a batch of " + describe(x) + "'s size");
  bool hasValues = data->hasValues();
  bool isOfType = hasValues
                      ? labels.dtype == DType::F32 || labels.dtype == DType::F64
                      : labels.dtype == DType::I32;
  if (labels.kind != ValueKind::Tensor || !isOfType || labels.shape.empty() ||
      (labels.shape[0] >= 0 && x.shape[0] >= 0 &&
       labels.shape[0] != x.shape[0]))
    return bad(count - 2,
               hasValues ? "values, f32 or f64, one or more for each sample of "
                           "x, as the data set " +
                               data->name + " has"
                         : "labels, i32, one or more for each sample of x, as "
                           "the data set " +
                               data->name + " has");
  if (int64_t wanted = data->training.labelSize(); sampleSize(labels) != wanted)
    return bad(count - 2,
               Twine(wanted) + (hasValues ? " values" : " labels") +
                   " a sample, as the data set " + data->name + " has" +
                   (hasValues ? kValuesAreFloats : llvm::StringLiteral("")));
  if (!isNumber(rate) || rate.dtype != DType::F32)
    return bad(count - 1, "the learning rate, f32");
  if (!isNumber(results[stateCount]))
    return createStringError("@" + signature.name + ": found the last result " +
                             describe(results[stateCount]) +
                             ", expected the loss, f32 or f64");
  int64_t fixed = std::max(x.shape[0], labels.shape[0]);
  if (fixed >= 0 && options.batchSize && *options.batchSize != fixed)
    return createStringError("found batch size " + Twine(*options.batchSize) +
                             ", expected " + Twine(fixed) + " as @" +
                             signature.name + " is made for");
  batch =
      fixed >= 0 ? fixed : options.batchSize.value_or(options.usualBatchSize);
  if (options.batchParts < 1 || batch % options.batchParts != 0)
    return createStringError("found " + Twine(options.batchParts) +
                             " parts of a batch, expected a divisor of the "
                             "batch size " +
                             Twine(batch));
  return Error::success();
}

Error Trainer::checkPredict(const Callable &function) const {
  const Signature &signature = function.signature;
  size_t count = signature.arguments.size();
  size_t inputs = inputsOf(signature.arguments).size(),
         wanted =
             inputsOf(llvm::ArrayRef(step.signature.arguments).drop_back(2))
                 .size();
  if (count < 2 || inputs != wanted || count - inputs > stateCount ||
      signature.results.size() != 1)
    return createStringError("@" + signature.name + ": found " + Twine(count) +
                             " arguments and " +
                             Twine(signature.results.size()) +
                             " results, expected (parameters..., inputs...) -> "
                             "logits with @step's " +
                             Twine(wanted) + " inputs");
  for (size_t i = 0; i + inputs < count; ++i) {
    const ValueInfo &found = signature.arguments[i];
    const ValueInfo &expected = step.signature.arguments[i];
    bool sameName = found.name.empty() || expected.name.empty() ||
                    found.name == expected.name;
    if (found.dtype != expected.dtype || found.shape != expected.shape ||
        !sameName)
      return createStringError(describeArgument(signature, i) + ": found " +
                               describe(found) + ", expected " +
                               describe(expected) + " as " +
                               describeArgument(step.signature, i));
  }
  return checkPredictFits(signature, *data);
}

Error Trainer::checkState(const TrainingState &state) const {
  if (state.tensors.size() != stateCount)
    return createStringError("found a state of " + Twine(state.tensors.size()) +
                             " tensors, expected " + Twine(stateCount));
  if (state.done > total)
    return createStringError("found a state after " + Twine(state.done) +
                             " steps, expected at most " + Twine(total) +
                             ", the steps of this run");
  for (size_t i = 0; i < stateCount; ++i) {
    const ValueInfo &expected = step.signature.arguments[i];
    const Tensor &found = state.tensors[i];
    if (found.dtype() != expected.dtype ||
        found.shape() != llvm::ArrayRef(expected.shape))
      return createStringError(describeArgument(step.signature, i) +
                               ": found " + describe(found) + ", expected " +
                               describe(expected));
  }
  return Error::success();
}

Expected<Trainer> Trainer::create(Callable step, Callable predict,
                                  const DataSet &data, TrainerOptions options) {
  Trainer trainer;
  trainer.step = std::move(step);
  trainer.predict = std::move(predict);
  trainer.data = &data;
  trainer.options = std::move(options);
  const TrainerOptions &given = trainer.options;
  if (Error error = trainer.checkStep())
    return error;
  if (Error error = trainer.checkPredict(trainer.predict))
    return error;
  int64_t samples = data.training.count();
  if (trainer.batch < 1 || trainer.batch > samples)
    return createStringError("found batch size " + Twine(trainer.batch) +
                             ", expected 1 to " + Twine(samples) +
                             ", the number of training samples");
  if (samples >= (int64_t(1) << 32))
    return createStringError("found " + Twine(samples) +
                             " samples, expected fewer than 2^32");
  if (given.epochs < 0 || given.steps.value_or(0) < 0 ||
      given.evalEvery.value_or(0) < 0 || given.accuracySamples.value_or(0) < 0)
    return createStringError("found a negative number of steps, epochs or "
                             "samples, expected 0 or more");
  if (given.saveEvery.value_or(1) < 1)
    return createStringError("found a checkpoint every " +
                             Twine(*given.saveEvery) +
                             " steps, expected 1 or more");
  if (given.saveBest && (given.evalEvery == 0 || data.test.count() == 0))
    return createStringError(
        given.evalEvery == 0
            ? "found no evaluation, expected some to know the best weights by"
            : "the data set has no test samples, expected some to know the "
              "best weights by");
  if (!std::isfinite(given.learningRate.base))
    return createStringError("found a learning rate that is not finite");
  if (Error error = checkPreprocess(given.preprocess, data))
    return error;
  if (given.patience.value_or(1) < 1)
    return createStringError("found a patience of " + Twine(*given.patience) +
                             " evaluations, expected 1 or more");
  trainer.stepsPerEpoch = uint64_t(samples / trainer.batch);
  __uint128_t total = given.steps
                          ? __uint128_t(*given.steps)
                          : __uint128_t(given.epochs) * trainer.stepsPerEpoch;
  if (total + given.firstStep > (uint64_t(1) << 32))
    return createStringError("found more than 2^32 steps");
  trainer.total = uint64_t(total);
  return trainer;
}

Error Trainer::setUnroundedPredict(Callable function) {
  if (Error error = checkPredict(function))
    return error;
  unroundedPredict = std::move(function);
  return Error::success();
}
