// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The largest, the sum or the mean of windows.
#include "LayerBuilder.h"
#include "Layers.h"
#include <limits>

using namespace mlir;
using namespace mlir::prec;

static Sizes strideOf(const Layer &layer) {
  return layer.sizes(layer.has("stride") ? "stride" : "kernel");
}

static void checkPool(LayerChecker &c) {
  if (!c.expectRank(3, "channels x height x width"))
    return;
  Sizes kernel = c.layer.sizes("kernel"), stride = strideOf(c.layer);
  Sizes padding = c.layer.sizes("padding"), sizes = {c.input()[0]};
  for (unsigned d = 0; d < 2; ++d) {
    if (padding[d] > kernel[d] / 2)
      return c.fail("padding of at most half the kernel, or windows would "
                    "hold nothing else; found padding " +
                        str(padding) + ", kernel " + str(kernel),
                    "padding");
    sizes.push_back(
        windowPlaces(c.input()[d + 1], kernel[d], stride[d], padding[d]));
  }
  if (sizes[1] < 1 || sizes[2] < 1)
    return c.fail("a kernel of " + str(kernel) + " does not fit " +
                      c.describeInput() + " with padding " + str(padding),
                  "kernel");
  c.output(sizes);
}

/// One of linalg's pooling operations; its window is a tensor that is not read.
template <typename Pool>
static Value pool(LayerBuilder &b, Value x, ArrayRef<int64_t> kernel,
                  ArrayRef<int64_t> stride, double init) {
  auto type = b.samples(b.layer.output.sizes);
  Value window = b.empty(RankedTensorType::get(kernel, b.getF32Type()));
  return Pool::create(b, TypeRange{type}, ValueRange{x, window},
                      ValueRange{b.filled(type, init)}, b.integers(stride),
                      b.integers({1, 1}))
      .getResult(0);
}

static Value buildMaxPool(LayerBuilder &b) {
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  Value x = b.pad(b.input(), b.layer.sizes("padding"), lowest);
  return pool<linalg::PoolingNchwMaxOp>(b, x, b.layer.sizes("kernel"),
                                        strideOf(b.layer), lowest);
}

/// Elements of the padding count, as PyTorch's do.
static Value buildAveragePool(LayerBuilder &b) {
  Sizes kernel = b.layer.sizes("kernel");
  Value x = b.pad(b.input(), b.layer.sizes("padding"), 0.0);
  Value sum =
      pool<linalg::PoolingNchwSumOp>(b, x, kernel, strideOf(b.layer), 0.0);
  double count = double(kernel[0] * kernel[1]);
  return b.map({sum}, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    Value divisor =
        arith::ConstantOp::create(n, n.getF32FloatAttr(float(count)));
    return arith::DivFOp::create(n, in[0], divisor);
  });
}

static constexpr OptionSpec poolOptions[] = {
    {.key = "kernel",
     .meaning = "height and width of the window",
     .kind = OptionSpec::Kind::Pair,
     .isRequired = true},
    {.key = "stride",
     .meaning = "steps of the window; without it the kernel's sizes",
     .kind = OptionSpec::Kind::Pair},
    {.key = "padding",
     .meaning = "elements on each side: of a maximum minus infinity, of a mean "
                "zeros that count",
     .kind = OptionSpec::Kind::Pair,
     .fallback = 0,
     .low = 0}};

const LayerType mlir::prec::maxPoolLayer = {
    "max-pool",  "the largest element of each window",
    poolOptions, {},
    1,           1,
    checkPool,   buildMaxPool};

const LayerType mlir::prec::averagePoolLayer = {
    "average-pool", "the mean of each window", poolOptions, {}, 1, 1,
    checkPool,      buildAveragePool};

static void checkGlobalPool(LayerChecker &c) {
  if (c.expectRank(3, "channels x height x width"))
    c.output({c.input()[0]});
}

static Value buildGlobalPool(LayerBuilder &b) {
  return b.mean(b.input(), {2, 3});
}

const LayerType mlir::prec::globalPoolLayer = {
    "global-average-pool",
    "the mean of each channel, a vector",
    {},
    {},
    1,
    1,
    checkGlobalPool,
    buildGlobalPool};
