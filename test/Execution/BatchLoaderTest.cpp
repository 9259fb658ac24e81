// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loader's batches are those of their definition, in whatever order they
// are asked for, and the next one is made without being asked for.
#include "prec/Execution/BatchLoader.h"
#include "Expect.h"
#include "prec/Execution/Initialise.h"
#include <chrono>
#include <thread>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {

constexpr int64_t kSamples = 23, kBatch = 4;
constexpr uint64_t kPerEpoch = 5, kTotal = 17;
constexpr uint32_t kSeed = 9;

struct Loading : testing::Test {
  Samples samples;
  Preprocess nothing;
  BatchLoader::Batch empty;

  Loading() {
    samples.x = Tensor(DType::F32, {kSamples, 2});
    samples.others.push_back(Tensor(DType::I32, {kSamples, 1}));
    samples.y = Tensor(DType::I32, {kSamples});
    for (int i = 0; i < kSamples; ++i) {
      samples.x.span<float>()[2 * i] = float(i);
      samples.x.span<float>()[2 * i + 1] = float(-i);
      samples.others[0].span<int32_t>()[i] = 100 + i;
      samples.y.span<int32_t>()[i] = i;
    }
    empty.inputs.push_back(Tensor(DType::F32, {kBatch, 2}));
    empty.inputs.push_back(Tensor(DType::I32, {kBatch, 1}));
    empty.labels = Tensor(DType::I32, {kBatch});
  }
  BatchLoader::Order order() const { return {kSeed, kPerEpoch, kTotal}; }

  /// Batch k of an epoch has the samples from k * kBatch on of its order.
  void check(const BatchLoader::Batch &batch, uint64_t number) {
    std::vector<uint32_t> all = shuffled(kSamples, kSeed, number / kPerEpoch);
    for (size_t i = 0; i < size_t(kBatch); ++i) {
      auto sample = int32_t(all[(number % kPerEpoch) * size_t(kBatch) + i]);
      EXPECT_EQ(batch.labels.span<int32_t>()[i], sample) << number;
      EXPECT_EQ(batch.inputs[0].span<float>()[2 * i + 1], float(-sample));
      EXPECT_EQ(batch.inputs[1].span<int32_t>()[i], 100 + sample);
    }
  }
};

TEST_F(Loading, EachBatchOfARun) {
  BatchLoader loader(samples, nothing, order(), empty);
  for (uint64_t number = 0; number < kTotal; ++number)
    check(loader.at(number, number % 3 != 1), number);
}

TEST_F(Loading, AnyOrderAndAgain) {
  BatchLoader loader(samples, nothing, order(), empty);
  for (uint64_t number : {7, 7, 8, 2, 16, 15, 16, 0, 1, 1, 2})
    check(loader.at(number), number);
}

TEST_F(Loading, TheNextOneIsMadeMeanwhile) {
  BatchLoader loader(samples, nothing, order(), empty);
  EXPECT_FALSE(loader.isMade(0));
  BatchLoader::Batch &used = loader.at(3);
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + std::chrono::seconds(60);
  while (!loader.isMade(4) && Clock::now() < end)
    std::this_thread::yield();
  EXPECT_TRUE(loader.isMade(4));
  check(used, 3);
  // None follows the last one, nor one that is not to be followed.
  check(loader.at(9, false), 9);
  EXPECT_FALSE(loader.isMade(10));
  check(loader.at(kTotal - 1), kTotal - 1);
  EXPECT_FALSE(loader.isMade(kTotal));
}

TEST_F(Loading, OneThatIsMakingABatchEnds) {
  for (int i = 0; i < 50; ++i)
    BatchLoader(samples, nothing, order(), empty).at(0);
}

} // namespace
