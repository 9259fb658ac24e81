// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes composite tensor operations as generic ones.
#include "prec/Codegen/Passes.h"
#include "prec/IR/Prepare.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_DECOMPOSECOMPOSITES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
struct DecomposeComposites
    : public prec::impl::DecomposeCompositesBase<DecomposeComposites> {
  void runOnOperation() override {
    if (failed(prec::decomposeComposites(getOperation())))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    linalg::populateLinalgNamedOpsGeneralizationPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
