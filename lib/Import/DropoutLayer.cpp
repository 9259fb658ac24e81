// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dropout with random bits that follow from seed, layer, step and position.
#include "LayerBuilder.h"
#include "Layers.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/Random.h"

using namespace mlir;
using namespace mlir::prec;

/// Positions count in 32 bits within a sample; the batch is outermost.
static Value positionOf(ImplicitLocOpBuilder &n, ArrayRef<int64_t> sizes) {
  Value position = linalg::IndexOp::create(n, 0);
  for (auto [d, size] : llvm::enumerate(sizes)) {
    Value extent = arith::ConstantIndexOp::create(n, size);
    Value index = linalg::IndexOp::create(n, int64_t(d) + 1);
    position = arith::MulIOp::create(n, position, extent);
    position = arith::AddIOp::create(n, position, index);
  }
  return position;
}

static Value buildDropout(LayerBuilder &b) {
  double rate = b.layer.number("rate");
  if (!b.isTraining || rate == 0)
    return b.input();
  auto site =
      static_cast<int64_t>(hash64("dropout", std::string_view(b.layer.name)));
  Value seed = ParameterOp::create(b, b.getI32Type(), seedParameter);
  Value step = ParameterOp::create(b, b.getI32Type(), stepParameter);
  Value key =
      KeyOp::create(b, b.getI64Type(), seed, step, b.getI64IntegerAttr(site));
  // An element stays if its word is not below rate * 2^32.
  auto threshold = static_cast<uint32_t>(std::round(rate * 0x1p32));
  auto scale = b.getF32FloatAttr(float(1 / (1 - rate)));
  return b.map({b.input()}, [&](ImplicitLocOpBuilder &n, ValueRange in) {
    Value word = RandomOp::create(n, n.getI32Type(), key,
                                  positionOf(n, b.layer.output.sizes));
    Value limit = arith::ConstantOp::create(
        n, n.getI32IntegerAttr(static_cast<int32_t>(threshold)));
    Value stays =
        arith::CmpIOp::create(n, arith::CmpIPredicate::uge, word, limit);
    Value scaled =
        arith::MulFOp::create(n, in[0], arith::ConstantOp::create(n, scale));
    Value zero = arith::ConstantOp::create(n, n.getF32FloatAttr(0));
    return Value(arith::SelectOp::create(n, stays, scaled, zero));
  });
}

static constexpr OptionSpec dropoutOptions[] = {
    {.key = "rate",
     .meaning = "share of the elements that become zero in training",
     .kind = OptionSpec::Kind::Number,
     .fallback = 0.5,
     .low = 0,
     .high = 0.999}};

const LayerType mlir::prec::dropoutLayer = {
    "dropout",
    "in training, zero for a random share of the elements, else x / (1 - rate)",
    dropoutOptions,
    {},
    1,
    1,
    [](LayerChecker &c) { c.output(Sizes(c.input())); },
    buildDropout};
