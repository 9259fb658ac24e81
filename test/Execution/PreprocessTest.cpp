// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Crop, flip and normalisation against their definitions, and their
// frequencies.
#include "prec/Execution/Preprocess.h"
#include "Expect.h"
#include "prec/Numerics/Random.h"
#include <cmath>
#include <map>
#include <numeric>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::HasSubstr;

namespace {

constexpr int64_t H = 4, W = 5, C = 2, N = 50;

/// Pixels that tell sample, channel and place apart; never 0.
DataSet images() {
  DataSet set;
  set.name = "images";
  set.classes = 2;
  set.training.x = Tensor(DType::F32, {N, C, H, W});
  set.training.y = Tensor(DType::I32, {N});
  auto x = set.training.x.span<float>();
  std::iota(x.begin(), x.end(), 1.0f);
  for (int64_t i = 0; i < N; ++i)
    set.training.y.span<int32_t>()[i] = int32_t(i % 2);
  return set;
}

/// The window of sample i, channel c, by the documented words.
float expected(const DataSet &set, const Preprocess &p, uint64_t epoch,
               uint32_t i, int64_t c, int64_t row, int64_t column) {
  uint64_t key = mix64(p.seed, hash64("augment"), epoch);
  auto shift = [&](uint64_t word) {
    double share = double(h32(key, word)) / 4294967296.0;
    return int64_t(std::floor(share * double(2 * p.crop + 1))) - p.crop;
  };
  if (p.flip && h32(key, 3 * uint64_t(i) + 2) >= 0x80000000u)
    column = W - 1 - column;
  row += shift(3 * uint64_t(i));
  column += shift(3 * uint64_t(i) + 1);
  if (row < 0 || row >= H || column < 0 || column >= W)
    return 0;
  return set.training.x
      .span<float>()[((int64_t(i) * C + c) * H + row) * W + column];
}

TEST(Preprocess, WindowsAreWhatTheirWordsSay) {
  DataSet set = images();
  Tensor labels(DType::I32, {3});
  for (auto [crop, flip] :
       {std::pair(0, true), std::pair(2, false), std::pair(3, true)}) {
    Preprocess p;
    p.crop = crop;
    p.flip = flip;
    p.seed = 9;
    for (uint64_t epoch : {0, 7}) {
      Tensor batch(DType::F32, {3, C, H, W});
      std::vector<uint32_t> chosen = {49, 3, 17};
      gather(set.training, chosen, p, epoch, batch, labels);
      size_t at = 0;
      for (uint32_t i : chosen)
        for (int64_t c = 0; c < C; ++c)
          for (int64_t row = 0; row < H; ++row)
            for (int64_t column = 0; column < W; ++column)
              ASSERT_EQ(batch.span<float>()[at++],
                        expected(set, p, epoch, i, c, row, column));
      EXPECT_EQ(labels.span<int32_t>()[0], 1);
    }
  }
}

TEST(Preprocess, EverySampleIsOnItsOwnAndEvaluationStaysAsItIs) {
  DataSet set = images();
  Preprocess p;
  p.crop = 1;
  p.flip = true;
  Tensor all(DType::F32, {N, C, H, W}), one(DType::F32, {1, C, H, W});
  Tensor labels(DType::I32, {N});
  std::vector<uint32_t> order(N);
  std::iota(order.rbegin(), order.rend(), 0);
  gather(set.training, order, p, 3, all, labels);
  for (size_t k = 0; k < size_t(N); ++k) {
    gather(set.training, order[k], p, 3, one, labels);
    ASSERT_EQ(one.span<float>(),
              all.span<float>().slice(k * C * H * W, C * H * W));
  }
  gather(set.training, order, p, std::nullopt, all, labels);
  EXPECT_EQ(all.span<float>()[0], float((N - 1) * C * H * W + 1));
}

TEST(Preprocess, ShiftsAndFlipsAreEquallyLikely) {
  DataSet set = images();
  Preprocess p;
  p.crop = 1;
  p.flip = true;
  std::map<std::vector<float>, int> counts;
  Tensor batch(DType::F32, {1, C, H, W}), labels(DType::I32, {1});
  constexpr int tries = 18000;
  for (uint64_t epoch = 0; epoch < tries; ++epoch) {
    gather(set.training, 5u, p, epoch, batch, labels);
    ++counts[batch.span<float>().vec()];
  }
  EXPECT_EQ(counts.size(), 18u);
  double chiSquare = 0;
  for (const auto &[image, count] : counts)
    chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chiSquare, 40.8); // 17 degrees of freedom, probability 0.001
}

TEST(Preprocess, NormalisedChannelsHaveMeanZeroAndDeviationOne) {
  DataSet set = images();
  // Bytes: divided by 255 first.
  Tensor bytes(DType::U8, {N, C, H, W});
  for (auto [i, x] : llvm::enumerate(bytes.bytes()))
    x = uint8_t(i * i + i / 20);
  for (bool areBytes : {false, true}) {
    if (areBytes)
      set.training.x = bytes.clone();
    Preprocess p;
    ASSERT_EQ(messageOf(setNormalisation(p, set)), "success");
    ASSERT_EQ(p.mean.size(), size_t(C));
    Tensor batch(DType::F64, {N, C, H, W}), labels(DType::I32, {N});
    std::vector<uint32_t> order(N);
    std::iota(order.begin(), order.end(), 0);
    gather(set.training, order, p, 0, batch, labels);
    for (int64_t c = 0; c < C; ++c) {
      double sum = 0, squares = 0, n = double(N * H * W);
      for (int64_t i = 0; i < N; ++i)
        for (int64_t k = 0; k < H * W; ++k) {
          double x = batch.span<double>()[(i * C + c) * H * W + k];
          sum += x;
          squares += x * x;
        }
      EXPECT_NEAR(sum / n, 0, 1e-12);
      EXPECT_NEAR(squares / n, 1, 1e-12);
    }
  }
}

TEST(Preprocess, WhatIsRefused) {
  DataSet set = images();
  Preprocess p;
  p.crop = 5;
  EXPECT_THAT(messageOf(checkPreprocess(p, set)),
              HasSubstr("found a crop of 5, expected 0 to 4"));
  p.crop = -1;
  EXPECT_THAT(messageOf(checkPreprocess(p, set)),
              HasSubstr("found a crop of -1, expected 0 to 4"));
  set.training.x = std::move(set.training.x).reshaped({N, C * H * W});
  p.crop = 1;
  EXPECT_THAT(messageOf(checkPreprocess(p, set)),
              HasSubstr("found samples of 1 dimensions in the data set images, "
                        "expected [channels,] height and width"));
  for (float &x : set.training.x.span<float>())
    x = 3;
  EXPECT_THAT(messageOf(setNormalisation(p, set)),
              HasSubstr("cannot normalise the data set images: channel 0 has"));
}

} // namespace
