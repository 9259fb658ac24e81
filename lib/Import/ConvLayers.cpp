// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two-dimensional convolution, batch x channels x height x width.
#include "LayerBuilder.h"
#include "Layers.h"

using namespace mlir;
using namespace mlir::prec;

static void checkConv(LayerChecker &c) {
  if (!c.expectRank(3, "channels x height x width"))
    return;
  const Layer &layer = c.layer;
  Sizes kernel = layer.sizes("kernel"), stride = layer.sizes("stride");
  Sizes padding = layer.sizes("padding"), dilation = layer.sizes("dilation");
  int64_t in = c.input()[0], out = layer.count("channels");
  int64_t groups = layer.count("groups");
  if (in % groups || out % groups)
    return c.fail("groups must divide the channels, found " + Twine(groups) +
                      " groups, " + Twine(in) + " channels in and " +
                      Twine(out) + " out",
                  "groups");
  Sizes sizes = {out};
  for (unsigned d = 0; d < 2; ++d)
    sizes.push_back(windowPlaces(c.input()[d + 1], kernel[d], stride[d],
                                 padding[d], dilation[d]));
  if (sizes[1] < 1 || sizes[2] < 1)
    return c.fail("a kernel of " + str(kernel) + " with dilation " +
                      str(dilation) + " does not fit " + c.describeInput() +
                      " with padding " + str(padding),
                  "kernel");
  int64_t field = kernel[0] * kernel[1];
  c.fanIn = in / groups * field;
  c.fanOut = out * field;
  c.weight("weight", {out, in / groups, kernel[0], kernel[1]},
           pytorchUniform(c.fanIn));
  if (layer.flag("bias"))
    c.weight("bias", {out}, pytorchUniform(c.fanIn));
  c.output(sizes);
}

/// Splits dimension `dim` of a tensor in two, the first of `groups`.
static Value splitGroups(LayerBuilder &b, Value tensor, int64_t dim,
                         int64_t groups) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> sizes;
  SmallVector<ReassociationIndices> parts;
  SmallVector<OpFoldResult> outSizes;
  for (auto [d, size] : llvm::enumerate(type.getShape())) {
    ReassociationIndices &part = parts.emplace_back();
    bool isSplit = int64_t(d) == dim;
    SmallVector<int64_t> pieces = {size};
    if (isSplit)
      pieces = {groups, size / groups};
    for (int64_t piece : pieces) {
      part.push_back(sizes.size());
      sizes.push_back(piece);
      outSizes.push_back(ShapedType::isDynamic(piece)
                             ? OpFoldResult(b.batch)
                             : OpFoldResult(b.getIndexAttr(piece)));
    }
  }
  return tensor::ExpandShapeOp::create(
      b, RankedTensorType::get(sizes, type.getElementType()), tensor, parts,
      outSizes);
}

static Value buildConv(LayerBuilder &b) {
  const Layer &layer = b.layer;
  ArrayRef<int64_t> sizes = layer.output.sizes;
  int64_t groups = layer.count("groups");
  DenseIntElementsAttr strides = b.integers(layer.sizes("stride"));
  DenseIntElementsAttr dilations = b.integers(layer.sizes("dilation"));
  Value x = b.pad(b.input(), layer.sizes("padding"), 0.0);
  Value weight = b.parameter("weight");
  Value y;
  if (groups == 1) {
    auto type = b.samples(sizes);
    y = linalg::Conv2DNchwFchwOp::create(
            b, TypeRange{type}, ValueRange{x, weight},
            ValueRange{b.filled(type, 0.0)}, strides, dilations)
            .getResult(0);
  } else {
    auto type = b.samples({groups, sizes[0] / groups, sizes[1], sizes[2]});
    y = linalg::Conv2DNgchwGfchwOp::create(
            b, TypeRange{type},
            ValueRange{splitGroups(b, x, 1, groups),
                       splitGroups(b, weight, 0, groups)},
            ValueRange{b.filled(type, 0.0)}, strides, dilations)
            .getResult(0);
    y = tensor::CollapseShapeOp::create(
        b, b.samples(sizes), y,
        ArrayRef<ReassociationIndices>{{0}, {1, 2}, {3}, {4}});
  }
  if (!layer.flag("bias"))
    return y;
  return b.map({y, {b.parameter("bias"), {1}}},
               [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                 return arith::AddFOp::create(n, in[0], in[1]);
               });
}

static constexpr OptionSpec convOptions[] = {
    {.key = "channels",
     .meaning = "channels of the result",
     .isRequired = true},
    {.key = "kernel",
     .meaning = "height and width of the window",
     .kind = OptionSpec::Kind::Pair,
     .isRequired = true},
    {.key = "stride",
     .meaning = "steps of the window",
     .kind = OptionSpec::Kind::Pair,
     .fallback = 1},
    {.key = "padding",
     .meaning = "zeros on each side",
     .kind = OptionSpec::Kind::Pair,
     .fallback = 0,
     .low = 0},
    {.key = "dilation",
     .meaning = "distance of the window's elements",
     .kind = OptionSpec::Kind::Pair,
     .fallback = 1},
    {.key = "groups",
     .meaning = "parts of the channels that do not see each other",
     .fallback = 1},
    biasOption};
static constexpr llvm::StringLiteral weightAndBias[] = {"weight", "bias"};

const LayerType mlir::prec::convLayer = {
    "conv",      "two-dimensional convolution, plus a bias for each channel",
    convOptions, weightAndBias,
    1,           1,
    checkConv,   buildConv};
