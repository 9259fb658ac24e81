// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Panels: copies of operands in which what a block reads lies side by side.
//
// A block of a kernel reads `width` neighbours of an operand, then as many some
// rows further on, for each point of the reduction. Such reads hit few sets of
// the cache and many pages. A panel has them one after the other:
//
//   panel[block][point of the operand's reduction dimensions][width]
//
// as one dimension in memory. The same values are read, so no result depends
// on it.
#ifndef PREC_CODEGEN_KERNELPANELS_H
#define PREC_CODEGEN_KERNELPANELS_H

#include "KernelPlan.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

/// Bytes: a line of the cache.
constexpr int64_t panelAlignment = 64;

class KernelPanels {
public:
  KernelPanels(RewriterBase &b, linalg::GenericOp op, const KernelPlan &plan)
      : b(b), loc(op.getLoc()), op(op), plan(plan),
        extents(op.getStaticLoopRanges()) {}

  /// Where the piece of the first reduction dimension begins and ends.
  void setPiece(Value start, Value end) {
    pieceStart = start;
    pieceEnd = end;
  }

  using Loop = function_ref<void(Value from, Value to, int64_t step,
                                 function_ref<void(Value)> body)>;
  /// Points of the vector dimension, of which panels along it are made; their
  /// number, the most there are of it, is a multiple of a block's if `isWhole`.
  struct Group {
    Value start, end;
    int64_t size;
    bool isWhole;
  };
  void setGroup(std::optional<Group> some) { group = some; }

  /// Emits the copy of an operand at `point`, whose outer dimensions are set;
  /// `loop` makes its loops. `release` ends its life.
  void copy(unsigned operand, ArrayRef<Value> point, Loop loop);
  void release(unsigned operand);

  bool has(unsigned operand) const { return memory.contains(operand); }
  Value memoryOf(unsigned operand) const { return memory.lookup(operand); }
  /// Index of the block's first element at `point`, plus `offset`.
  Value indexOf(unsigned operand, ArrayRef<Value> point, int64_t offset);

private:
  /// The dimension whose points lie side by side in a panel, and whether they
  /// do so in memory, too.
  unsigned along(unsigned operand) const;
  bool isGrouped(unsigned operand) const {
    return group && int(along(operand)) == plan.vectorDim;
  }
  bool hasNeighbours(unsigned operand) const;
  int64_t width(unsigned operand) const;
  /// Reduction dimensions inside of the nest that the operand depends on, and
  /// how many points of each a panel has.
  SmallVector<unsigned> depth(unsigned operand) const;
  int64_t depthPoints(unsigned operand) const;

  /// `body` with the number of points for each block of the operand.
  void eachBlock(unsigned operand, SmallVector<Value> &point, Loop loop,
                 function_ref<void(int64_t)> body);
  /// Where a reduction dimension begins and ends here.
  std::pair<Value, Value> range(unsigned dim);
  /// `body` at each point of the dimensions.
  void eachPoint(ArrayRef<unsigned> dims, SmallVector<Value> &point, Loop loop,
                 function_ref<void()> body);
  /// `body` with the number of points for each block at each point of the
  /// depth: some points for all blocks, then the next ones.
  void eachStretch(unsigned operand, SmallVector<Value> &point, Loop loop,
                   function_ref<void(int64_t)> body);
  /// Copies `count` points of a block; the rest of the width becomes zero.
  void copyNeighbours(unsigned operand, ArrayRef<Value> point, int64_t count);
  SmallVector<Value> indices(unsigned operand, ArrayRef<Value> point,
                             int64_t offset);
  Value constant(int64_t value);

  RewriterBase &b;
  Location loc;
  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  const KernelPlan &plan;
  SmallVector<int64_t> extents;
  Value pieceStart, pieceEnd;
  std::optional<Group> group;
  llvm::SmallDenseMap<unsigned, Value> memory;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELPANELS_H
