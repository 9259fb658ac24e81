// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scopes of stack memory that hold none go, and nothing else is looked at.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::prec {
#define GEN_PASS_DEF_INLINESCOPES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;

namespace {
struct InlineScopes : public prec::impl::InlineScopesBase<InlineScopes> {
  void runOnOperation() override {
    SmallVector<Operation *> scopes;
    getOperation()->walk(
        [&](memref::AllocaScopeOp scope) { scopes.push_back(scope); });
    RewritePatternSet patterns(&getContext());
    memref::AllocaScopeOp::getCanonicalizationPatterns(patterns, &getContext());
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    if (failed(applyOpPatternsGreedily(scopes, std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace
