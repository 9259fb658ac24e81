// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes only the part of a result that is used.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_NARROWPRODUCERS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
struct NarrowProducers
    : public prec::impl::NarrowProducersBase<NarrowProducers> {
  void runOnOperation() override {
    SmallVector<tensor::ExtractSliceOp> slices;
    getOperation()->walk(
        [&](tensor::ExtractSliceOp slice) { slices.push_back(slice); });
    IRRewriter rewriter(&getContext());
    // Users first: a slice of what a narrowed operation reads comes to be.
    for (tensor::ExtractSliceOp slice : llvm::reverse(slices)) {
      auto producer = slice.getSource().getDefiningOp<linalg::LinalgOp>();
      if (!producer || producer->getNumResults() != 1 ||
          producer.getNumReductionLoops() == 0 ||
          !slice.getSource().hasOneUse() || !slice.hasUnitStride() ||
          slice.getSourceType().getRank() != slice.getType().getRank())
        continue;
      rewriter.setInsertionPoint(slice);
      FailureOr<TilingResult> part =
          tensor::replaceExtractSliceWithTiledProducer(
              rewriter, slice, cast<OpResult>(slice.getSource()));
      if (failed(part))
        continue;
      Value value = part->tiledValues.front();
      if (value.getType() != slice.getType())
        value = tensor::CastOp::create(rewriter, slice.getLoc(),
                                       slice.getType(), value);
      rewriter.replaceOp(slice, value);
      rewriter.eraseOp(producer);
      ++narrowed;
    }
  }
};
} // namespace
