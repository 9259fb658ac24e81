// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each operation that writes over a fill gets one of its own, right before it.
#include "Fill.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_SEPARATEFILLS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// The uses of a value that are written over.
static SmallVector<OpOperand *> overwritingUses(Value value) {
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : value.getUses())
    if (auto writer = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
        writer && writer.isDpsInit(&use))
      uses.push_back(&use);
  return uses;
}

namespace {
struct SeparateFills : public prec::impl::SeparateFillsBase<SeparateFills> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> fills;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() && filledWith(op))
        fills.push_back(op);
    });
    for (linalg::LinalgOp fill : fills)
      if (auto empty = fill.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>())
        separate(fill, empty);
  }

  void separate(linalg::LinalgOp fill, tensor::EmptyOp empty) {
    Value value = fill->getResult(0);
    OpBuilder builder(&getContext());
    for (OpOperand *use : overwritingUses(value)) {
      builder.setInsertionPoint(use->getOwner());
      IRMapping map;
      builder.clone(*empty, map);
      use->set(builder.clone(*fill, map)->getResult(0));
      ++made;
    }
    if (value.use_empty())
      fill->erase();
  }
};
} // namespace
