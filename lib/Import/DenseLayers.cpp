// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dense layers, embeddings and learned positions.
#include "LayerBuilder.h"
#include "Layers.h"

using namespace mlir;
using namespace mlir::prec;

static void checkDense(LayerChecker &c) {
  if (c.input().empty() || c.input().size() > 2)
    return c.fail("expected a vector or rows of vectors, found " +
                  c.describeInput() + "; a flatten layer makes it a vector");
  int64_t in = c.input().back(), out = c.layer.count("units");
  c.fanIn = in;
  c.fanOut = out;
  c.weight("weight", {in, out}, pytorchUniform(in));
  if (c.layer.flag("bias"))
    c.weight("bias", {out}, pytorchUniform(in));
  Sizes sizes(c.input());
  sizes.back() = out;
  c.output(sizes);
}

static Value buildDense(LayerBuilder &b) {
  return b.affine(b.input(), b.parameter("weight"), b.parameter("bias"));
}

static constexpr OptionSpec denseOptions[] = {
    {.key = "units", .meaning = "size of the result", .isRequired = true},
    biasOption};
static constexpr llvm::StringLiteral weightAndBias[] = {"weight", "bias"};

const LayerType mlir::prec::denseLayer = {
    "dense",
    "the last dimension times a matrix, plus a bias",
    denseOptions,
    weightAndBias,
    1,
    1,
    checkDense,
    buildDense};

static void checkEmbedding(LayerChecker &c) {
  if (!c.layer.inputShapes[0].isTokens)
    return c.fail("expected tokens (an input of type i32), found " +
                  c.describeInput());
  int64_t count = c.layer.count("count"), units = c.layer.count("units");
  c.weight("weight", {count, units}, "normal:1");
  Sizes sizes(c.input());
  sizes.push_back(units);
  c.output(sizes);
}

/// Rows of the table by number.
static Value buildEmbedding(LayerBuilder &b) {
  Value table = b.parameter("weight");
  auto type = b.samples(b.layer.output.sizes);
  Value out = b.empty(type);
  unsigned rank = type.getRank();
  AffineMap all = b.getMultiDimIdentityMap(rank);
  AffineMap tokens = all.getMajorSubMap(rank - 1);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto gather = linalg::GenericOp::create(
      b, TypeRange{type}, ValueRange{b.input()}, ValueRange{out},
      ArrayRef<AffineMap>{tokens, all}, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ImplicitLocOpBuilder n(loc, nested);
        Value index =
            arith::IndexCastOp::create(n, n.getIndexType(), arguments[0]);
        Value unit = linalg::IndexOp::create(n, rank - 1);
        Value element =
            tensor::ExtractOp::create(n, table, ValueRange{index, unit});
        linalg::YieldOp::create(n, element);
      });
  return gather.getResult(0);
}

static constexpr OptionSpec embeddingOptions[] = {
    {.key = "count",
     .meaning = "how many tokens there are",
     .isRequired = true},
    {.key = "units",
     .meaning = "size of a token's vector",
     .isRequired = true}};
static constexpr llvm::StringLiteral weightOnly[] = {"weight"};

const LayerType mlir::prec::embeddingLayer = {"embedding",
                                              "a learned vector for each token",
                                              embeddingOptions,
                                              weightOnly,
                                              1,
                                              1,
                                              checkEmbedding,
                                              buildEmbedding};

static void checkPosition(LayerChecker &c) {
  c.weight("weight", Sizes(c.input()), "normal:0.02");
  c.output(Sizes(c.input()));
}

static Value buildPosition(LayerBuilder &b) {
  int64_t rank = b.layer.output.sizes.size();
  auto dims = llvm::to_vector(llvm::seq<int64_t>(1, rank + 1));
  return b.map({b.input(), {b.parameter("weight"), dims}},
               [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                 return arith::AddFOp::create(n, in[0], in[1]);
               });
}

const LayerType mlir::prec::positionLayer = {
    "position",
    "adds a learned tensor of the sample's sizes",
    {},
    weightOnly,
    1,
    1,
    checkPosition,
    buildPosition};
