// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Multi-head self-attention over the rows of a sample.
#include "LayerBuilder.h"
#include "Layers.h"

using namespace mlir;
using namespace mlir::prec;

static constexpr llvm::StringLiteral projections[] = {"query", "key", "value",
                                                      "output"};

static void checkAttention(LayerChecker &c) {
  if (!c.expectRank(2, "rows of vectors"))
    return;
  int64_t units = c.input()[1], heads = c.layer.count("heads");
  if (units % heads)
    return c.fail("the heads must divide the size of a row, found " +
                      Twine(heads) + " heads, " + c.describeInput(),
                  "heads");
  // PyTorch: Glorot for the three joint projections, 3 * units rows of units.
  std::string joint = "uniform:" + shortest(std::sqrt(6.0 / (4.0 * units)));
  for (StringRef name : projections)
    c.weight((name + ".weight").str(), {units, units},
             name == "output" ? pytorchUniform(units) : joint);
  if (c.layer.flag("bias"))
    for (StringRef name : projections)
      c.weight((name + ".bias").str(), {units}, "zeros");
  c.output(Sizes(c.input()));
}

/// batch * heads x rows x units of a head, or with the last two exchanged.
static Value splitHeads(LayerBuilder &b, Value x, bool isTransposed) {
  int64_t rows = b.layer.output.sizes[0], units = b.layer.output.sizes[1];
  int64_t heads = b.layer.count("heads");
  Value split = b.reshape(x, {rows, heads, units / heads});
  split = isTransposed ? b.transpose(split, {0, 2, 3, 1})
                       : b.transpose(split, {0, 2, 1, 3});
  return b.joinRows(split, 1);
}

static Value batchMatmul(LayerBuilder &b, Value x, Value y) {
  auto left = cast<RankedTensorType>(x.getType());
  auto right = cast<RankedTensorType>(y.getType());
  auto type = RankedTensorType::get(
      {left.getDimSize(0), left.getDimSize(1), right.getDimSize(2)},
      left.getElementType());
  Value out = b.filled(type, 0.0, b.rows(x));
  auto product =
      linalg::BatchMatmulOp::create(b, TypeRange{type}, ValueRange{x, y}, out);
  return b.withRowsOf(product.getResult(0), x);
}

/// Divided by the root of a head's size.
static Value scaled(LayerBuilder &b, Value scores) {
  int64_t size = b.layer.output.sizes[1] / b.layer.count("heads");
  auto root = b.getF32FloatAttr(float(std::sqrt(double(size))));
  return b.map({scores}, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    Value divisor = arith::ConstantOp::create(n, root);
    return arith::DivFOp::create(n, in[0], divisor);
  });
}

static Value buildAttention(LayerBuilder &b) {
  auto project = [&](StringRef name, Value x) {
    return b.affine(x, b.parameter((name + ".weight").str()),
                    b.parameter((name + ".bias").str()));
  };
  int64_t rows = b.layer.output.sizes[0], units = b.layer.output.sizes[1];
  int64_t heads = b.layer.count("heads");
  Value x = b.input();
  Value query = splitHeads(b, project("query", x), /*isTransposed=*/false);
  Value key = splitHeads(b, project("key", x), /*isTransposed=*/true);
  Value value = splitHeads(b, project("value", x), /*isTransposed=*/false);
  Value weights =
      b.softmax(scaled(b, batchMatmul(b, query, key)), b.layer.flag("causal"));
  Value mixed =
      b.splitRows(batchMatmul(b, weights, value), {heads, rows, units / heads});
  Value joined = b.reshape(b.transpose(mixed, {0, 2, 1, 3}), {rows, units});
  return project("output", joined);
}

static constexpr OptionSpec attentionOptions[] = {
    {.key = "heads", .meaning = "independent parts of a row", .fallback = 1},
    {.key = "causal",
     .meaning = "whether a row sees only itself and those before it",
     .kind = OptionSpec::Kind::Flag,
     .fallback = 0,
     .low = 0,
     .high = 1},
    biasOption};
static constexpr llvm::StringLiteral attentionParameters[] = {
    "query.weight", "key.weight", "value.weight", "output.weight",
    "query.bias",   "key.bias",   "value.bias",   "output.bias"};

const LayerType mlir::prec::attentionLayer = {
    "attention",
    "multi-head self-attention over the rows of a sample",
    attentionOptions,
    attentionParameters,
    1,
    1,
    checkAttention,
    buildAttention};
