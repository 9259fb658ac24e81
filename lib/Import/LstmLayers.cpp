// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Long short-term memory over the rows of a sample, from zero states.
#include "LayerBuilder.h"
#include "Layers.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

static void checkLstm(LayerChecker &c) {
  if (!c.expectRank(2, "steps of vectors"))
    return;
  int64_t in = c.input()[1], units = c.layer.count("units");
  std::string init = pytorchUniform(units);
  c.weight("input.weight", {in, 4 * units}, init);
  c.weight("hidden.weight", {units, 4 * units}, init);
  c.weight("input.bias", {4 * units}, init);
  c.weight("hidden.bias", {4 * units}, init);
  c.output({c.input()[0], units});
}

/// Part `number` of the four of the gates.
static Value gate(LayerBuilder &b, Value gates, int64_t number) {
  int64_t units = b.layer.count("units");
  auto type = b.samples({units});
  SmallVector<OpFoldResult> offsets = {b.getIndexAttr(0),
                                       b.getIndexAttr(number * units)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes =
      getAsIndexOpFoldResult(b.getContext(), type.getShape());
  if (b.batch)
    sizes[0] = b.batch;
  return tensor::ExtractSliceOp::create(b, type, gates, offsets, sizes,
                                        strides);
}

static Value sigmoid(LayerBuilder &b, Value x) {
  return b.map({x}, [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    Value one = arith::ConstantOp::create(n, n.getF32FloatAttr(1));
    Value exp = math::ExpOp::create(n, arith::NegFOp::create(n, in[0]));
    return arith::DivFOp::create(n, one, arith::AddFOp::create(n, one, exp));
  });
}

static Value tanh(LayerBuilder &b, Value x) {
  return b.map({x}, [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    return math::TanhOp::create(n, in[0]);
  });
}

/// One step: gates i, f, g, o in PyTorch's order; returns {hidden, cell}, which
/// take the places of the old ones.
static std::pair<Value, Value> step(LayerBuilder &b, Value x, Value hidden,
                                    Value cell) {
  Value fromInput =
      b.affine(x, b.parameter("input.weight"), b.parameter("input.bias"));
  Value fromHidden = b.affine(hidden, b.parameter("hidden.weight"),
                              b.parameter("hidden.bias"));
  Value gates = b.map({fromInput, fromHidden},
                      [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                        return arith::AddFOp::create(n, in[0], in[1]);
                      });
  Value take = sigmoid(b, gate(b, gates, 0));
  Value keep = sigmoid(b, gate(b, gates, 1));
  Value fresh = tanh(b, gate(b, gates, 2));
  Value show = sigmoid(b, gate(b, gates, 3));
  Value next = b.map(
      {keep, cell, take, fresh},
      [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
        Value kept = arith::MulFOp::create(n, in[0], in[1]);
        Value taken = arith::MulFOp::create(n, in[2], in[3]);
        return arith::AddFOp::create(n, kept, taken);
      },
      cell);
  Value shown = b.map(
      {show, tanh(b, next)},
      [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
        return arith::MulFOp::create(n, in[0], in[1]);
      },
      hidden);
  return {shown, next};
}

static Value buildLstm(LayerBuilder &b) {
  int64_t steps = b.layer.output.sizes[0], units = b.layer.output.sizes[1];
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value count = arith::ConstantIndexOp::create(b, steps);
  Value rest = b.filled(b.samples({units}), 0.0);
  Value all = b.filled(b.samples(b.layer.output.sizes), 0.0);
  auto loop =
      scf::ForOp::create(b, zero, count, one, ValueRange{rest, rest, all});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value now = loop.getInductionVar();
  ValueRange carried = loop.getRegionIterArgs();
  auto [hidden, cell] =
      step(b, b.element(b.input(), 1, now), carried[0], carried[1]);
  Value shown = b.insert(hidden, carried[2], 1, now);
  scf::YieldOp::create(b, ValueRange{hidden, cell, shown});
  return loop.getResult(2);
}

static constexpr OptionSpec lstmOptions[] = {
    {.key = "units",
     .meaning = "size of the hidden state",
     .isRequired = true}};
static constexpr llvm::StringLiteral lstmParameters[] = {
    "input.weight", "hidden.weight", "input.bias", "hidden.bias"};

const LayerType mlir::prec::lstmLayer = {
    "lstm",      "long short-term memory; the hidden state of each step",
    lstmOptions, lstmParameters,
    1,           1,
    checkLstm,   buildLstm};
