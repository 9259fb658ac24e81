// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One block of a kernel: `rows` x `vectors` accumulators for each output, the
// body applied to them, and their way from and to memory.
//
// Values are computed once for everything that they do not depend on: what only
// depends on the row is one scalar for all vectors, what only depends on the
// vector dimension is one vector for all rows.
#ifndef PREC_CODEGEN_KERNELBLOCK_H
#define PREC_CODEGEN_KERNELBLOCK_H

#include "KernelPanels.h"
#include "KernelPlan.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

struct BlockShape {
  int64_t lanes; ///< 0: one point, no vector
  int64_t vectors;
  OpFoldResult tail; ///< lanes of the last vector that count; null: all
  int64_t rows = 1;
};

class KernelBlock {
public:
  /// `point` is the block's first point; that of reduction dimensions is set
  /// later. Emits at the builder's insertion point.
  KernelBlock(RewriterBase &b, linalg::GenericOp op, const KernelPlan &plan,
              BlockShape shape, ArrayRef<Value> point, ArrayRef<Value> initial,
              KernelPanels &panels);

  void setPoint(unsigned dim, Value value) { point[dim] = value; }

  int64_t lanes() const { return shape.lanes; }
  /// Reads what lies along the last reduction dimension for its next `lanes`
  /// points from the one that is set on; then the point is the `ahead`th of
  /// these, or one by itself if that is null. Where the plan stores what lies
  /// ahead, `reserveAhead` makes the memory for it, and `number` may be any
  /// index; else it is a constant.
  void reserveAhead();
  void releaseAhead();
  void lookAhead();
  void setAhead(OpFoldResult number) { ahead = number; }

  /// The operand holds these values, by row and vector, whatever is in memory.
  void setTile(unsigned operand, ValueRange tile) {
    tiles[operand] = SmallVector<Value>(tile);
  }

  /// Accumulators: for each output, row, vector.
  SmallVector<Value> loadOutputs();
  SmallVector<Value> compute(ValueRange accumulators);
  void storeOutputs(ValueRange accumulators);

private:
  struct Dependence {
    bool row = false, vector = false;
  };
  /// A value of the body for one row and vector; -1 where it does not matter.
  using Key = std::tuple<Value, int64_t, int64_t>;

  Dependence dependenceOf(Value value);
  Dependence dependenceOf(AffineMap map) const;
  /// The argument has the value `tile[row][vector]` at a row and vector.
  void setValues(BlockArgument argument, ValueRange tile);
  Value valueOf(Value bodyValue, int64_t row, int64_t vector);
  Value emitOperation(Operation *inner, int64_t row, int64_t vector);
  Value emitIndex(unsigned dim, int64_t row, int64_t vector);
  Value asVector(Value value);
  Type vectorOf(Type element) const;

  Value load(OpOperand &operand, int64_t row, int64_t vector);
  Value loadFromPanel(unsigned operand, int64_t row, int64_t vector);
  Value loadAlone(OpOperand &operand, int64_t row, int64_t vector);
  Value loadInterleaved(OpOperand &operand, int64_t row, int64_t vector);
  Value loadTransposed(OpOperand &operand, int64_t row, int64_t vector);
  Value loadAhead(unsigned operand, int64_t vector);
  void store(OpOperand &operand, Value value, int64_t row, int64_t vector);
  /// All rows of a vector at once, where they lie across the vector.
  void storeInterleaved(OpOperand &operand, ValueRange rows, int64_t vector);
  void storeTransposed(OpOperand &operand, ValueRange rows, int64_t vector);
  /// The same for the first `count` vectors of a tile, in a loop.
  void storeSquares(OpOperand &operand, ValueRange tile, int64_t count);
  /// A vector of `count` elements, of which those beyond it are not touched.
  Value loadSome(Value memory, ValueRange at, int64_t count);
  void storeSome(Value value, Value memory, ValueRange at, int64_t count);
  /// Rows become columns, in squares side by side of as many lanes as there
  /// are vectors.
  SmallVector<Value> transpose(SmallVector<Value> square);
  /// For each of `lanes` neighbours in memory a vector along the lanes.
  SmallVector<Value> loadColumns(OpOperand &operand, int64_t vector);
  /// `all` with `piece` from lane `at` on; null: nothing else counts yet.
  Value putPiece(Value all, Value piece, int64_t at);
  bool canTranspose() const;
  /// The access of a block, which may be too small for that of the plan.
  Access accessOf(OpOperand &operand, int64_t vector);
  /// Where `operand` has its element for a row and `lane` lanes after the
  /// beginning of the vector dimension.
  SmallVector<Value> indices(OpOperand &operand, int64_t row, int64_t lane);
  Value shifted(unsigned dim, int64_t offset);
  bool isMasked(int64_t vector) const {
    return shape.tail && vector == shape.vectors - 1;
  }
  Value mask();
  /// Lanes of a vector that count, known at compile time.
  int64_t countOf(int64_t vector) const;
  Value constant(int64_t value);
  /// Where a vector of the `number`th point ahead is stored.
  Value placeAhead(OpFoldResult number, int64_t vector);
  bool isUsed(unsigned output);

  RewriterBase &b;
  Location loc;
  linalg::GenericOp op;
  const KernelPlan &plan;
  BlockShape shape;
  SmallVector<Value> point;
  ArrayRef<Value> initial;
  KernelPanels &panels;
  llvm::SmallDenseMap<unsigned, SmallVector<Value>> tiles;
  llvm::DenseMap<Value, Dependence> dependences;
  llvm::DenseMap<Key, Value> values;
  llvm::DenseMap<std::pair<unsigned, int64_t>, SmallVector<Value>> squares;
  llvm::SmallDenseMap<unsigned, Value> stored; ///< [point][vector][lane]
  OpFoldResult ahead;
  Value maskValue;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELBLOCK_H
