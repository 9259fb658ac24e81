// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors and the allocator behind them.
#include "prec/Execution/Tensor.h"
#include "prec/Execution/Buffers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using namespace mlir::prec;
using testing::ElementsAre;

TEST(Tensor, CountsElements) {
  EXPECT_EQ(countElements({}), 1);
  EXPECT_EQ(countElements({2, 0, 3}), 0);
  EXPECT_EQ(countElements({2, 3}), 6);
  EXPECT_EQ(countElements({2, -1}), std::nullopt);
  EXPECT_EQ(countElements({int64_t(1) << 62, 2}), std::nullopt);
  EXPECT_EQ(countElements({int64_t(1) << 62, 2, 0}), 0);
}

TEST(Tensor, MovesAndClones) {
  Tensor a = Tensor::of<float>({2, 2}, {1, 2, 3, 4});
  const void *block = a.data();
  EXPECT_EQ(uintptr_t(block) % 64, 0u);
  Tensor b = std::move(a);
  EXPECT_EQ(b.data(), block);
  Tensor c = b.clone();
  c.span<float>()[0] = 9;
  EXPECT_THAT(b.span<float>(), ElementsAre(1, 2, 3, 4));
  Tensor d = std::move(c).reshaped({4});
  EXPECT_EQ(describe(d), "tensor<4xf32>");
  EXPECT_THAT(d.span<float>(), ElementsAre(9, 2, 3, 4));
}

TEST(Tensor, WordsAndCompatibility) {
  for (unsigned i = 0; i <= unsigned(DType::U64); ++i)
    EXPECT_EQ(parseDType(toString(DType(i))), DType(i));
  EXPECT_EQ(parseDType("f8"), std::nullopt);
  EXPECT_TRUE(isCompatible(DType::U8, DType::I8));
  EXPECT_FALSE(isCompatible(DType::U8, DType::I1));
  EXPECT_FALSE(isCompatible(DType::I32, DType::F32));
  EXPECT_FALSE(isCompatible(DType::I64, DType::I32));
  EXPECT_EQ(describe(DType::I32, {3, -1}), "tensor<3x?xi32>");
}

TEST(Buffers, BlocksHoldWhatWasAskedFor) {
  for (size_t bytes : {0, 1, 63, 64, 65, 100, 1000, 4096, 1000000}) {
    void *block = buffers::allocate(bytes);
    EXPECT_EQ(uintptr_t(block) % buffers::kAlignment, 0u);
    std::memset(block, 0xff, bytes);
    buffers::release(block);
  }
  buffers::release(nullptr);
}

TEST(Buffers, WasteIsAtMostAFifthOfBigBlocks) {
  for (size_t bytes = 10000; bytes < 200000; bytes += 777) {
    uint64_t before = buffers::statistics().liveBytes;
    void *block = buffers::allocate(bytes);
    uint64_t taken = buffers::statistics().liveBytes - before;
    EXPECT_GE(taken, bytes);
    EXPECT_LE(taken * 4, (bytes + 64) * 5 + 4 * 64);
    buffers::release(block);
  }
}

TEST(Buffers, ReusesAndTrims) {
  void *first = buffers::allocate(1 << 20);
  buffers::release(first);
  uint64_t calls = buffers::statistics().systemCalls;
  void *second = buffers::allocate((1 << 20) + 1000);
  EXPECT_EQ(second, first);
  EXPECT_EQ(buffers::statistics().systemCalls, calls);
  buffers::release(second);
  EXPECT_GT(buffers::statistics().waitingBytes, 0u);
  buffers::trim();
  EXPECT_EQ(buffers::statistics().waitingBytes, 0u);
}

TEST(Buffers, SmallBlocksMakeRoomForALargeOne) {
  buffers::trim();
  // Larger than what always may wait, and than anything in use before.
  size_t large = size_t(96) << 20, small = size_t(1) << 20;
  auto useOnce = [](size_t bytes) {
    buffers::release(buffers::allocate(bytes));
  };
  useOnce(small);
  useOnce(large);
  uint64_t calls = buffers::statistics().systemCalls;
  for (int i = 0; i < 4; ++i) {
    useOnce(large);
    useOnce(small);
  }
  // The large one waits all the time, the small one never again.
  EXPECT_LE(buffers::statistics().systemCalls, calls + 4);
  EXPECT_LE(buffers::statistics().waitingBytes,
            std::max<uint64_t>(buffers::statistics().peakBytes, 64 << 20));
  buffers::trim();
}

TEST(Buffers, MistakesEndTheProcess) {
  void *block = buffers::allocate(10);
  EXPECT_EXIT(
      {
        buffers::release(block);
        buffers::release(block);
      },
      testing::ExitedWithCode(1), "released twice");
  alignas(64) static char foreign[256] = {};
  EXPECT_EXIT(buffers::release(foreign + 128), testing::ExitedWithCode(1),
              "did not give");
  EXPECT_EXIT(buffers::allocate(size_t(1) << 62), testing::ExitedWithCode(1),
              "out of memory");
  buffers::release(block);
}

TEST(Buffers, ThreadsNeverShareABlock) {
  uint64_t live = buffers::statistics().liveBlocks;
  std::atomic<int> wrong{0};
  auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 5000; ++i) {
      size_t bytes = 1 + random() % 5000;
      auto *block = static_cast<uint8_t *>(buffers::allocate(bytes));
      std::memset(block, int(seed), bytes);
      for (size_t k = 0; k < bytes; k += 97)
        wrong += block[k] != seed;
      buffers::release(block);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed)
    threads.emplace_back(work, seed);
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(buffers::statistics().liveBlocks, live);
}
