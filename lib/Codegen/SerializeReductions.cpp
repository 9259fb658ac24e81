// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parallel loops that reduce become loops in the order of their indices.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::prec {
#define GEN_PASS_DEF_SERIALIZEREDUCTIONS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;

/// The nest of scf.for with the accumulators as loop-carried values.
static void serialize(scf::ParallelOp op) {
  OpBuilder builder(op);
  scf::LoopNest nest = scf::buildLoopNest(
      builder, op.getLoc(), op.getLowerBound(), op.getUpperBound(),
      op.getStep(), op.getInitVals(),
      [&](OpBuilder &b, Location, ValueRange ivs,
          ValueRange accumulators) -> scf::ValueVector {
        IRMapping map;
        map.map(op.getInductionVars(), ivs);
        for (Operation &inner : op.getBody()->without_terminator())
          b.clone(inner, map);
        auto reduce = cast<scf::ReduceOp>(op.getBody()->getTerminator());
        scf::ValueVector next;
        for (auto [index, value] : llvm::enumerate(reduce.getOperands())) {
          Block &combine = reduce.getReductions()[index].front();
          map.map(combine.getArgument(0), accumulators[index]);
          map.map(combine.getArgument(1), map.lookupOrDefault(value));
          for (Operation &inner : combine.without_terminator())
            b.clone(inner, map);
          next.push_back(
              map.lookupOrDefault(combine.getTerminator()->getOperand(0)));
        }
        return next;
      });
  op.replaceAllUsesWith(nest.results);
  op.erase();
}

namespace {
struct SerializeReductions
    : public prec::impl::SerializeReductionsBase<SerializeReductions> {
  void runOnOperation() override {
    SmallVector<scf::ParallelOp> loops;
    getOperation()->walk([&](scf::ParallelOp op) {
      if (!op.getInitVals().empty())
        loops.push_back(op);
    });
    for (scf::ParallelOp op : loops)
      serialize(op);
  }
};
} // namespace
