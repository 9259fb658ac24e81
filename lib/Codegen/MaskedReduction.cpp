// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions whose products and sums are rounded by MaskedShifter.
#include "MaskedReduction.h"
#include "Forms.h"
#include "RoundWords.h"
#include "prec/Numerics/MaskedShifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

/// result * back, a power of two; what overflowed is a NaN in a format without
/// infinities.
static Value scaledBack(OpBuilder &b, Value result, Value back,
                        bool hasInfinities) {
  auto type = cast<RankedTensorType>(result.getType());
  AffineMap map = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, result.getLoc(), type, ValueRange{}, result, map, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               auto number = [&](float value) -> Value {
                 return arith::ConstantOp::create(
                     builder, loc, builder.getF32FloatAttr(value));
               };
               Value value = arith::MulFOp::create(builder, loc, args[0], back);
               if (!hasInfinities) {
                 Value magnitude = math::AbsFOp::create(builder, loc, args[0]);
                 Value isLost = arith::CmpFOp::create(
                     builder, loc, arith::CmpFPredicate::OEQ, magnitude,
                     number(INFINITY));
                 value = arith::SelectOp::create(builder, loc, isLost,
                                                 number(NAN), value);
               }
               linalg::YieldOp::create(builder, loc, value);
             })
      .getResult(0);
}

Value mlir::prec::scaleBody(OpBuilder &b, linalg::GenericOp op) {
  SmallVector<RoundOp> rounds = roundsOf(op);
  RoundOp product = rounds[0], sum = rounds[1];
  if (sum->getAttrOfType<StringAttr>(formAttrName) != maskedSumForm)
    return op.getResult(0);
  const bool isLong =
      product->getAttrOfType<StringAttr>(formAttrName) == maskedLongProductForm;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  ArithOps ops(b, op.getLoc(), 32, b.getI32Type());
  RoundWords p = roundWordsOf(ops, sum);
  const CarrierLayout carrier = p.facts.carrier;
  auto isZero = [](ArithOps::Word word) {
    return word.isConstant() && word.bits == 0;
  };
  auto power = [&](ArithOps::Word exponent) {
    return ops.floating(ops.shl(ops.add(exponent, ops.constant(carrier.bias())),
                                ops.constant(carrier.fractionBits)));
  };
  ArithOps::Word ofProducts =
      isLong ? exponentOfLongProducts(ops, p, product.getMode().getValue())
             : ops.constant(0);
  ArithOps::Word ofSums = exponentOfSums(ops, p, sum.getMode().getValue());
  ArithOps::Word between = ops.sub(ofSums, ofProducts);
  Operation *multiply = product.getOperand().getDefiningOp();
  if (!isZero(ofProducts)) {
    Value factor = power(ofProducts);
    OpBuilder inside(multiply);
    Value more = arith::MulFOp::create(inside, product.getLoc(),
                                       multiply->getOperand(1), factor);
    multiply->setOperand(1, more);
  }
  // A product is multiplied when it is added, which is exact. A profile counts
  // the fma as two operations, in the place of the sum and the product.
  if (!isZero(between)) {
    Value factor = power(between);
    Operation *add = sum.getOperand().getDefiningOp();
    OpBuilder inside(add);
    const bool isFirst = add->getOperand(0) == product.getResult();
    Value fused = math::FmaOp::create(inside, add->getLoc(), product, factor,
                                      add->getOperand(isFirst ? 1 : 0));
    add->getResult(0).replaceAllUsesWith(fused);
    add->erase();
    multiply->setLoc(product.getLoc());
  }
  if (isZero(ofSums))
    return op.getResult(0);
  Value back = power(ops.sub(ops.constant(0), ofSums));
  b.setInsertionPointAfter(op);
  return scaledBack(b, op.getResult(0), back,
                    p.facts.format.infinities == Format::Infinities::Yes);
}
