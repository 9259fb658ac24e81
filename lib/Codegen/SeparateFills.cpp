// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each operation that writes over a fill gets one of its own, right before it;
// in a branch also one that writes over nothing.
#include "Fill.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
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
    SmallVector<tensor::EmptyOp> empties;
    getOperation()->walk([&](tensor::EmptyOp op) { empties.push_back(op); });
    for (tensor::EmptyOp empty : empties)
      keepInBranches(empty);
  }

  /// A branch that gives a buffer from outside would copy it.
  void keepInBranches(tensor::EmptyOp empty) {
    OpBuilder builder(&getContext());
    for (OpOperand *use : overwritingUses(empty)) {
      Operation *user = use->getOwner();
      if (!isa<scf::IfOp>(user->getParentOp()) ||
          user->getBlock() == empty->getBlock())
        continue;
      builder.setInsertionPoint(user);
      use->set(builder.clone(*empty)->getResult(0));
      ++made;
    }
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
