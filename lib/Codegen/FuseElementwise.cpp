// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuses elementwise producers into their only consumers.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_FUSEELEMENTWISE
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Would fusing through `use` compute each of the producer's elements once?
static bool readsEachElementOnce(OpOperand *use) {
  auto consumer = dyn_cast<linalg::GenericOp>(use->getOwner());
  auto producer = use->get().getDefiningOp<linalg::GenericOp>();
  if (!consumer || !producer || !use->get().hasOneUse() ||
      producer->getNumResults() != 1)
    return false;
  // A producer without inputs is a fill: it costs nothing to read.
  return consumer.getMatchingIndexingMap(use).isPermutation();
}

namespace {
struct FuseElementwise
    : public prec::impl::FuseElementwiseBase<FuseElementwise> {
  void runOnOperation() override {
    // What nobody reads would still be a second reader of its operands.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns,
                                                 readsEachElementOnce);
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace
