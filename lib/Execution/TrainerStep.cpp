// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Single steps: first state, batches, calls, and the way back to a number that
// is not finite.
#include "TrainerBatch.h"
#include "prec/Execution/Evaluate.h"
#include "prec/Execution/Initialise.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <chrono>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;

TrainingState TrainingState::clone() const {
  TrainingState copy;
  copy.names = names;
  for (const Tensor &tensor : tensors)
    copy.tensors.push_back(tensor.clone());
  copy.done = done;
  copy.epochLoss = epochLoss;
  copy.bestScore = bestScore;
  copy.bestDone = bestDone;
  copy.evaluationsSince = evaluationsSince;
  return copy;
}

/// Whether no number has an exponent of all ones.
template <typename Word>
static bool isFinite(llvm::ArrayRef<Word> bits, Word exponent) {
  Word bad = 0;
  for (Word word : bits)
    bad |= Word((word & exponent) == exponent);
  return bad == 0;
}

static bool isFinite(const Tensor &tensor) {
  if (tensor.dtype() == DType::F32)
    return isFinite<uint32_t>(tensor.span<uint32_t>(), 0x7f800000);
  if (tensor.dtype() == DType::F64)
    return isFinite<uint64_t>(tensor.span<uint64_t>(), 0x7ff0000000000000);
  return true;
}

bool TrainingState::isFinite() const {
  return llvm::all_of(tensors,
                      [](const Tensor &tensor) { return ::isFinite(tensor); });
}

Expected<TrainingState> Trainer::initialState(FirstValue given) const {
  TrainingState state;
  for (size_t i = 0; i < stateCount; ++i) {
    const ValueInfo &value = step.signature.arguments[i];
    Expected<const Tensor *> known =
        given ? given(step.signature, i) : Expected<const Tensor *>(nullptr);
    if (!known)
      return known.takeError();
    Expected<Tensor> tensor =
        *known ? (*known)->clone() : initialise(value, options.seed);
    if (!tensor)
      return createStringError(describeArgument(step.signature, i) + ": " +
                               llvm::toString(tensor.takeError()));
    state.names.push_back(value.name);
    state.tensors.push_back(std::move(*tensor));
  }
  return state;
}

Trainer::Batch Trainer::makeBatch() const {
  llvm::ArrayRef<ValueInfo> own =
      llvm::ArrayRef(step.signature.arguments).drop_front(stateCount);
  BatchLoader::Batch empty;
  for (const ValueInfo &input : own.drop_back(2))
    empty.inputs.push_back(zeroBatch(input, batch));
  empty.labels = zeroBatch(own[own.size() - 2], batch);
  return {BatchLoader(data->training, options.preprocess,
                      {options.seed, stepsPerEpoch, total}, empty),
          Tensor::scalar(0.0f)};
}

Expected<std::vector<Tensor>> Trainer::call(const Callable &function,
                                            TrainingState &state,
                                            Batch &arguments) const {
  // Below it, handing over to another thread costs more than it saves.
  constexpr double shortStep = 1e-3;
  BatchLoader::Batch &loaded =
      arguments.loader.at(state.done, arguments.seconds > shortStep);
  arguments.rate.span<float>()[0] = options.learningRate.at(state.done, total);

  llvm::SmallVector<Tensor *> pointers;
  for (Tensor &tensor : state.tensors)
    pointers.push_back(&tensor);
  for (Tensor &input : loaded.inputs)
    pointers.push_back(&input);
  pointers.append({&loaded.labels, &arguments.rate});
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  auto results =
      function.call(pointers, uint32_t(options.firstStep + state.done));
  arguments.seconds =
      std::chrono::duration<double>(Clock::now() - start).count();
  return results;
}

Expected<bool> Trainer::advanceToNonFinite(TrainingState &state,
                                           uint64_t end) const {
  Batch batch = makeBatch();
  while (state.done < end) {
    auto results = call(step, state, batch);
    if (!results)
      return results.takeError();
    if (!llvm::all_of(llvm::ArrayRef(*results).take_front(lossEnd()),
                      [](const Tensor &t) { return isFinite(t); }))
      return true;
    for (auto [tensor, next] : llvm::zip(state.tensors, *results))
      tensor.swap(next);
    ++state.done;
  }
  return false;
}

Expected<std::vector<Tensor>> Trainer::callAt(const Callable &function,
                                              TrainingState &state) const {
  Batch batch = makeBatch();
  return call(function, state, batch);
}
