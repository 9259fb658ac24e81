// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Batch norm, layer norm and softmax, as graphs of what they compute.
#include "LayerBuilder.h"
#include "Layers.h"

using namespace mlir;
using namespace mlir::prec;

static constexpr llvm::StringLiteral weightAndBias[] = {"weight", "bias"};

static constexpr OptionSpec affineOption = {
    .key = "affine",
    .meaning = "whether a learned weight and bias follow",
    .kind = OptionSpec::Kind::Flag,
    .fallback = 1,
    .low = 0,
    .high = 1};

/// The square root of the variance plus epsilon.
static Value deviation(LayerBuilder &b, Value variance) {
  auto epsilon = b.getF32FloatAttr(float(b.layer.number("epsilon")));
  return b.map({variance},
               [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                 Value small = arith::ConstantOp::create(n, epsilon);
                 Value sum = arith::AddFOp::create(n, in[0], small);
                 return math::SqrtOp::create(n, sum);
               });
}

/// `a - b`, b indexed by `dims`.
static Value subtract(LayerBuilder &b, Value x, Value y,
                      ArrayRef<int64_t> dims) {
  return b.map({x, {y, dims}},
               [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                 return arith::SubFOp::create(n, in[0], in[1]);
               });
}

static Value square(LayerBuilder &b, Value x) {
  return b.map({x}, [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    return arith::MulFOp::create(n, in[0], in[0]);
  });
}

/// centred / deviation * weight + bias, the latter two where there are any.
static Value normalised(LayerBuilder &b, Value centred, Value deviation,
                        ArrayRef<int64_t> statisticDims,
                        ArrayRef<int64_t> weightDims) {
  SmallVector<LayerBuilder::Operand> operands = {centred,
                                                 {deviation, statisticDims}};
  bool isAffine = b.layer.flag("affine");
  if (isAffine)
    for (StringRef key : weightAndBias)
      operands.push_back({b.parameter(key), weightDims});
  return b.map(operands, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    Value y = arith::DivFOp::create(n, in[0], in[1]);
    if (!isAffine)
      return y;
    y = arith::MulFOp::create(n, y, in[2]);
    return arith::AddFOp::create(n, y, in[3]);
  });
}

static void checkBatchNorm(LayerChecker &c) {
  if (c.input().size() != 1 && c.input().size() != 3)
    return c.fail("expected a vector or channels x height x width, found " +
                  c.describeInput());
  int64_t channels = c.input()[0];
  if (c.layer.flag("affine")) {
    c.weight("weight", {channels}, "constant:1");
    c.weight("bias", {channels}, "zeros");
  }
  c.state("running_mean", {channels}, "zeros");
  c.state("running_var", {channels}, "constant:1");
  c.output(Sizes(c.input()));
}

/// The next running value: (1 - momentum) * old + momentum * factor * now.
static Value running(LayerBuilder &b, Value old, Value now, Value factor) {
  auto momentum = float(b.layer.number("momentum"));
  return b.map(
      {old, now}, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
        Value keep =
            arith::ConstantOp::create(n, n.getF32FloatAttr(1 - momentum));
        Value take = arith::ConstantOp::create(n, n.getF32FloatAttr(momentum));
        Value fresh = in[1];
        if (factor)
          fresh = arith::MulFOp::create(n, fresh, factor);
        return arith::AddFOp::create(n, arith::MulFOp::create(n, in[0], keep),
                                     arith::MulFOp::create(n, fresh, take));
      });
}

/// In use by the running statistics; in training by the batch's, whose
/// variance is divided by the count to normalise, by one less to remember.
static Value buildBatchNorm(LayerBuilder &b) {
  Value x = b.input();
  if (!b.isTraining) {
    Value centred = subtract(b, x, b.parameter("running_mean"), {1});
    Value scale = deviation(b, b.parameter("running_var"));
    return normalised(b, centred, scale, {1}, {1});
  }
  ArrayRef<int64_t> sizes = b.layer.output.sizes;
  SmallVector<int64_t> dims = {0};
  int64_t places = 1;
  for (size_t d = 1; d < sizes.size(); ++d) {
    dims.push_back(int64_t(d) + 1);
    places *= sizes[d];
  }
  Value mean = b.mean(x, dims);
  Value centred = subtract(b, x, mean, {1});
  Value variance = b.mean(square(b, centred), dims);
  Value count = b.countAsFloat(places);
  Value less = arith::SubFOp::create(b, count, b.constant(1.0));
  Value unbiased = arith::DivFOp::create(b, count, less);
  b.nextStates["running_mean"] =
      running(b, b.parameter("running_mean"), mean, {});
  b.nextStates["running_var"] =
      running(b, b.parameter("running_var"), variance, unbiased);
  return normalised(b, centred, deviation(b, variance), {1}, {1});
}

static constexpr OptionSpec batchNormOptions[] = {
    epsilonOption,
    {.key = "momentum",
     .meaning = "share of the batch in the running statistics",
     .kind = OptionSpec::Kind::Number,
     .fallback = 0.1,
     .low = 0,
     .high = 1},
    affineOption};

const LayerType mlir::prec::batchNormLayer = {
    "batch-norm",
    "each channel with mean 0 and variance 1 over the batch",
    batchNormOptions,
    weightAndBias,
    1,
    1,
    checkBatchNorm,
    buildBatchNorm};

static void checkLayerNorm(LayerChecker &c) {
  size_t count = c.layer.count("dimensions");
  if (c.input().size() < count)
    return c.fail("expected at least " + Twine(count) +
                      " dimensions to normalise, found " + c.describeInput(),
                  "dimensions");
  if (c.layer.flag("affine")) {
    c.weight("weight", Sizes(c.input().take_back(count)), "constant:1");
    c.weight("bias", Sizes(c.input().take_back(count)), "zeros");
  }
  c.output(Sizes(c.input()));
}

static Value buildLayerNorm(LayerBuilder &b) {
  int64_t rank = b.layer.output.sizes.size() + 1;
  int64_t first = rank - b.layer.count("dimensions");
  auto outer = llvm::to_vector(llvm::seq<int64_t>(0, first));
  auto inner = llvm::to_vector(llvm::seq<int64_t>(first, rank));
  Value centred = subtract(b, b.input(), b.mean(b.input(), inner), outer);
  Value scale = deviation(b, b.mean(square(b, centred), inner));
  return normalised(b, centred, scale, outer, inner);
}

static constexpr OptionSpec layerNormOptions[] = {
    epsilonOption,
    {.key = "dimensions",
     .meaning = "how many of the last dimensions are normalised together",
     .fallback = 1,
     .high = 4},
    affineOption};

const LayerType mlir::prec::layerNormLayer = {
    "layer-norm",
    "the last dimensions of each sample with mean 0 and variance 1",
    layerNormOptions,
    weightAndBias,
    1,
    1,
    checkLayerNorm,
    buildLayerNorm};

const LayerType mlir::prec::softmaxLayer = {
    "softmax",
    "exp(x) over its sum along the last dimension",
    {},
    {},
    1,
    1,
    [](LayerChecker &c) {
      if (c.input().empty())
        return c.fail("expected a vector, found " + c.describeInput());
      c.output(Sizes(c.input()));
    },
    [](LayerBuilder &b) { return b.softmax(b.input()); }};
