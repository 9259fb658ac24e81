// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mini-batches in the order of a run, each made while the one before is used.
#ifndef PREC_EXECUTION_BATCHLOADER_H
#define PREC_EXECUTION_BATCHLOADER_H

#include "prec/Execution/Preprocess.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mlir::prec {

/// A thread of its own gathers the next batch. What a batch holds follows from
/// seed and number alone.
class BatchLoader {
public:
  struct Batch {
    std::vector<Tensor> inputs;
    Tensor labels;
    /// The batch that it is.
    std::optional<uint64_t> number = std::nullopt;
  };
  struct Order {
    uint32_t seed = 0;
    /// Mini-batches of an epoch, and of the whole run.
    uint64_t perEpoch = 1, total = 1;
  };

  /// `samples` and `preprocess` must outlive it; `empty` has the batches'
  /// types and sizes.
  BatchLoader(const Samples &samples, const Preprocess &preprocess, Order order,
              const Batch &empty);
  ~BatchLoader();
  BatchLoader(const BatchLoader &) = delete;
  BatchLoader &operator=(const BatchLoader &) = delete;

  /// A batch by its number. It stays until the next call, and meanwhile the
  /// next one is made if `isAhead`: worth it where it is used for longer than a
  /// thread takes to wake up.
  Batch &at(uint64_t number, bool isAhead = true);

  /// Whether the batch has been made already.
  bool isMade(uint64_t number);

private:
  void make(Batch &batch, uint64_t number);
  void work();

  const Samples &samples;
  const Preprocess &preprocess;
  const Order order;
  /// One is used, one is made; the samples of `epoch` in their order belong to
  /// whoever makes a batch.
  Batch batches[2];
  std::vector<uint32_t> samplesOfEpoch;
  std::optional<uint64_t> epoch;

  std::mutex mutex;
  std::condition_variable changed;
  /// The batch that the thread is to make, and where; unset when it is made.
  std::optional<uint64_t> wanted;
  Batch *place = nullptr;
  bool isOver = false;
  std::thread thread;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_BATCHLOADER_H
