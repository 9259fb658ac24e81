// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes roundings of tensors as elementwise linalg.generic.
#include "prec/Codegen/Passes.h"
#include "prec/IR/Bufferization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_EXPANDROUNDING
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
struct ExpandRounding : public prec::impl::ExpandRoundingBase<ExpandRounding> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    bool failed = false;
    getOperation()->walk([&](RoundOp round) {
      if (!isa<RankedTensorType>(round.getType()))
        return;
      if (!round.getFormat().getValue().isElementwise()) {
        round.emitError("format ")
            << round.getFormat().getValue().str()
            << " shares scales between elements and is no elementwise "
               "rounding, prec-call-round-array has to run first";
        failed = true;
        return;
      }
      rewriter.setInsertionPoint(round);
      Location loc = round.getLoc();
      auto type = cast<RankedTensorType>(round.getType());
      Value empty = tensor::EmptyOp::create(
          rewriter, loc,
          tensor::getMixedSizes(rewriter, loc, round.getOperand()),
          type.getElementType());
      linalg::GenericOp generic = buildElementwiseRound(
          rewriter, loc, specOf(round), round.getOperand(), empty);
      rewriter.replaceOp(round, generic.getResults());
    });
    if (failed)
      signalPassFailure();
  }
};
} // namespace
