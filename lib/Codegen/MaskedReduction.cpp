// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contractions whose products and sums are rounded by MaskedShifter.
#include "MaskedReduction.h"
#include "Forms.h"
#include "prec/Numerics/MaskedShifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

/// result / 2^exponent; what overflowed is a NaN in a format without
/// infinities.
static Value scaledBack(OpBuilder &b, Value result, int exponent,
                        bool hasInfinities) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, result.getLoc(), type, ValueRange{}, result,
             ArrayRef(maps).take_front(1), iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               auto number = [&](float value) -> Value {
                 return arith::ConstantOp::create(
                     builder, loc, builder.getF32FloatAttr(value));
               };
               Value value = arith::MulFOp::create(
                   builder, loc, args[0], number(std::ldexp(1.0f, -exponent)));
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
  const RoundFacts facts = factsOf(sum);
  const bool isLong =
      product->getAttrOfType<StringAttr>(formAttrName) == maskedLongProductForm;
  const int ofProducts =
      isLong ? exponentOfLongProducts(facts, product.getMode().getValue()) : 0;
  const int ofSums = exponentOfSums(facts, sum.getMode().getValue());
  OpBuilder::InsertionGuard guard(b);
  Operation *multiply = product.getOperand().getDefiningOp();
  auto power = [&](int exponent) -> Value {
    return arith::ConstantOp::create(
        b, product.getLoc(), b.getF32FloatAttr(std::ldexp(1.0f, exponent)));
  };
  if (ofProducts != 0) {
    b.setInsertionPoint(multiply);
    Value more = arith::MulFOp::create(
        b, product.getLoc(), multiply->getOperand(1), power(ofProducts));
    multiply->setOperand(1, more);
  }
  // A product is multiplied when it is added, which is exact. A profile counts
  // the fma as two operations, in the place of the sum and the product.
  if (ofSums != ofProducts) {
    Operation *add = sum.getOperand().getDefiningOp();
    b.setInsertionPoint(add);
    const bool isFirst = add->getOperand(0) == product.getResult();
    Value fused = math::FmaOp::create(b, add->getLoc(), product,
                                      power(ofSums - ofProducts),
                                      add->getOperand(isFirst ? 1 : 0));
    add->getResult(0).replaceAllUsesWith(fused);
    add->erase();
    multiply->setLoc(product.getLoc());
  }
  b.setInsertionPointAfter(op);
  return ofSums == 0
             ? op.getResult(0)
             : scaledBack(b, op.getResult(0), ofSums,
                          facts.format.infinities == Format::Infinities::Yes);
}
