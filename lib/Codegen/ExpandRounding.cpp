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
      const Format &format = round.getFormat().getValue();
      if (!format.isElementwise()) {
        round.emitError("format ")
            << format.str()
            << " shares scales between elements, which no code is generated "
               "for; expected a format of single elements (prec-run "
               "--round-array rounds arrays to this one)";
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
