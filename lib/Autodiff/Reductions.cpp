// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums, products, maxima and minima.
#include "Reductions.h"
#include "Emit.h"
#include "prec/Autodiff/Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"

using namespace mlir;
using namespace mlir::prec;
using E = Expression;

/// The place of a maximum that no element attains: beyond all.
static constexpr int32_t noPlace = std::numeric_limits<int32_t>::max();

Reduction::Reduction(ElementProgram &program, Gradients &gradients,
                     unsigned output, Value dy, Value element)
    : program(&program), gradients(&gradients), output(output), dy(dy),
      element(element), accumulator(program.accumulators[output]) {
  classify();
}

/// Whether `select(cmp(a, b), a, b)` picks one of its operands by size.
static bool isExtremumBySelect(arith::SelectOp select) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  if (!compare)
    return false;
  using P = arith::CmpFPredicate;
  P p = compare.getPredicate();
  bool orders = p == P::OGT || p == P::OGE || p == P::OLT || p == P::OLE ||
                p == P::UGT || p == P::UGE || p == P::ULT || p == P::ULE;
  Value a = select.getTrueValue(), b = select.getFalseValue();
  Value l = compare.getLhs(), r = compare.getRhs();
  return orders && ((a == l && b == r) || (a == r && b == l));
}

void Reduction::classify() {
  Operation *combiner = program->yields[output].getDefiningOp();
  if (!combiner || combiner->getBlock() != program->block)
    return;
  bool isExtremum = isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
                        arith::MinNumFOp>(combiner);
  unsigned first = 0;
  if (auto select = dyn_cast<arith::SelectOp>(combiner)) {
    isExtremum = isExtremumBySelect(select);
    first = 1;
  }
  if (!isExtremum && !isa<arith::MulFOp>(combiner))
    return;
  Value a = combiner->getOperand(first), b = combiner->getOperand(first + 1);
  if (a != accumulator)
    std::swap(a, b);
  if (a != accumulator || program->slice(b).readsAccumulator)
    return;
  reduced = b;
  kind = isExtremum ? Extremum : Product;
}

/// The row-major place among the reduction loops, as i32.
Value Reduction::flatIndex(OpBuilder &b) {
  linalg::LinalgOp op = program->op;
  Location loc = op.getLoc();
  Value flat;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  for (unsigned d : loops) {
    Value i = linalg::IndexOp::create(b, loc, d);
    if (flat) {
      Value size = getValueOrCreateConstantIndexOp(
          b, loc, loopSize(gradients->builder, op, d));
      flat = arith::MulIOp::create(b, loc, flat, size);
      i = arith::AddIOp::create(b, loc, flat, i);
    }
    flat = i;
  }
  return arith::IndexCastOp::create(b, loc, b.getI32Type(), flat);
}

void Reduction::seedExtremum(Gradients &inner) {
  OpBuilder &b = inner.builder;
  linalg::LinalgOp op = program->op;
  auto result = cast<OpResult>(op->getResult(output));
  AffineMap map = op.getIndexingMapMatchingResult(result);
  E v(b, op.getLoc(), reduced), y = v.with(program->addInput(result, map));
  E isHit = compare(arith::CmpFPredicate::OEQ, v, y) ||
            compare(arith::CmpFPredicate::UNO, v, v);
  Value here = flatIndex(b);
  auto i32 = [&](int32_t x) -> Value {
    return arith::ConstantOp::create(b, op.getLoc(), b.getI32IntegerAttr(x));
  };
  Value candidate = select(isHit, v.with(here), v.with(i32(noPlace))).value;
  place = emitReduction(
      *program, gradients->builder, candidate, output,
      {b.getI32IntegerAttr(noPlace),
       [](OpBuilder &body, Location loc, Value acc, Value x) -> Value {
         return arith::MinSIOp::create(body, loc, acc, x);
       }});
  Value there = program->addInput(place, map);
  E isFirst = v.with(arith::CmpIOp::create(
      b, op.getLoc(), arith::CmpIPredicate::eq, here, there));
  E g = v.with(element);
  inner.add(reduced, select(isFirst, g, g.number(0)).value);
}

void Reduction::seedProduct(Gradients &inner) {
  OpBuilder &b = inner.builder;
  linalg::LinalgOp op = program->op;
  Location loc = op.getLoc();
  AffineMap map =
      op.getIndexingMapMatchingResult(cast<OpResult>(op->getResult(output)));
  E v(b, loc, reduced), g = v.with(element);
  E isZero = compare(arith::CmpFPredicate::OEQ, v, v.number(0));
  E one = v.number(1);
  auto i32 = [&](int32_t x) {
    return v.with(arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(x)));
  };
  Value others = emitReduction(
      *program, gradients->builder, select(isZero, one, v).value, output,
      {b.getFloatAttr(v.value.getType(), 1.0),
       [](OpBuilder &body, Location l, Value acc, Value x) -> Value {
         return arith::MulFOp::create(body, l, acc, x);
       }});
  Value zeros = emitReduction(
      *program, gradients->builder, select(isZero, i32(1), i32(0)).value,
      output,
      {b.getI32IntegerAttr(0),
       [](OpBuilder &body, Location l, Value acc, Value x) -> Value {
         return arith::AddIOp::create(body, l, acc, x);
       }});
  E initial = v.with(program->addInput(op.getDpsInits()[output], map));
  E product = initial * v.with(program->addInput(others, map));
  E count = v.with(program->addInput(zeros, map));
  auto isCount = [&](int32_t n) {
    return v.with(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        count.value, i32(n).value));
  };
  E isOnlyZero = isCount(1) && isZero;
  E rest =
      select(isCount(0), product / v, select(isOnlyZero, product, v.number(0)));
  inner.add(reduced, (g * rest).value);
}

LogicalResult Reduction::seed(Gradients &inner) {
  Value initial = program->op.getDpsInits()[output];
  switch (kind) {
  case Sum:
    inner.add(program->yields[output], element);
    return success();
  case Extremum:
    seedExtremum(inner);
    return success();
  case Product:
    if (gradients->wants(initial)) {
      gradients->error(program->op)
          << "the initial value of a product must not depend on the arguments";
      return failure();
    }
    seedProduct(inner);
    return success();
  }
  llvm_unreachable("all kinds are handled");
}

LogicalResult Reduction::finish(Gradients &inner) {
  Value initial = program->op.getDpsInits()[output];
  if (kind == Sum) {
    if (inner.lookup(accumulator) != element) {
      gradients->error(program->op)
          << "its body is no sum, product, maximum or minimum over the "
             "reduction loops";
      return failure();
    }
    gradients->add(initial, dy);
    return success();
  }
  if (kind != Extremum || !gradients->wants(initial))
    return success();
  OpBuilder &b = gradients->builder;
  Location loc = program->op.getLoc();
  unsigned rank = cast<RankedTensorType>(dy.getType()).getRank();
  SmallVector<AffineMap> maps(3, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  auto body = [](OpBuilder &inside, Location l, ValueRange args) {
    Value none =
        arith::ConstantOp::create(inside, l, inside.getI32IntegerAttr(noPlace));
    E g(inside, l, args[0]);
    E isNone = g.with(arith::CmpIOp::create(inside, l, arith::CmpIPredicate::eq,
                                            args[1], none));
    linalg::YieldOp::create(inside, l, select(isNone, g, g.number(0)).value);
  };
  Value empty = makeEmpty(b, loc, dy);
  gradients->add(initial, linalg::GenericOp::create(b, loc, dy.getType(),
                                                    ValueRange{dy, place},
                                                    empty, maps, parallel, body)
                              .getResult(0));
  return success();
}
