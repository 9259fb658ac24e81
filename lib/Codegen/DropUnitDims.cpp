// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Drops dimensions of one element that importers keep in sums and read as 0.
//
//   (n, c, h, w) -> (0, c, 0, 0)   sum of tensor<1xCx1x1>
//   (n, c, h, w) -> (c)            sum of tensor<C>, expanded to that
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_DROPUNITDIMS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

static bool hasConstantIndex(linalg::GenericOp op) {
  return llvm::any_of(op.getIndexingMapsArray(), [](AffineMap map) {
    return llvm::any_of(map.getResults(), llvm::IsaPred<AffineConstantExpr>);
  });
}

/// A loop of more than one trip. Offered to upstream as the only one to drop,
/// it leaves all loops as they are: the order of a sum is that of its loops.
static SmallVector<unsigned> longLoop(Operation *op) {
  SmallVector<int64_t> ranges =
      cast<linalg::GenericOp>(op).getStaticLoopRanges();
  for (auto [loop, range] : llvm::enumerate(ranges))
    if (range != 1)
      return {unsigned(loop)};
  return {};
}

namespace {
struct DropUnitDims : public prec::impl::DropUnitDimsBase<DropUnitDims> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics() && hasConstantIndex(op))
        ops.push_back(op);
    });
    linalg::ControlDropUnitDims control;
    control.controlFn = longLoop;
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops) {
      rewriter.setInsertionPoint(op);
      DictionaryAttr attributes = op->getDiscardableAttrDictionary();
      FailureOr<linalg::DropUnitDimsResult> without =
          linalg::dropUnitDims(rewriter, op, control);
      if (failed(without))
        continue;
      without->resultOp->setDiscardableAttrs(attributes);
      rewriter.replaceOp(op, without->replacements);
      ++dropped;
    }
  }
};
} // namespace
