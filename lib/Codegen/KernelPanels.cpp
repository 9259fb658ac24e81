// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Panels: copies of operands in which what a block reads lies side by side.
#include "KernelPanels.h"
#include "ElementBytes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::prec;

/// Rows that are read together: their lines stay in the near cache, and what is
/// written of a panel is as many lines side by side.
static constexpr int64_t stretch = 8;
/// Panels of so many bytes are written a row after the other: their lines stay
/// near until they are full.
static constexpr int64_t mostByRows = 64 << 10;

Value KernelPanels::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

unsigned KernelPanels::along(unsigned operand) const {
  AffineMap map = op.getIndexingMapsArray()[operand];
  return map.isFunctionOfDim(plan.vectorDim) ? plan.vectorDim : plan.rowDim;
}

bool KernelPanels::hasNeighbours(unsigned operand) const {
  AffineMap map = op.getIndexingMapsArray()[operand];
  return map.getResults().back() == b.getAffineDimExpr(along(operand));
}

int64_t KernelPanels::width(unsigned operand) const {
  return plan.widthAlong(along(operand));
}

SmallVector<unsigned> KernelPanels::depth(unsigned operand) const {
  AffineMap map = op.getIndexingMapsArray()[operand];
  return llvm::filter_to_vector(
      plan.reductions, [&](unsigned dim) { return map.isFunctionOfDim(dim); });
}

int64_t KernelPanels::depthPoints(unsigned operand) const {
  int64_t points = 1;
  for (unsigned dim : depth(operand))
    points *= plan.pointsInside(dim, extents[dim]);
  return points;
}

Value KernelPanels::indexOf(unsigned operand, ArrayRef<Value> point,
                            int64_t offset) {
  SmallVector<Value> dims{point[along(operand)]};
  int64_t stride = width(operand), points = depthPoints(operand);
  AffineExpr first = b.getAffineDimExpr(0);
  if (isGrouped(operand)) {
    first = first - b.getAffineDimExpr(dims.size());
    dims.push_back(group->start);
  }
  AffineExpr index = first * points + offset;
  // Named, since a range-for keeps only the outermost temporary alive.
  SmallVector<unsigned> inner = depth(operand);
  for (unsigned dim : llvm::reverse(inner)) {
    AffineExpr at = b.getAffineDimExpr(dims.size());
    dims.push_back(point[dim]);
    if (plan.isCut(dim)) {
      at = at - b.getAffineDimExpr(dims.size());
      dims.push_back(pieceStart);
    }
    index = index + at * stride;
    stride *= plan.pointsInside(dim, extents[dim]);
  }
  return affine::AffineApplyOp::create(
      b, loc, AffineMap::get(dims.size(), 0, index), dims);
}

SmallVector<Value>
KernelPanels::indices(unsigned operand, ArrayRef<Value> point, int64_t offset) {
  AffineMap map = op.getIndexingMapsArray()[operand];
  unsigned dim = along(operand);
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    unsigned position = cast<AffineDimExpr>(expr).getPosition();
    Value at = point[position];
    if (position == dim && offset)
      at = arith::AddIOp::create(b, loc, at, constant(offset));
    result.push_back(at);
  }
  return result;
}

void KernelPanels::copyNeighbours(unsigned operand, ArrayRef<Value> point,
                                  int64_t count) {
  Value from = op->getOperand(operand), to = memory.lookup(operand);
  Type element = getElementTypeOrSelf(from.getType());
  auto put = [&](Value value, int64_t offset) {
    Value index = indexOf(operand, point, offset);
    if (isa<VectorType>(value.getType()))
      vector::StoreOp::create(b, loc, value, to, index);
    else
      memref::StoreOp::create(b, loc, value, to, index);
  };
  int64_t done = 0;
  while (done < count) {
    int64_t size =
        hasNeighbours(operand)
            ? std::min<int64_t>(plan.lanes,
                                llvm::bit_floor<uint64_t>(count - done))
            : 1;
    SmallVector<Value> at = indices(operand, point, done);
    Value value;
    if (size > 1)
      value = vector::LoadOp::create(b, loc, VectorType::get({size}, element),
                                     from, at);
    else
      value = memref::LoadOp::create(b, loc, from, at);
    put(value, done);
    done += size;
  }
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  for (int64_t rest = count; rest < width(operand); ++rest)
    put(zero, rest);
}

void KernelPanels::eachBlock(unsigned operand, SmallVector<Value> &point,
                             Loop loop, function_ref<void(int64_t)> body) {
  unsigned dim = along(operand);
  int64_t size = extents[dim], step = width(operand);
  int64_t covered = size / step * step;
  if (isGrouped(operand) && group->isWhole)
    return loop(group->start, group->end, step, [&](Value block) {
      point[dim] = block;
      body(step);
    });
  if (covered && !isGrouped(operand))
    loop(constant(0), constant(covered), step, [&](Value block) {
      point[dim] = block;
      body(step);
    });
  if (covered < size) {
    point[dim] = constant(covered);
    body(size - covered);
  }
}

std::pair<Value, Value> KernelPanels::range(unsigned dim) {
  if (plan.isCut(dim))
    return {pieceStart, pieceEnd};
  return {constant(0), constant(extents[dim])};
}

void KernelPanels::eachPoint(ArrayRef<unsigned> dims, SmallVector<Value> &point,
                             Loop loop, function_ref<void()> body) {
  if (dims.empty())
    return body();
  auto [from, to] = range(dims.front());
  loop(from, to, 1, [&](Value i) {
    point[dims.front()] = i;
    eachPoint(dims.drop_front(), point, loop, body);
  });
}

void KernelPanels::eachStretch(unsigned operand, SmallVector<Value> &point,
                               Loop loop, function_ref<void(int64_t)> body) {
  const SmallVector<unsigned> dims = depth(operand);
  size_t level = dims.size();
  // Of the dimensions after `level`, and with it.
  int64_t inside = 1, points = 1;
  while (level > 0 && points < stretch) {
    inside = points;
    --level;
    points *= plan.pointsInside(dims[level], extents[dims[level]]);
  }
  if (points < stretch)
    return eachBlock(operand, point, loop, [&](int64_t count) {
      eachPoint(dims, point, loop, [&] { body(count); });
    });
  const int64_t step = llvm::divideCeil(stretch, inside);
  const unsigned dim = dims[level];
  ArrayRef<unsigned> all = dims;
  eachPoint(all.take_front(level), point, loop, [&] {
    auto [from, to] = range(dim);
    loop(from, to, step, [&, to = to](Value first) {
      Value last = arith::AddIOp::create(b, loc, first, constant(step));
      if (extents[dim] % step || (plan.isCut(dim) && plan.piece % step))
        last = arith::MinSIOp::create(b, loc, last, to);
      eachBlock(operand, point, loop, [&](int64_t count) {
        loop(first, last, 1, [&](Value i) {
          point[dim] = i;
          eachPoint(all.drop_front(level + 1), point, loop,
                    [&] { body(count); });
        });
      });
    });
  });
}

void KernelPanels::copy(unsigned operand, ArrayRef<Value> point, Loop loop) {
  int64_t size = isGrouped(operand) ? group->size : extents[along(operand)];
  int64_t blocks = llvm::divideCeil(size, width(operand));
  Type element = getElementTypeOrSelf(op->getOperand(operand).getType());
  int64_t elements = blocks * width(operand) * depthPoints(operand);
  bool fits = elements * elementBytes(element) <= mostByRows;
  memory[operand] =
      memref::AllocOp::create(b, loc, MemRefType::get({elements}, element),
                              b.getI64IntegerAttr(panelAlignment));
  SmallVector<Value> at(point);
  auto copyHere = [&](int64_t count) { copyNeighbours(operand, at, count); };
  // What lies side by side in memory is read as it lies there, or some rows at
  // a time; else each point of a block lies in a row of its own.
  if (hasNeighbours(operand) && blocks > 1 && !fits)
    eachStretch(operand, at, loop, copyHere);
  else if (hasNeighbours(operand))
    eachPoint(depth(operand), at, loop,
              [&] { eachBlock(operand, at, loop, copyHere); });
  else
    eachBlock(operand, at, loop, [&](int64_t count) {
      eachPoint(depth(operand), at, loop, [&] { copyHere(count); });
    });
}

void KernelPanels::release(unsigned operand) {
  memref::DeallocOp::create(b, loc, memory.lookup(operand));
  memory.erase(operand);
}
