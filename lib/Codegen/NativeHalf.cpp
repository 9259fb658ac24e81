// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products rounded to e5m10 at each step, in half arithmetic.
#include "NativeHalf.h"
#include "Forms.h"
#include "RoundedReduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

std::optional<bool> HalfValues::decide(Operation *op) {
  FloatAttr constant;
  if (matchPattern(op, m_Constant(&constant))) {
    APFloat value = constant.getValue();
    bool losesInfo = false;
    value.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return !losesInfo;
  }
  if (auto round = dyn_cast<RoundOp>(op))
    return round.getFormat().getValue() == Format::ieee(5, 10) ||
           (round.getFormat() == own.getFormat() &&
            round.getParameters() == own.getParameters());
  if (auto wide = dyn_cast<arith::ExtFOp>(op))
    return getElementTypeOrSelf(wide.getIn().getType()).isF16();
  return std::nullopt;
}

/// Each element by an arith conversion.
template <typename Conversion>
static Value convert(OpBuilder &b, Value tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Location loc = tensor.getLoc();
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, tensor), element);
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, empty.getType(), tensor, empty, maps, iterators,
             [&](OpBuilder &builder, Location l, ValueRange args) {
               Value made = Conversion::create(builder, l, element, args[0]);
               linalg::YieldOp::create(builder, l, made);
             })
      .getResult(0);
}

/// The body with arguments that may be f16, and an f16 result.
static void buildBody(OpBuilder &b, linalg::GenericOp op, ValueRange args) {
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(op.getBody()->getArguments(), args)) {
    Value value = to;
    if (to.getType() != from.getType())
      value = arith::ExtFOp::create(b, to.getLoc(), from.getType(), to);
    mapping.map(from, value);
  }
  for (Operation &inner : op.getBody()->without_terminator()) {
    Operation *copy = b.clone(inner, mapping);
    if (isa<RoundOp>(copy))
      copy->setAttr(formAttrName, b.getStringAttr(nativeHalfForm));
  }
  Operation *yield = op.getBody()->getTerminator();
  Value sum = mapping.lookup(yield->getOperand(0));
  Value half = arith::TruncFOp::create(b, sum.getLoc(), b.getF16Type(), sum);
  linalg::YieldOp::create(b, yield->getLoc(), half);
}

Value mlir::prec::buildHalfContraction(OpBuilder &b, linalg::GenericOp op) {
  HalfValues values(roundsOf(op).front());
  Type half = b.getF16Type();
  Location loc = op.getLoc();
  SmallVector<Value> inputs = op.getDpsInputs();
  if (llvm::all_of(inputs, [&](Value v) { return values.isHalf(v); }))
    for (Value &input : inputs)
      input = convert<arith::TruncFOp>(b, input, half);
  Value empty = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, op.getDpsInits()[0]), half);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(half));
  Value start = linalg::FillOp::create(b, loc, zero, empty).getResult(0);
  auto sums = linalg::GenericOp::create(
      b, loc, start.getType(), inputs, start, op.getIndexingMapsArray(),
      op.getIteratorTypesArray(),
      [&](OpBuilder &builder, Location, ValueRange args) {
        buildBody(builder, op, args);
      });
  return convert<arith::ExtFOp>(b, sums.getResult(0), b.getF32Type());
}
