// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of a contraction multiplied by a power of two.
#include "ScaledSums.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/MaskedShifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

float mlir::prec::largestOf(const RoundFacts &facts) {
  MachineOps<uint32_t> ops;
  return std::bit_cast<float>(
      makeFormatParameters(ops, facts.format, Carrier::F32).largest);
}

/// result / scale; what overflowed is a NaN in a format without infinities.
static Value scaledBack(OpBuilder &b, Value result, float scale,
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
               Value value = arith::MulFOp::create(builder, loc, args[0],
                                                   number(1 / scale));
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

Value mlir::prec::scaleSums(OpBuilder &b, linalg::GenericOp op) {
  auto rounds = llvm::to_vector(op.getBody()->getOps<RoundOp>());
  RoundOp product = rounds[0], sum = rounds[1];
  const RoundFacts facts = roundFacts(sum.getFormat().getValue(), Carrier::F32);
  const float scale =
      std::ldexp(1.0f, exponentOfSums(facts, sum.getMode().getValue()));
  if (scale == 1)
    return op.getResult(0);
  // A product is multiplied when it is added, which is exact. A profile counts
  // the fma as two operations, in the place of the sum and the product.
  {
    OpBuilder::InsertionGuard guard(b);
    Operation *add = sum.getOperand().getDefiningOp();
    b.setInsertionPoint(add);
    Value by = arith::ConstantOp::create(b, product.getLoc(),
                                         b.getF32FloatAttr(scale));
    const bool isFirst = add->getOperand(0) == product.getResult();
    Value fused = math::FmaOp::create(b, add->getLoc(), product, by,
                                      add->getOperand(isFirst ? 1 : 0));
    add->getResult(0).replaceAllUsesWith(fused);
    add->erase();
    product.getOperand().getDefiningOp()->setLoc(product.getLoc());
  }
  b.setInsertionPointAfter(op);
  return scaledBack(b, op.getResult(0), scale,
                    facts.format.infinities == Format::Infinities::Yes);
}
