// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two places for batches and the thread that fills one of them.
#include "prec/Execution/BatchLoader.h"

#include "prec/Execution/Initialise.h"
#include "llvm/ADT/ArrayRef.h"

using namespace mlir::prec;

static BatchLoader::Batch copyOf(const BatchLoader::Batch &batch) {
  BatchLoader::Batch copy;
  for (const Tensor &input : batch.inputs)
    copy.inputs.push_back(input.clone());
  copy.labels = batch.labels.clone();
  return copy;
}

BatchLoader::BatchLoader(const Samples &samples, const Preprocess &preprocess,
                         Order order, const Batch &empty)
    : samples(samples), preprocess(preprocess), order(order),
      batches{copyOf(empty), copyOf(empty)}, thread([this] { work(); }) {}

BatchLoader::~BatchLoader() {
  {
    std::lock_guard lock(mutex);
    isOver = true;
  }
  changed.notify_all();
  thread.join();
}

void BatchLoader::make(Batch &batch, uint64_t number) {
  uint64_t at = number / order.perEpoch;
  if (epoch != at) {
    samplesOfEpoch = shuffled(uint64_t(samples.count()), order.seed, at);
    epoch = at;
  }
  auto size = size_t(batch.labels.shape()[0]);
  size_t first = size_t(number % order.perEpoch) * size;
  gather(samples, llvm::ArrayRef(samplesOfEpoch).slice(first, size), preprocess,
         at, batch.inputs, batch.labels);
  batch.number = number;
}

void BatchLoader::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return isOver || wanted; });
    if (isOver)
      return;
    uint64_t number = *wanted;
    lock.unlock();
    make(*place, number);
    lock.lock();
    wanted.reset();
    changed.notify_all();
  }
}

BatchLoader::Batch &BatchLoader::at(uint64_t number, bool isAhead) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return !wanted; });
  Batch *found = &batches[0];
  if (batches[1].number == number)
    found = &batches[1];
  if (found->number != number)
    make(*found, number);
  if (isAhead && number + 1 < order.total) {
    place = found == &batches[0] ? &batches[1] : &batches[0];
    wanted = number + 1;
    changed.notify_all();
  }
  return *found;
}

bool BatchLoader::isMade(uint64_t number) {
  std::lock_guard lock(mutex);
  return !wanted &&
         (batches[0].number == number || batches[1].number == number);
}
