// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Crop, flip and normalisation, sample by sample.
#include "prec/Execution/Preprocess.h"

#include "prec/Execution/LearningRate.h"
#include "prec/Numerics/Describe.h"
#include "prec/Numerics/Random.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <algorithm>
#include <cmath>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Twine;

std::string Preprocess::str() const {
  std::string text;
  auto add = [&](const std::string &word) {
    text += (text.empty() ? "" : " ") + word;
  };
  if (!mean.empty())
    add("normalize");
  if (crop)
    add("crop=" + std::to_string(crop));
  if (flip)
    add("flip");
  return text.empty() ? "none" : text;
}

namespace {
/// A sample as channels of height times width.
struct Layout {
  int64_t channels = 1, height = 1, width = 1;
  bool isImage = false;

  explicit Layout(const Samples &samples) {
    llvm::ArrayRef<int64_t> sizes = samples.x.shape().drop_front();
    isImage = sizes.size() == 2 || sizes.size() == 3;
    if (sizes.size() == 3)
      channels = sizes[0];
    width = isImage ? sizes.back() : samples.sampleSize();
    height = isImage ? sizes[sizes.size() - 2] : 1;
  }
  int64_t area() const { return height * width; }
};
} // namespace

static double valueAt(const Tensor &x, int64_t i) {
  switch (x.dtype()) {
  case DType::U8:
    return double(x.span<uint8_t>()[i]) / 255;
  case DType::F32:
    return double(x.span<float>()[i]);
  default:
    return x.span<double>()[i];
  }
}

Error mlir::prec::setNormalisation(Preprocess &preprocess,
                                   const DataSet &data) {
  const Samples &samples = data.training;
  Layout layout(samples);
  if (samples.x.dtype() == DType::I32)
    return createStringError("cannot normalise the data set " + data.name +
                             ": its samples are tokens");
  auto perChannel = [&](auto term) {
    std::vector<double> sums(size_t(layout.channels), 0.0);
    int64_t i = 0;
    for (int64_t sample = 0; sample < samples.count(); ++sample)
      for (int64_t c = 0; c < layout.channels; ++c)
        for (int64_t k = 0; k < layout.area(); ++k)
          sums[size_t(c)] += term(valueAt(samples.x, i++), c);
    for (double &sum : sums)
      sum /= double(samples.count() * layout.area());
    return sums;
  };
  preprocess.mean = perChannel([](double x, int64_t) { return x; });
  preprocess.deviation = perChannel([&](double x, int64_t c) {
    double difference = x - preprocess.mean[size_t(c)];
    return difference * difference;
  });
  for (auto [c, variance] : llvm::enumerate(preprocess.deviation)) {
    variance = std::sqrt(variance);
    if (variance <= 0 || !std::isfinite(variance))
      return createStringError("cannot normalise the data set " + data.name +
                               ": channel " + Twine(c) +
                               " has a deviation of " + shortestText(variance));
  }
  return Error::success();
}

Error mlir::prec::checkPreprocess(const Preprocess &preprocess,
                                  const DataSet &data) {
  Layout layout(data.training);
  if (!preprocess.isNothing() && data.training.x.dtype() == DType::I32)
    return createStringError("found tokens in the data set " + data.name +
                             ", expected images to normalise, crop or flip");
  if (!preprocess.flip && preprocess.crop == 0)
    return Error::success();
  if (!layout.isImage)
    return createStringError(
        "found samples of " + Twine(data.training.x.rank() - 1) +
        " dimensions in the data set " + data.name +
        ", expected [channels,] height and width to flip or crop");
  int64_t most = std::min(layout.height, layout.width);
  if (preprocess.crop < 0 || preprocess.crop > most)
    return createStringError("found a crop of " + Twine(preprocess.crop) +
                             ", expected 0 to " + Twine(most));
  return Error::success();
}

namespace {
/// Where an output's pixel comes from.
struct Window {
  int64_t row = 0, column = 0; ///< offsets, negative beyond the border
  bool isFlipped = false;
};
} // namespace

static Window windowOf(const Preprocess &preprocess, uint64_t epoch,
                       uint32_t sample) {
  uint64_t key = mix64(preprocess.seed, hash64("augment"), epoch);
  uint64_t at = 3 * uint64_t(sample),
           places = 2 * uint64_t(preprocess.crop) + 1;
  Window window;
  window.row = int64_t((h32(key, at) * places) >> 32) - preprocess.crop;
  window.column = int64_t((h32(key, at + 1) * places) >> 32) - preprocess.crop;
  window.isFlipped = preprocess.flip && h32(key, at + 2) >> 31;
  return window;
}

/// Replaces one channel by its window.
template <typename T>
static void move(llvm::MutableArrayRef<T> channel, const Layout &layout,
                 const Window &window) {
  std::vector<T> old(channel.begin(), channel.end());
  for (int64_t r = 0; r < layout.height; ++r)
    for (int64_t c = 0; c < layout.width; ++c) {
      int64_t from = window.isFlipped ? layout.width - 1 - c : c;
      int64_t row = r + window.row, column = from + window.column;
      bool isInside = row >= 0 && row < layout.height && column >= 0 &&
                      column < layout.width;
      channel[size_t(r * layout.width + c)] =
          isInside ? old[size_t(row * layout.width + column)] : T(0);
    }
}

template <typename T>
static void apply(const Samples &samples, llvm::ArrayRef<uint32_t> indices,
                  const Preprocess &preprocess, std::optional<uint64_t> epoch,
                  Tensor &batch) {
  Layout layout(samples);
  bool moves = epoch && (preprocess.crop || preprocess.flip);
  llvm::MutableArrayRef<T> rest = batch.span<T>();
  for (uint32_t index : indices) {
    Window window;
    if (moves)
      window = windowOf(preprocess, *epoch, index);
    for (int64_t c = 0; c < layout.channels; ++c) {
      llvm::MutableArrayRef<T> channel = rest.take_front(size_t(layout.area()));
      rest = rest.drop_front(size_t(layout.area()));
      if (moves)
        move(channel, layout, window);
      if (preprocess.mean.empty())
        continue;
      auto mean = T(preprocess.mean[size_t(c)]);
      auto deviation = T(preprocess.deviation[size_t(c)]);
      for (T &x : channel)
        x = (x - mean) / deviation;
    }
  }
}

void mlir::prec::gather(const Samples &samples,
                        llvm::ArrayRef<uint32_t> indices,
                        const Preprocess &preprocess,
                        std::optional<uint64_t> epoch,
                        llvm::MutableArrayRef<Tensor> inputs, Tensor &labels) {
  gather(samples, indices, inputs, labels);
  if (preprocess.isNothing())
    return;
  Tensor &batch = inputs[0];
  if (batch.dtype() == DType::F64)
    apply<double>(samples, indices, preprocess, epoch, batch);
  else if (batch.dtype() == DType::F32)
    apply<float>(samples, indices, preprocess, epoch, batch);
}
