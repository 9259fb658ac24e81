// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One tile of a kernel.
#include "KernelTile.h"
#include "ReductionLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::prec;

KernelTile::KernelTile(RewriterBase &b, linalg::GenericOp op,
                       const KernelPlan &plan, ArrayRef<OpFoldResult> extents,
                       ArrayRef<Value> initial, KernelPanels &panels,
                       const Epilogue &epilogue)
    : b(b), op(op), plan(plan), extents(extents), initial(initial),
      panels(panels), epilogue(epilogue) {
  if (!epilogue)
    return;
  noInitial.resize(epilogue.isResult.size());
  noPanels.emplace(b, epilogue.op, epilogue.plan);
}

void KernelTile::emit(const BlockShape &shape, ArrayRef<Value> point,
                      std::pair<Value, Value> piece) {
  blocks.clear();
  ends.clear();
  SmallVector<Value> at(point);
  addBlocks(shape, at, plan.inTile);
  SmallVector<Value> sums =
      ReductionLoops(b, op.getLoc(), plan, extents, piece).emit(blocks);
  const size_t size = sums.size() / blocks.size();
  for (size_t i = 0; i < blocks.size(); ++i) {
    ValueRange some = ValueRange(sums).slice(i * size, size);
    if (!epilogue || epilogue.keepsResult)
      blocks[i].storeOutputs(some);
    if (epilogue)
      finish(ends[i], some);
  }
}

/// A block at each point of the dimensions `dims`.
void KernelTile::addBlocks(const BlockShape &shape, SmallVector<Value> &point,
                           ArrayRef<unsigned> dims) {
  if (dims.empty()) {
    blocks.emplace_back(b, op, plan, shape, point, initial, panels);
    if (epilogue)
      ends.push_back(endAt(point, shape));
    return;
  }
  unsigned dim = dims.back();
  for (int64_t i = 0, n = *getConstantIntValue(extents[dim]); i < n; ++i) {
    point[dim] = arith::ConstantIndexOp::create(b, op.getLoc(), i);
    addBlocks(shape, point, dims.drop_back());
  }
}

/// The epilogue's block at a point of the kernel.
KernelBlock KernelTile::endAt(ArrayRef<Value> point, const BlockShape &shape) {
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  auto at = llvm::map_to_vector(parallel, [&](unsigned d) { return point[d]; });
  return {b, epilogue.op, epilogue.plan, shape, at, noInitial, *noPanels};
}

void KernelTile::finish(KernelBlock &end, ValueRange sums) {
  for (auto [number, isResult] : llvm::enumerate(epilogue.isResult))
    if (isResult)
      end.setTile(unsigned(number), sums);
  end.storeOutputs(end.compute(end.loadOutputs()));
}
