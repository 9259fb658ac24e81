// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes only the part of a result that is used.
#include "Fill.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorTilingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_NARROWPRODUCERS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

static bool hasOneReader(Value value) {
  return llvm::count_if(value.getUsers(), [](Operation *user) {
           return !isa<tensor::DimOp>(user);
         }) == 1;
}

/// A reduction, or elementwise operations on the result of one: its rounding.
static bool isOfReduction(Value value) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || op->getNumResults() != 1 || !hasOneReader(value))
    return false;
  return op.getNumReductionLoops() > 0 ||
         llvm::any_of(op.getDpsInputs(), isOfReduction);
}

/// Erases what only its sizes are still asked of; they are its output's.
static void eraseNarrowed(IRRewriter &rewriter, linalg::LinalgOp op) {
  Value output = op.getDpsInits()[0];
  while (auto maker = output.getDefiningOp<linalg::LinalgOp>())
    output = maker.getTiedOpOperand(cast<OpResult>(output))->get();
  rewriter.replaceOp(op, output);
}

/// Does a slice of a padded tensor, known in all dimensions that are padded,
/// have elements that are no padding?
static bool reachesInside(tensor::ExtractSliceOp slice, tensor::PadOp pad) {
  RankedTensorType inside = pad.getSourceType();
  for (int64_t d = 0; d < inside.getRank(); ++d) {
    int64_t low = pad.getStaticLow()[d], high = pad.getStaticHigh()[d];
    if (low == 0 && high == 0)
      continue;
    int64_t first = slice.getStaticOffset(d), size = slice.getStaticSize(d);
    if (ShapedType::isDynamic(low) || ShapedType::isDynamic(high) ||
        inside.isDynamicDim(d) || ShapedType::isDynamic(first) ||
        ShapedType::isDynamic(size) || first + size <= low ||
        first >= low + inside.getDimSize(d))
      return false;
  }
  return true;
}

namespace {
struct NarrowProducers
    : public prec::impl::NarrowProducersBase<NarrowProducers> {
  void runOnOperation() override {
    // The last first: a slice of what a narrowed operation reads comes to be.
    SmallVector<tensor::ExtractSliceOp> slices;
    getOperation()->walk(
        [&](tensor::ExtractSliceOp slice) { slices.push_back(slice); });
    IRRewriter rewriter(&getContext());
    while (!slices.empty()) {
      tensor::ExtractSliceOp slice = slices.pop_back_val();
      if (auto pad = slice.getSource().getDefiningOp<tensor::PadOp>()) {
        narrowPadding(rewriter, slice, pad);
        continue;
      }
      if (!(isOfReduction(slice.getSource()) ||
            filledWith(slice.getSource().getDefiningOp())) ||
          !slice.hasUnitStride() ||
          slice.getSourceType().getRank() != slice.getType().getRank())
        continue;
      auto producer = slice.getSource().getDefiningOp<linalg::LinalgOp>();
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
      if (llvm::all_of(producer->getUsers(), llvm::IsaPred<tensor::DimOp>))
        eraseNarrowed(rewriter, producer);
      auto made = value.getDefiningOp<linalg::LinalgOp>();
      if (!made)
        made = part->tiledValues.front().getDefiningOp<linalg::LinalgOp>();
      if (made)
        for (Value operand : made->getOperands())
          if (auto next = operand.getDefiningOp<tensor::ExtractSliceOp>())
            slices.push_back(next);
      ++narrowed;
    }
  }

private:
  /// Pads a part instead of taking a part of what is padded.
  void narrowPadding(IRRewriter &rewriter, tensor::ExtractSliceOp slice,
                     tensor::PadOp pad) {
    if (!hasOneReader(pad) || !slice.hasUnitStride() ||
        slice.getSourceType().getRank() != slice.getType().getRank() ||
        !reachesInside(slice, pad))
      return;
    rewriter.setInsertionPoint(slice);
    FailureOr<TilingResult> part = tensor::bubbleUpPadSlice(
        rewriter, pad, slice.getMixedOffsets(), slice.getMixedSizes(),
        /*generateZeroSliceGuard=*/false);
    if (failed(part))
      return;
    Value value = part->tiledValues.front();
    if (value.getType() != slice.getType())
      value = tensor::CastOp::create(rewriter, slice.getLoc(), slice.getType(),
                                     value);
    rewriter.replaceOp(slice, value);
    ++narrowed;
  }
};
} // namespace
