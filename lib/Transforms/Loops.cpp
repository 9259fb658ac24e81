// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trip counts of scf and affine loops.
#include "prec/Transforms/Loops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

bool Loop::hasExtentOutside(Operation *outer) const {
  if (!upper)
    return false;
  return llvm::all_of(
      ArrayRef<OpFoldResult>{lower, upper, step}, [&](OpFoldResult bound) {
        auto value = dyn_cast<Value>(bound);
        return !value ||
               !outer->isAncestor(value.getParentBlock()->getParentOp());
      });
}

/// `(value - lower) / step`, or rounded up for an extent.
static OpFoldResult countOf(OpBuilder &builder, Location loc,
                            OpFoldResult value, OpFoldResult lower,
                            OpFoldResult step, bool roundUp) {
  std::optional<int64_t> l = getConstantIntValue(lower),
                         s = getConstantIntValue(step),
                         v = getConstantIntValue(value);
  if (l && s && v)
    return builder.getIndexAttr(
        std::max<int64_t>(0, (*v - *l + (roundUp ? *s - 1 : 0)) / *s));
  auto materialise = [&](OpFoldResult x) {
    Value result = getValueOrCreateConstantIndexOp(builder, loc, x);
    return result.getType().isIndex()
               ? result
               : arith::IndexCastOp::create(builder, loc,
                                            builder.getIndexType(), result)
                     .getResult();
  };
  Value count = materialise(value);
  if (l != 0)
    count = arith::SubIOp::create(builder, loc, count, materialise(lower));
  if (s == 1)
    return count;
  Value by = materialise(step);
  if (roundUp)
    return arith::CeilDivSIOp::create(builder, loc, count, by).getResult();
  return arith::DivUIOp::create(builder, loc, count, by).getResult();
}

OpFoldResult Loop::extent(OpBuilder &builder) const {
  if (!upper)
    return trip;
  return countOf(builder, loc, upper, lower, step, /*roundUp=*/true);
}

/// Appends one dimension of a counted loop.
static void addCounted(OpBuilder &builder, SmallVector<Loop> &loops,
                       Operation *op, Value iv, OpFoldResult lower,
                       OpFoldResult upper, OpFoldResult step) {
  Location loc = op->getLoc();
  OpFoldResult trip = countOf(builder, loc, iv, lower, step, false);
  loops.push_back({op, getValueOrCreateConstantIndexOp(builder, loc, trip),
                   lower, upper, step, loc});
}

/// The values of an affine bound: the largest or smallest of the map's results.
static Value affineBound(OpBuilder &builder, Location loc, AffineMap map,
                         ValueRange operands, bool isLower) {
  auto results = affine::expandAffineMap(builder, loc, map, operands);
  Value bound = results->front();
  for (Value other : llvm::drop_begin(*results))
    bound =
        isLower
            ? arith::MaxSIOp::create(builder, loc, bound, other).getResult()
            : arith::MinSIOp::create(builder, loc, bound, other).getResult();
  return bound;
}

/// Can control come back to the block?
static bool isInCycle(Block *block) {
  SmallVector<Block *> todo(block->succ_begin(), block->succ_end());
  llvm::SmallPtrSet<Block *, 8> seen;
  while (!todo.empty()) {
    Block *next = todo.pop_back_val();
    if (next == block)
      return true;
    if (seen.insert(next).second)
      todo.append(next->succ_begin(), next->succ_end());
  }
  return false;
}

FailureOr<SmallVector<Loop>> mlir::prec::enclosingLoops(OpBuilder &builder,
                                                        Operation *inner) {
  SmallVector<Loop> loops;
  for (Operation *op = inner; op && !isa<func::FuncOp>(op);
       op = op->getParentOp()) {
    if (isInCycle(op->getBlock()))
      return inner->emitError(
          "stochastic rounding in a loop of branches has no trip count to take "
          "its random bits from; write the loop with scf.for or scf.while");
    Operation *parent = op->getParentOp();
    // Innermost dimension first.
    if (auto loop = dyn_cast<scf::ForOp>(parent)) {
      addCounted(builder, loops, loop, loop.getInductionVar(),
                 getAsOpFoldResult(loop.getLowerBound()),
                 getAsOpFoldResult(loop.getUpperBound()),
                 getAsOpFoldResult(loop.getStep()));
    } else if (auto loop = dyn_cast<scf::ParallelOp>(parent)) {
      for (size_t d = loop.getNumLoops(); d-- > 0;)
        addCounted(builder, loops, loop, loop.getInductionVars()[d],
                   getAsOpFoldResult(loop.getLowerBound()[d]),
                   getAsOpFoldResult(loop.getUpperBound()[d]),
                   getAsOpFoldResult(loop.getStep()[d]));
    } else if (auto loop = dyn_cast<scf::ForallOp>(parent)) {
      for (size_t d = loop.getRank(); d-- > 0;)
        addCounted(builder, loops, loop, loop.getInductionVars()[d],
                   loop.getMixedLowerBound()[d], loop.getMixedUpperBound()[d],
                   loop.getMixedStep()[d]);
    } else if (auto loop = dyn_cast<scf::WhileOp>(parent)) {
      Block *body = op->getBlock();
      loops.push_back(
          {loop, body->getArguments().back(), {}, {}, {}, loop.getLoc()});
    } else if (auto loop = dyn_cast<affine::AffineForOp>(parent)) {
      // Bounds in terms of values outside the loop, built before it so that
      // they count as defined outside.
      OpBuilder outside(loop);
      Value lower = affineBound(outside, loop.getLoc(), loop.getLowerBoundMap(),
                                loop.getLowerBoundOperands(), true);
      Value upper = affineBound(outside, loop.getLoc(), loop.getUpperBoundMap(),
                                loop.getUpperBoundOperands(), false);
      addCounted(builder, loops, loop, loop.getInductionVar(),
                 getAsOpFoldResult(lower), getAsOpFoldResult(upper),
                 builder.getIndexAttr(loop.getStepAsInt()));
    } else if (auto loop = dyn_cast<affine::AffineParallelOp>(parent)) {
      auto ranges = loop.getConstantRanges();
      if (!ranges)
        return inner->emitError("stochastic rounding in an affine.parallel "
                                "with bounds that vary; lower it to "
                                "scf.parallel first");
      for (size_t d = loop.getNumDims(); d-- > 0;) {
        auto lower =
            dyn_cast<AffineConstantExpr>(loop.getLowerBoundMap(d).getResult(0));
        if (!lower)
          return inner->emitError("stochastic rounding in an affine.parallel "
                                  "with bounds that vary; lower it to "
                                  "scf.parallel first");
        addCounted(builder, loops, loop, loop.getIVs()[d],
                   builder.getIndexAttr(lower.getValue()),
                   builder.getIndexAttr(lower.getValue() + (*ranges)[d]),
                   builder.getIndexAttr(loop.getSteps()[d]));
      }
    }
  }
  return loops;
}

/// Rebuilds a loop with a counter behind its loop-carried values.
static void addCounter(scf::WhileOp loop) {
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  Type index = builder.getIndexType();
  SmallVector<Value> inits(loop.getInits());
  inits.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
  SmallVector<Type> types(loop.getResultTypes());
  types.push_back(index);
  auto counted = scf::WhileOp::create(builder, loc, types, inits);
  counted->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  counted.getBefore().takeBody(loop.getBefore());
  counted.getAfter().takeBody(loop.getAfter());
  Value before = counted.getBeforeBody()->addArgument(index, loc);
  Value after = counted.getAfterBody()->addArgument(index, loc);
  counted.getConditionOp().getArgsMutable().append(before);
  scf::YieldOp yield = counted.getYieldOp();
  builder.setInsertionPoint(yield);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  yield.getResultsMutable().append(
      arith::AddIOp::create(builder, loc, after, one).getResult());
  loop.replaceAllUsesWith(counted.getResults().drop_back());
  loop.erase();
}

void mlir::prec::addWhileCounters(ModuleOp module) {
  SmallVector<scf::WhileOp> loops;
  module.walk([&](scf::WhileOp loop) { loops.push_back(loop); });
  for (scf::WhileOp loop : loops)
    addCounter(loop);
}
