// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations on a batch run for a block of it after another.
#include "BatchGroup.h"
#include "BlockLoop.h"
#include "Fill.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

#include <map>

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_BLOCKBATCH
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// Writes a group as a loop over blocks.
class BlockLoop {
public:
  BlockLoop(IRRewriter &b, const BatchGroup &group, int64_t parts)
      : b(b), group(group), parts(parts), step(group.partsOfBlock()),
        loc(group.first()->getLoc()) {}

  /// The loop, in which the members are now.
  Operation *emit(bool isParallel) {
    Operation *first = group.first();
    for (Operation *op : group.earlier())
      op->moveBefore(first);
    b.setInsertionPoint(first);
    Value zero = constant(0), end = constant(parts), by = constant(step);
    Operation *loop;
    if (isParallel) {
      auto parallel = scf::ParallelOp::create(b, loc, zero, end, by);
      b.setInsertionPointToStart(parallel.getBody());
      block = parallel.getInductionVars()[0];
      loop = parallel;
    } else {
      auto serial = scf::ForOp::create(b, loc, zero, end, by);
      b.setInsertionPointToStart(serial.getBody());
      block = serial.getInductionVar();
      loop = serial;
    }
    loop->setAttr(kBlockLoop, b.getUnitAttr());
    for (const auto &entry : group.buffers())
      if (group.isInner(entry.first))
        shrink(entry.first);
    for (const BatchSlice &slice : group.slices())
      emitMember(slice);
    for (Value small : smallBuffers)
      memref::DeallocOp::create(b, loc, small);
    for (const BatchSlice &slice : group.slices())
      b.eraseOp(slice.op);
    for (Operation *op : llvm::reverse(dead))
      b.eraseOp(op);
    return loop;
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  SmallVector<int64_t> shapeOfBlock(MemRefType type) {
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = shape[0] / parts * step;
    return shape;
  }

  /// The buffer has one block, which each block uses anew.
  void shrink(Value buffer) {
    auto alloc = buffer.getDefiningOp<memref::AllocOp>();
    MemRefType type = alloc.getType();
    Value small = memref::AllocOp::create(
        b, loc, MemRefType::get(shapeOfBlock(type), type.getElementType()),
        alloc.getAlignmentAttr());
    smallBuffers.push_back(small);
    ofBlock[buffer] = small;
    SmallVector<Value> views{buffer};
    dead.push_back(alloc);
    while (!views.empty()) {
      Value view = views.pop_back_val();
      for (Operation *user : view.getUsers()) {
        if (isa<linalg::LinalgOp>(user))
          continue; // a member
        dead.push_back(user);
        if (!isa<memref::DeallocOp>(user)) {
          ofBlock[user->getResult(0)] = viewOfBlock(user, ofBlock[view]);
          views.push_back(user->getResult(0));
        }
      }
    }
  }

  Value viewOfBlock(Operation *view, Value source) {
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(view))
      return memref::CollapseShapeOp::create(
          b, loc, source, collapse.getReassociationIndices());
    if (auto expand = dyn_cast<memref::ExpandShapeOp>(view))
      return memref::ExpandShapeOp::create(
          b, loc, shapeOfBlock(expand.getResultType()), source,
          expand.getReassociationIndices());
    auto subview = cast<memref::SubViewOp>(view);
    SmallVector<OpFoldResult> sizes = subview.getMixedSizes();
    sizes[0] = b.getIndexAttr(cast<MemRefType>(source.getType()).getDimSize(0));
    MemRefType type = memref::SubViewOp::inferRankReducedResultType(
        shapeOfBlock(subview.getType()), cast<MemRefType>(source.getType()),
        subview.getMixedOffsets(), sizes, subview.getMixedStrides());
    return memref::SubViewOp::create(b, loc, type, source,
                                     subview.getMixedOffsets(), sizes,
                                     subview.getMixedStrides());
  }

  /// Where the block begins in a loop or dimension of `extent` points.
  Value offsetIn(int64_t extent) {
    Value &offset = offsets[extent];
    if (!offset)
      offset =
          b.createOrFold<arith::MulIOp>(loc, block, constant(extent / parts));
    return offset;
  }

  /// The block's part of an operand, along its dimension `place`.
  Value partOf(Value operand, unsigned place) {
    Value &part = partsOf[{operand, place}];
    if (part)
      return part;
    auto type = cast<MemRefType>(operand.getType());
    SmallVector<OpFoldResult> from(type.getRank(), b.getIndexAttr(0)),
        strides(type.getRank(), b.getIndexAttr(1)),
        sizes = getAsIndexOpFoldResult(b.getContext(), type.getShape());
    from[place] = offsetIn(type.getDimSize(place));
    sizes[place] = b.getIndexAttr(type.getDimSize(place) / parts * step);
    part = memref::SubViewOp::create(b, loc, operand, from, sizes, strides);
    return part;
  }

  void emitMember(BatchSlice slice) {
    SmallVector<Value> operands;
    for (OpOperand &operand : slice.op->getOpOperands()) {
      Value value = operand.get();
      if (Value small = ofBlock.lookup(value)) {
        operands.push_back(small);
        continue;
      }
      AffineMap map = slice.op.getMatchingIndexingMap(&operand);
      auto place =
          map.getResultPosition(getAffineDimExpr(slice.dim, b.getContext()));
      bool isCut = place && isa<MemRefType>(value.getType());
      operands.push_back(isCut ? partOf(value, *place) : value);
    }
    auto made =
        cast<linalg::LinalgOp>(mlir::clone(b, slice.op, TypeRange(), operands));
    if (!made.hasIndexSemantics())
      return;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(made);
    Value from = offsetIn(slice.extent());
    // A plain addition, which kernels do in vectors.
    made->walk([&](linalg::IndexOp index) {
      if (int64_t(index.getDim()) != slice.dim)
        return;
      b.setInsertionPointAfter(index);
      auto moved = arith::AddIOp::create(b, loc, index, from);
      b.replaceAllUsesExcept(index, moved, moved);
    });
  }

  IRRewriter &b;
  const BatchGroup &group;
  int64_t parts, step;
  Location loc;
  Value block; ///< the first part of the block
  llvm::DenseMap<Value, Value> ofBlock;
  llvm::DenseMap<std::pair<Value, unsigned>, Value> partsOf;
  llvm::DenseMap<int64_t, Value> offsets;
  SmallVector<Value> smallBuffers;
  SmallVector<Operation *> dead;
};

/// The number of examples: the least first extent that a tenth of all bytes
/// that are written has.
int64_t findParts(Block &block) {
  std::map<int64_t, double> bytes;
  double all = 0;
  for (auto op : block.getOps<linalg::LinalgOp>())
    for (Value output : op.getDpsInits())
      if (auto type = dyn_cast<MemRefType>(output.getType());
          type && type.hasStaticShape() && type.getRank() > 0) {
        bytes[type.getDimSize(0)] += double(type.getNumElements());
        all += double(type.getNumElements());
      }
  for (auto [extent, some] : bytes)
    if (some >= all / 10)
      return extent;
  return 1;
}

/// Bytes that are allocated before `end`, or at most at once if it is null.
int64_t bytesBefore(Block &block, Operation *end) {
  int64_t live = 0, most = 0;
  for (Operation &op : block) {
    if (&op == end)
      return live;
    auto add = [&](Value buffer, int64_t sign) {
      auto type = dyn_cast<MemRefType>(buffer.getType());
      if (type && type.hasStaticShape())
        live += sign * bytesOf(type);
    };
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      add(alloc, 1);
    else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
      add(dealloc.getMemref(), -1);
    most = std::max(most, live);
  }
  return most;
}

/// By which part the peak of memory may rise.
constexpr int64_t littleMore = 64;

struct BlockBatch : public prec::impl::BlockBatchBase<BlockBatch> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal() ||
        !llvm::hasSingleElement(getOperation().getBody()))
      return;
    Block &body = getOperation().getBody().front();
    int64_t parts = findParts(body);
    if (parts < 2)
      return;
    IRRewriter rewriter(&getContext());
    int64_t peak = bytesBefore(body, nullptr);
    peak += peak / littleMore;
    for (Operation *op = &body.front(); op;) {
      Operation *next = op;
      BatchGroup group = groupFrom(next, parts, peak);
      bool isWorthIt = group.isWorthIt();
      if (isWorthIt) {
        next = BlockLoop(rewriter, group, parts).emit(threads);
        ++groups;
        operations += group.slices().size();
      }
      op = next == op || isWorthIt ? next->getNextNode() : next;
    }
  }

  /// The longest group from `next` on that hardly raises the peak of memory:
  /// the buffers of a group are alive together, a block of the inner ones.
  /// `next` becomes its end.
  BatchGroup groupFrom(Operation *&next, int64_t parts, int64_t peak) {
    Operation *first = next;
    size_t most = std::numeric_limits<size_t>::max();
    while (true) {
      BatchGroup group(parts, threads, most);
      for (next = first; group.take(next);)
        next = next->getNextNode();
      // What it fills begins with that value only next to it.
      if (!group.slices().empty() && filledWith(group.slices().back().op)) {
        most = group.slices().size() - 1;
        continue;
      }
      if (!group.isWorthIt() ||
          bytesBefore(*first->getBlock(), first) + group.bytesOfBuffers() <=
              peak)
        return group;
      most = group.slices().size() - 1;
    }
  }
};
} // namespace
