// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops over reduction dimensions around the bodies of a tile's blocks.
#ifndef PREC_CODEGEN_REDUCTIONLOOPS_H
#define PREC_CODEGEN_REDUCTIONLOOPS_H

#include "KernelPlan.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

class KernelBlock;

class ReductionLoops {
public:
  /// `piece` is where the cut dimension begins and ends, if the plan has one.
  ReductionLoops(RewriterBase &b, Location loc, const KernelPlan &plan,
                 ArrayRef<OpFoldResult> extents, std::pair<Value, Value> piece)
      : b(b), loc(loc), plan(plan), extents(extents), piece(piece) {}

  /// All points of the plan's `reductions`, ascending, for the blocks of a
  /// tile; gives the accumulators of one after the other. What lies ahead is
  /// read for one block alone.
  SmallVector<Value> emit(MutableArrayRef<KernelBlock> blocks);

private:
  SmallVector<Value> emit(unsigned level, ValueRange accumulators);
  /// The bodies of all blocks.
  SmallVector<Value> compute(ValueRange accumulators);
  void setPoint(unsigned dim, Value value);
  SmallVector<Value> loopAhead(KernelBlock &block, unsigned dim,
                               ValueRange accumulators);
  SmallVector<Value> storedPoints(KernelBlock &block, unsigned dim, Value first,
                                  ValueRange accumulators);
  Value constant(int64_t value);
  Value extent(unsigned dim);

  RewriterBase &b;
  Location loc;
  const KernelPlan &plan;
  ArrayRef<OpFoldResult> extents;
  std::pair<Value, Value> piece;
  MutableArrayRef<KernelBlock> blocks;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_REDUCTIONLOOPS_H
