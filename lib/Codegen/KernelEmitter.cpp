// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes a linalg.generic on buffers as the loop nest of its plan.
#include "KernelEmitter.h"
#include "KernelPanels.h"
#include "KernelTile.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
/// The nest around the blocks.
class KernelEmitter {
public:
  KernelEmitter(RewriterBase &b, linalg::GenericOp op, const KernelPlan &plan,
                ArrayRef<Value> initial, const Epilogue &epilogue)
      : b(b), loc(op.getLoc()), op(op), plan(plan), panels(b, op, plan) {
    auto structured = cast<linalg::LinalgOp>(op.getOperation());
    for (Range range : structured.createLoopRanges(b, loc))
      extents.push_back(range.size);
    point.resize(extents.size());
    tile.emplace(b, op, plan, extents, initial, panels, epilogue);
  }

  /// One loop around everything, of one trip if need be: prec-outline-loops
  /// makes a function of it.
  void emit() {
    if (!plan.shared.empty())
      return inParts();
    if (plan.revisitsOutputs() || (!plan.outer.empty() && !plan.hasPanels()))
      return hoistedLoops(0);
    auto once =
        scf::ForOp::create(b, loc, constant(0), constant(1), constant(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(once.getBody());
    hoistedLoops(0);
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value extent(unsigned dim) {
    return getValueOrCreateConstantIndexOp(b, loc, extents[dim]);
  }

  /// The largest multiple that is not above `size`.
  Value wholeMultiple(OpFoldResult size, int64_t of) {
    AffineExpr n = b.getAffineSymbolExpr(0);
    return getValueOrCreateConstantIndexOp(
        b, loc,
        affine::makeComposedFoldedAffineApply(b, loc, n.floorDiv(of) * of,
                                              {size}));
  }

  /// for i = from to `to` by step: body(i); the outermost one that makes more
  /// than one trip on several threads. All dimensions here are parallel.
  void loop(Value from, Value to, int64_t step,
            function_ref<void(Value)> body) {
    std::optional<int64_t> first = getConstantIntValue(from),
                           last = getConstantIntValue(to);
    bool isSingle = first && last && *last - *first <= step;
    if (plan.useThreads && !isInParallel && !isSingle) {
      auto loop =
          scf::ParallelOp::create(b, loc, from, to, constant(step), nullptr);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      isInParallel = true;
      body(loop.getInductionVars()[0]);
      isInParallel = false;
      return;
    }
    auto loop = scf::ForOp::create(b, loc, from, to, constant(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  /// Each thread takes a part of the outer points through all of the loops that
  /// go over the outputs again, so that threads meet only once.
  void inParts() {
    int64_t size = 1;
    for (unsigned dim : plan.shared)
      size *= *getConstantIntValue(extents[dim]);
    int64_t step = llvm::divideCeil(size, plan.parts);
    loop(constant(0), constant(size), step, [&](Value start) {
      Value end = arith::AddIOp::create(b, loc, start, constant(step));
      if (size % step)
        end = arith::MinSIOp::create(b, loc, end, constant(size));
      part = {start, end};
      hoistedLoops(0);
    });
  }

  /// All outer dimensions in one loop, over the points of a thread.
  void sharedLoop() {
    loop(part.first, part.second, 1, [&](Value number) {
      for (unsigned dim : llvm::reverse(plan.shared)) {
        Value size = extent(dim);
        point[dim] = arith::RemUIOp::create(b, loc, number, size);
        number = arith::DivUIOp::create(b, loc, number, size);
      }
      outerLoops(plan.outer.size());
    });
  }

  /// Reduction dimensions that the parallel ones run inside of.
  void hoistedLoops(unsigned level) {
    if (level == plan.hoisted.size())
      return pieces();
    unsigned dim = plan.hoisted[level];
    auto loop =
        scf::ForOp::create(b, loc, constant(0), extent(dim), constant(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    point[dim] = loop.getInductionVar();
    hoistedLoops(level + 1);
  }

  /// The first of the other reduction dimensions, some points at a time.
  void pieces() {
    if (!plan.piece)
      return outerLoops(0);
    Value size = extent(plan.reductions.front()), step = constant(plan.piece);
    auto loop = scf::ForOp::create(b, loc, constant(0), size, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    pieceStart = loop.getInductionVar();
    pieceEnd = arith::AddIOp::create(b, loc, pieceStart, step);
    if (*getConstantIntValue(extents[plan.reductions.front()]) % plan.piece)
      pieceEnd = arith::MinSIOp::create(b, loc, pieceEnd, size);
    panels.setPiece(pieceStart, pieceEnd);
    outerLoops(0);
  }

  /// Panels are made where the outer dimensions that they depend on are known.
  void outerLoops(unsigned level) {
    SmallVector<unsigned> here;
    for (unsigned operand = 0; operand < op->getNumOperands(); ++operand)
      if (plan.isPanel(operand) && outerDepth(operand) == level &&
          !isGrouped(operand))
        here.push_back(operand);
    withPanels(here, [&] { outerLoop(level); });
  }

  void withPanels(ArrayRef<unsigned> operands, function_ref<void()> body) {
    for (unsigned operand : operands)
      panels.copy(
          operand, point,
          [&](Value from, Value to, int64_t step,
              function_ref<void(Value)> body) { loop(from, to, step, body); });
    body();
    for (unsigned operand : operands)
      panels.release(operand);
  }

  /// A panel that is made for some of the vector dimension at a time.
  bool isGrouped(unsigned operand) {
    return plan.vectorGroup && plan.isPanel(operand) &&
           op.getIndexingMapsArray()[operand].isFunctionOfDim(plan.vectorDim);
  }

  /// How many of the outer loops are around what `operand` depends on.
  unsigned outerDepth(unsigned operand) {
    AffineMap map = op.getIndexingMapsArray()[operand];
    unsigned depth = plan.outer.size();
    while (depth > 0 && !map.isFunctionOfDim(plan.outer[depth - 1]))
      --depth;
    return depth;
  }

  void outerLoop(unsigned level) {
    if (level == plan.outer.size())
      return plan.rowBlock      ? rowBlocksOutside()
             : plan.vectorGroup ? vectorGroups()
                                : vectorBlocks();
    if (plan.shared.size() > 1)
      return sharedLoop();
    unsigned dim = plan.outer[level];
    auto [from, to] = llvm::is_contained(plan.shared, dim)
                          ? part
                          : std::make_pair(constant(0), extent(dim));
    loop(from, to, 1, [&](Value i) {
      point[dim] = i;
      outerLoops(level + 1);
    });
  }

  /// The vector dimension: whole blocks, what whole vectors are left, and the
  /// lanes that are left, masked or one by one.
  void vectorBlocks() {
    if (plan.isScalar())
      return rowBlocks({0, 1, {}});
    unsigned dim = plan.vectorDim;
    int64_t step = plan.lanes * plan.vectors;
    std::optional<int64_t> size = getConstantIntValue(extents[dim]);
    if (!size)
      return dynamicVectorBlocks();
    int64_t covered = *size / step * step;
    if (covered == step) {
      point[dim] = constant(0);
      rowBlocks({plan.lanes, plan.vectors, {}});
    } else if (covered > 0) {
      wholeVectors(constant(0), constant(covered));
    }
    if (covered < *size)
      vectorsLeft(covered, *size);
  }

  void wholeVectors(Value from, Value to) {
    loop(from, to, plan.lanes * plan.vectors, [&](Value i) {
      point[plan.vectorDim] = i;
      rowBlocks({plan.lanes, plan.vectors, {}});
    });
  }

  /// Less than a block.
  void vectorsLeft(int64_t covered, int64_t size) {
    unsigned dim = plan.vectorDim;
    int64_t left = size - covered, whole = left / plan.lanes;
    int64_t lanes = left % plan.lanes;
    if (lanes == 0 || plan.canMask) {
      point[dim] = constant(covered);
      return rowBlocks(
          {plan.lanes, whole + (lanes ? 1 : 0),
           lanes ? OpFoldResult(b.getIndexAttr(lanes)) : OpFoldResult()});
    }
    if (whole) {
      point[dim] = constant(covered);
      rowBlocks({plan.lanes, whole, {}});
    }
    loop(constant(covered + whole * plan.lanes), constant(size), 1,
         [&](Value i) {
           point[dim] = i;
           rowBlocks({0, 1, {}});
         });
  }

  /// Some blocks of the vector dimension, then what is left, each with panels
  /// of its own.
  void vectorGroups() {
    SmallVector<unsigned> grouped;
    for (unsigned operand = 0; operand < op->getNumOperands(); ++operand)
      if (isGrouped(operand))
        grouped.push_back(operand);
    int64_t size = *getConstantIntValue(extents[plan.vectorDim]);
    int64_t step = plan.lanes * plan.vectors, covered = size / step * step;
    loop(constant(0), constant(covered), plan.vectorGroup, [&](Value start) {
      Value end =
          arith::AddIOp::create(b, loc, start, constant(plan.vectorGroup));
      if (covered % plan.vectorGroup)
        end = arith::MinSIOp::create(b, loc, end, constant(covered));
      panels.setGroup({{start, end, plan.vectorGroup, true}});
      withPanels(grouped, [&] { wholeVectors(start, end); });
    });
    if (covered < size) {
      panels.setGroup(
          {{constant(covered), constant(size), size - covered, false}});
      withPanels(grouped, [&] { vectorsLeft(covered, size); });
    }
    panels.setGroup(std::nullopt);
  }

  void dynamicVectorBlocks() {
    unsigned dim = plan.vectorDim;
    int64_t step = plan.lanes * plan.vectors;
    Value size = extent(dim), covered = wholeMultiple(extents[dim], step);
    loop(constant(0), covered, step, [&](Value i) {
      point[dim] = i;
      rowBlocks({plan.lanes, plan.vectors, {}});
    });
    if (!plan.canMask) {
      loop(covered, size, 1, [&](Value i) {
        point[dim] = i;
        rowBlocks({0, 1, {}});
      });
      return;
    }
    loop(covered, size, plan.lanes, [&](Value i) {
      point[dim] = i;
      Value left = arith::SubIOp::create(b, loc, size, i);
      rowBlocks({plan.lanes, 1, OpFoldResult(left)});
    });
  }

  /// Some rows, for all of the vector dimension; then the rows that are left.
  void rowBlocksOutside() {
    Value covered = coveredRows();
    loop(constant(0), covered, plan.rowBlock, [&](Value start) {
      Value end = arith::AddIOp::create(b, loc, start, constant(plan.rowBlock));
      rowRange = {start, arith::MinSIOp::create(b, loc, end, covered)};
      vectorBlocks();
    });
    rowRange = {};
    if (hasRowsLeft()) {
      isRowsLeft = true;
      vectorBlocks();
      isRowsLeft = false;
    }
  }

  /// The end of the last whole block of rows.
  Value coveredRows() { return wholeMultiple(extents[plan.rowDim], plan.rows); }

  bool hasRowsLeft() {
    std::optional<int64_t> size = getConstantIntValue(extents[plan.rowDim]);
    return !size || *size % plan.rows != 0;
  }

  void rowBlocks(BlockShape shape) {
    if (plan.rowDim < 0)
      return block(shape, 1);
    if (!isRowsLeft)
      wholeRows(shape);
    if (!rowRange.first && hasRowsLeft())
      rowsLeft(shape);
  }

  void wholeRows(BlockShape shape) {
    unsigned dim = plan.rowDim;
    std::optional<int64_t> size = getConstantIntValue(extents[dim]);
    if (size && *size == plan.rows) {
      point[dim] = constant(0);
      return block(shape, plan.rows);
    }
    auto [from, to] =
        rowRange.first ? rowRange : std::make_pair(constant(0), coveredRows());
    loop(from, to, plan.rows, [&](Value i) {
      point[dim] = i;
      block(shape, plan.rows);
    });
  }

  void rowsLeft(BlockShape shape) {
    unsigned dim = plan.rowDim;
    if (std::optional<int64_t> size = getConstantIntValue(extents[dim])) {
      point[dim] = coveredRows();
      return block(shape, *size % plan.rows);
    }
    loop(coveredRows(), extent(dim), 1, [&](Value i) {
      point[dim] = i;
      block(shape, 1);
    });
  }

  void block(BlockShape shape, int64_t rows) {
    shape.rows = rows;
    tile->emit(shape, point, {pieceStart, pieceEnd});
  }

  RewriterBase &b;
  Location loc;
  linalg::GenericOp op;
  const KernelPlan &plan;
  KernelPanels panels;
  std::optional<KernelTile> tile;
  Value pieceStart, pieceEnd;
  std::pair<Value, Value> part;     ///< of the shared dimensions' points
  std::pair<Value, Value> rowRange; ///< null: all whole blocks of rows
  bool isRowsLeft = false;          ///< only the rows that are no whole block
  bool isInParallel = false;
  SmallVector<OpFoldResult> extents;
  SmallVector<Value> point; ///< where the block begins, for each dimension
};
} // namespace

void mlir::prec::emitKernel(RewriterBase &rewriter, linalg::GenericOp op,
                            const KernelPlan &plan, ArrayRef<Value> initial,
                            const Epilogue &epilogue) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  KernelEmitter(rewriter, op, plan, initial, epilogue).emit();
}
