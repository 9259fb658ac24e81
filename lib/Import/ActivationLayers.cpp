// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of one element; formulas as PyTorch documents them.
#include "LayerBuilder.h"
#include "Layers.h"
#include <numbers>

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Formulas over values of a body.
struct Formula {
  ImplicitLocOpBuilder &b;
  Value x;

  Value number(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
  }
  Value add(Value a, Value c) { return arith::AddFOp::create(b, a, c); }
  Value mul(Value a, Value c) { return arith::MulFOp::create(b, a, c); }
  Value div(Value a, Value c) { return arith::DivFOp::create(b, a, c); }
  Value max(Value a, Value c) { return arith::MaximumFOp::create(b, a, c); }
  Value min(Value a, Value c) { return arith::MinimumFOp::create(b, a, c); }
  Value tanh(Value a) { return math::TanhOp::create(b, a); }
  /// 1 + exp(-x)
  Value onePlusExp() {
    Value negated = arith::NegFOp::create(b, x);
    return add(number(1), math::ExpOp::create(b, negated));
  }
};
} // namespace

static void checkSame(LayerChecker &c) { c.output(Sizes(c.input())); }

template <typename Function>
static Value each(LayerBuilder &b, Function function) {
  return b.map({b.input()},
               [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                 return function(Formula{n, in[0]});
               });
}

const LayerType mlir::prec::reluLayer = {
    "relu", "max(x, 0)", {}, {}, 1, 1, checkSame, [](LayerBuilder &b) {
      return each(b, [](Formula f) { return f.max(f.x, f.number(0)); });
    }};

const LayerType mlir::prec::relu6Layer = {
    "relu6", "min(max(x, 0), 6)", {}, {}, 1, 1, checkSame, [](LayerBuilder &b) {
      return each(b, [](Formula f) {
        return f.min(f.max(f.x, f.number(0)), f.number(6));
      });
    }};

const LayerType mlir::prec::hardTanhLayer = {
    "hard-tanh",
    "min(max(x, -1), 1)",
    {},
    {},
    1,
    1,
    checkSame,
    [](LayerBuilder &b) {
      return each(b, [](Formula f) {
        return f.min(f.max(f.x, f.number(-1)), f.number(1));
      });
    }};

static constexpr OptionSpec slopeOption[] = {
    {.key = "slope",
     .meaning = "factor of negative elements",
     .kind = OptionSpec::Kind::Number,
     .fallback = 0.01,
     .low = -1e6,
     .high = 1e6}};

const LayerType mlir::prec::leakyReluLayer = {
    "leaky-relu",
    "x where it is positive, else slope * x",
    slopeOption,
    {},
    1,
    1,
    checkSame,
    [](LayerBuilder &b) {
      double slope = b.layer.number("slope");
      return each(b, [slope](Formula f) -> Value {
        Value positive = arith::CmpFOp::create(f.b, arith::CmpFPredicate::OGT,
                                               f.x, f.number(0));
        return arith::SelectOp::create(f.b, positive, f.x,
                                       f.mul(f.x, f.number(slope)));
      });
    }};

const LayerType mlir::prec::sigmoidLayer = {
    "sigmoid",
    "1 / (1 + exp(-x))",
    {},
    {},
    1,
    1,
    checkSame,
    [](LayerBuilder &b) {
      return each(b,
                  [](Formula f) { return f.div(f.number(1), f.onePlusExp()); });
    }};

const LayerType mlir::prec::tanhLayer = {
    "tanh", "hyperbolic tangent", {}, {}, 1, 1, checkSame, [](LayerBuilder &b) {
      return each(b, [](Formula f) { return f.tanh(f.x); });
    }};

const LayerType mlir::prec::siluLayer = {
    "silu", "x / (1 + exp(-x))", {}, {}, 1, 1, checkSame, [](LayerBuilder &b) {
      return each(b, [](Formula f) { return f.div(f.x, f.onePlusExp()); });
    }};

/// x/2 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2/pi) (x + 0.044715 x^3)).
static Value buildGelu(LayerBuilder &b) {
  bool usesTanh = b.layer.word("approximate") == "tanh";
  return each(b, [usesTanh](Formula f) {
    Value inner;
    if (usesTanh) {
      Value cube = f.mul(f.mul(f.x, f.x), f.x);
      Value sum = f.add(f.x, f.mul(cube, f.number(0.044715)));
      double factor = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
      inner = f.tanh(f.mul(sum, f.number(factor)));
    } else {
      Value scaled = f.mul(f.x, f.number(1 / std::numbers::sqrt2));
      inner = math::ErfOp::create(f.b, scaled);
    }
    return f.mul(f.mul(f.x, f.number(0.5)), f.add(f.number(1), inner));
  });
}

static constexpr llvm::StringLiteral approximations[] = {"none", "tanh"};
static constexpr OptionSpec geluOptions[] = {
    {.key = "approximate",
     .meaning = "none: by erf; tanh: by the usual approximation",
     .kind = OptionSpec::Kind::Word,
     .fallback = 0,
     .words = approximations}};

const LayerType mlir::prec::geluLayer = {
    "gelu",      "x times the normal distribution function",
    geluOptions, {},
    1,           1,
    checkSame,   buildGelu};
