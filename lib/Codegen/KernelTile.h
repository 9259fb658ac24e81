// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One tile of a kernel: its blocks, the reduction loops around their bodies,
// and the epilogue on what comes out.
#ifndef PREC_LIB_CODEGEN_KERNELTILE_H
#define PREC_LIB_CODEGEN_KERNELTILE_H

#include "Epilogue.h"
#include "KernelBlock.h"

namespace mlir::prec {

class KernelTile {
public:
  /// What is referred to outlives the tile. The epilogue, if there is one, is
  /// planned.
  KernelTile(RewriterBase &b, linalg::GenericOp op, const KernelPlan &plan,
             ArrayRef<OpFoldResult> extents, ArrayRef<Value> initial,
             KernelPanels &panels, const Epilogue &epilogue);

  /// At `point`, whose dimensions inside of the tile do not matter; `piece` is
  /// where the cut dimension begins and ends, if the plan has one.
  void emit(const BlockShape &shape, ArrayRef<Value> point,
            std::pair<Value, Value> piece);

private:
  void addBlocks(const BlockShape &shape, SmallVector<Value> &point,
                 ArrayRef<unsigned> dims);
  KernelBlock endAt(ArrayRef<Value> point, const BlockShape &shape);
  void finish(KernelBlock &end, ValueRange sums);

  RewriterBase &b;
  linalg::GenericOp op;
  const KernelPlan &plan;
  ArrayRef<OpFoldResult> extents;
  ArrayRef<Value> initial;
  KernelPanels &panels;
  const Epilogue &epilogue;
  SmallVector<KernelBlock, 1> blocks, ends;
  // Of the epilogue, which has neither.
  SmallVector<Value> noInitial;
  std::optional<KernelPanels> noPanels;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_KERNELTILE_H
