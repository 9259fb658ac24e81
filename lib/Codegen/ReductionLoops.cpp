// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops over reduction dimensions around the bodies of a tile's blocks.
#include "ReductionLoops.h"
#include "KernelBlock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

Value ReductionLoops::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value ReductionLoops::extent(unsigned dim) {
  return getValueOrCreateConstantIndexOp(b, loc, extents[dim]);
}

SmallVector<Value> ReductionLoops::emit(MutableArrayRef<KernelBlock> all) {
  blocks = all;
  SmallVector<Value> accumulators;
  for (KernelBlock &block : blocks) {
    block.reserveAhead();
    llvm::append_range(accumulators, block.loadOutputs());
  }
  accumulators = emit(0, accumulators);
  for (KernelBlock &block : blocks)
    block.releaseAhead();
  return accumulators;
}

SmallVector<Value> ReductionLoops::compute(ValueRange accumulators) {
  SmallVector<Value> results;
  size_t count = accumulators.size() / blocks.size();
  for (KernelBlock &block : blocks) {
    llvm::append_range(results, block.compute(accumulators.take_front(count)));
    accumulators = accumulators.drop_front(count);
  }
  return results;
}

void ReductionLoops::setPoint(unsigned dim, Value value) {
  for (KernelBlock &block : blocks)
    block.setPoint(dim, value);
}

SmallVector<Value> ReductionLoops::emit(unsigned level,
                                        ValueRange accumulators) {
  if (level == plan.reductions.size())
    return compute(accumulators);
  unsigned dim = plan.reductions[level];
  if (plan.unroll) {
    SmallVector<Value> next(accumulators);
    for (int64_t i = 0, n = *getConstantIntValue(extents[dim]); i < n; ++i) {
      setPoint(dim, constant(i));
      next = emit(level + 1, next);
    }
    return next;
  }
  if (plan.looksAhead() && level + 1 == plan.reductions.size() &&
      blocks.front().lanes() > 0)
    return loopAhead(blocks.front(), dim, accumulators);
  bool isCut = plan.isCut(dim);
  auto loop = scf::ForOp::create(b, loc, isCut ? piece.first : constant(0),
                                 isCut ? piece.second : extent(dim),
                                 constant(1), accumulators);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  setPoint(dim, loop.getInductionVar());
  SmallVector<Value> next = emit(level + 1, loop.getRegionIterArgs());
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, loc, next);
  return loop.getResults();
}

/// The last reduction dimension, `lanes` points at a time, then those that
/// are left one by one.
SmallVector<Value> ReductionLoops::loopAhead(KernelBlock &block, unsigned dim,
                                             ValueRange accumulators) {
  int64_t size = *getConstantIntValue(extents[dim]), lanes = plan.lanes;
  int64_t covered = size / lanes * lanes;
  auto forPoints = [&](int64_t from, int64_t to, int64_t step,
                       ValueRange before) -> SmallVector<Value> {
    if (from == to)
      return before;
    auto loop = scf::ForOp::create(b, loc, constant(from), constant(to),
                                   constant(step), before);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    block.setPoint(dim, first);
    SmallVector<Value> next(loop.getRegionIterArgs());
    if (step > 1)
      block.lookAhead();
    if (step > 1 && plan.storesAhead)
      next = storedPoints(block, dim, first, next);
    else
      for (int64_t i = 0; i < step; ++i) {
        if (step > 1)
          block.setAhead(b.getIndexAttr(i));
        if (i > 0)
          block.setPoint(dim,
                         arith::AddIOp::create(b, loc, first, constant(i)));
        next = block.compute(next);
      }
    block.setAhead({});
    scf::YieldOp::create(b, loc, next);
    return loop.getResults();
  };
  SmallVector<Value> found = forPoints(0, covered, lanes, accumulators);
  return forPoints(covered, size, 1, found);
}

/// The next `lanes` points of the last reduction dimension, in a loop.
SmallVector<Value> ReductionLoops::storedPoints(KernelBlock &block,
                                                unsigned dim, Value first,
                                                ValueRange accumulators) {
  auto loop = scf::ForOp::create(b, loc, constant(0), constant(plan.lanes),
                                 constant(1), accumulators);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  block.setAhead(number);
  block.setPoint(dim, arith::AddIOp::create(b, loc, first, number));
  scf::YieldOp::create(b, loc, block.compute(loop.getRegionIterArgs()));
  return loop.getResults();
}
