// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operation on buffers touches when it runs for a part of the batch.
#include "BatchSlices.h"
#include "ElementBytes.h"
#include "Profile.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::prec;

/// Slices across a buffer have lines of the cache to themselves.
static constexpr int64_t leastNeighbours = 16;

static bool dividesFirst(Value value, int64_t parts) {
  auto type = cast<MemRefType>(value.getType());
  return type.getRank() > 0 && !type.isDynamicDim(0) &&
         type.getDimSize(0) % parts == 0;
}

/// Whether the first dimension of a view is all of the first of its source, in
/// the same order.
static bool keepsFirst(Operation *view) {
  auto subview = dyn_cast<memref::SubViewOp>(view);
  if (!subview)
    return isa<memref::CollapseShapeOp, memref::ExpandShapeOp, memref::CastOp>(
        view);
  return !subview.getDroppedDims().test(0) &&
         subview.getStaticOffsets()[0] == 0 &&
         subview.getStaticStrides()[0] == 1 &&
         subview.getStaticSizes()[0] == subview.getSourceType().getDimSize(0);
}

std::pair<Value, bool> mlir::prec::bufferBehind(Value view, int64_t parts) {
  bool inParts = dividesFirst(view, parts);
  while (auto def = view.getDefiningOp<ViewLikeOpInterface>()) {
    inParts = inParts && keepsFirst(def);
    view = def.getViewSource();
    inParts = inParts && dividesFirst(view, parts);
  }
  return {view, inParts};
}

/// Buffers that are allocated here are no others; an argument may be another
/// argument, so none is written, and what a branch gives may be any.
static bool mayTouch(Value buffer, bool isWrite) {
  if (isa_and_nonnull<memref::AllocOp, memref::AllocaOp>(
          buffer.getDefiningOp()))
    return true;
  auto argument = dyn_cast<BlockArgument>(buffer);
  bool isArgument =
      argument && isa<FunctionOpInterface>(argument.getOwner()->getParentOp());
  return !isWrite &&
         (isArgument || buffer.getDefiningOp<memref::GetGlobalOp>());
}

/// Does the body read memory that is no operand?
static bool capturesMemory(linalg::LinalgOp op) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  return llvm::any_of(captured, [](Value value) {
    return isa<BaseMemRefType>(value.getType());
  });
}

int64_t mlir::prec::bytesOf(MemRefType type) {
  return type.getNumElements() * elementBytes(type.getElementType());
}

/// The place at which `map` has `dim` by itself; nothing if it has it
/// otherwise.
static std::optional<unsigned> placeOf(AffineMap map, unsigned dim) {
  std::optional<unsigned> place;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(dim))
      continue;
    if (place || !isa<AffineDimExpr>(expr))
      return std::nullopt;
    place = i;
  }
  return place;
}

/// Elements that lie side by side in a slice along dimension `place`.
static int64_t neighboursAfter(MemRefType type, unsigned place) {
  int64_t count = 1;
  for (int64_t size : type.getShape().drop_front(place + 1))
    count *= size;
  return count;
}

static std::optional<BatchSlice> sliceAlong(linalg::LinalgOp op, unsigned dim,
                                            int64_t parts) {
  BatchSlice slice{op, dim, {}};
  int64_t extent = op.getStaticLoopRanges()[dim];
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type)
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    auto [buffer, inParts] = bufferBehind(operand.get(), parts);
    bool isWrite = op.isDpsInit(&operand);
    if (!mayTouch(buffer, isWrite))
      return std::nullopt;
    if (map.isFunctionOfDim(dim)) {
      std::optional<unsigned> place = placeOf(map, dim);
      if (!place || type.getDimSize(*place) != extent ||
          (*place > 0 && neighboursAfter(type, *place) < leastNeighbours))
        return std::nullopt;
      inParts = inParts && *place == 0;
      if (llvm::none_of(slice.touches, [&, b = buffer](const Touch &touch) {
            return touch.buffer == b;
          }))
        slice.bytesOfPart += bytesOf(type) / parts;
    } else if (isWrite && !slice.isReduction()) {
      return std::nullopt; // each part writes all of it, the last one wins
    } else {
      inParts = false;
      slice.wholeElements += double(type.getNumElements());
    }
    slice.touches.push_back({buffer, isWrite, inParts});
  }
  if (llvm::none_of(slice.touches, [](const Touch &t) { return t.inParts; }))
    return std::nullopt;
  slice.workOfPart = 1.0 / double(parts);
  for (int64_t range : op.getStaticLoopRanges())
    slice.workOfPart *= double(range);
  return slice;
}

std::optional<BatchSlice> mlir::prec::sliceOf(linalg::LinalgOp op,
                                              int64_t parts) {
  if (!op.hasPureBufferSemantics() || op.hasDynamicShape() ||
      capturesMemory(op))
    return std::nullopt;
  std::optional<BatchSlice> best;
  auto iterators = op.getIteratorTypesArray();
  auto better = [&](unsigned dim) {
    if (op.getStaticLoopRanges()[dim] % parts != 0)
      return;
    auto slice = sliceAlong(op, dim, parts);
    auto count = [](const BatchSlice &s) {
      return llvm::count_if(s.touches,
                            [](const Touch &t) { return t.inParts; });
    };
    if (slice && (!best || count(*best) < count(*slice)))
      best = slice;
  };
  bool sawReduction = false;
  for (unsigned dim = 0; dim < iterators.size(); ++dim) {
    bool isReduction = iterators[dim] == utils::IteratorType::reduction;
    if (!isReduction || !sawReduction)
      better(dim);
    sawReduction |= isReduction;
  }
  return best;
}

static std::optional<SmallVector<Touch>> known(SmallVector<Touch> touches) {
  if (llvm::all_of(touches, [](const Touch &touch) {
        return mayTouch(touch.buffer, touch.isWrite);
      }))
    return touches;
  return std::nullopt;
}

std::optional<SmallVector<Touch>> mlir::prec::touchesOf(Operation *op) {
  SmallVector<Touch> touches;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    if (!structured.hasPureBufferSemantics() || capturesMemory(structured))
      return std::nullopt;
    for (OpOperand &operand : op->getOpOperands())
      if (isa<MemRefType>(operand.get().getType()))
        touches.push_back({bufferBehind(operand.get(), 1).first,
                           structured.isDpsInit(&operand), false});
    return known(std::move(touches));
  }
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  if (!effects || op->getNumRegions() > 0)
    return std::nullopt;
  SmallVector<MemoryEffects::EffectInstance> all;
  effects.getEffects(all);
  for (const MemoryEffects::EffectInstance &effect : all) {
    if (isa<MemoryEffects::Allocate>(effect.getEffect()))
      continue;
    Value value = effect.getValue();
    if (!value || !isa<MemRefType>(value.getType()))
      return std::nullopt;
    touches.push_back({bufferBehind(value, 1).first,
                       !isa<MemoryEffects::Read>(effect.getEffect()), false});
  }
  return known(std::move(touches));
}

std::optional<SmallVector<Touch>> mlir::prec::touchesBetween(Operation *first,
                                                             Operation *last) {
  SmallVector<Touch> all;
  for (Operation *op = first->getNextNode(); op != last;
       op = op->getNextNode()) {
    if (isMemoryEffectFree(op) || isa<memref::AllocOp>(op) || isProfileCall(op))
      continue;
    std::optional<SmallVector<Touch>> touches = touchesOf(op);
    if (!touches)
      return std::nullopt;
    llvm::append_range(all, *touches);
  }
  return all;
}
