// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An elementwise operation writes over an input that nobody reads afterwards.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_WRITEINPLACE
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Does `op` read `value` last? A view of it may be read later still.
static bool isLastReader(Operation *op, Value value) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    return ancestor && (ancestor == op || (isa<linalg::LinalgOp>(ancestor) &&
                                           ancestor->isBeforeInBlock(op)));
  });
}

/// An input whose elements `op` may write over, each after it was read.
static Value findInput(linalg::GenericOp op, OpOperand &init) {
  if (!op.getMatchingIndexingMap(&init).isIdentity())
    return {};
  for (OpOperand *input : op.getDpsInputOperands()) {
    Value value = input->get();
    if (value.getType() == init.get().getType() &&
        op.getMatchingIndexingMap(input).isIdentity() &&
        llvm::count(op->getOperands(), value) == 1 &&
        isa_and_nonnull<linalg::LinalgOp>(value.getDefiningOp()) &&
        value.getDefiningOp()->getBlock() == op->getBlock() &&
        isLastReader(op, value))
      return value;
  }
  return {};
}

namespace {
struct WriteInPlace : public prec::impl::WriteInPlaceBase<WriteInPlace> {
  void runOnOperation() override {
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 || !op.hasPureTensorSemantics())
        return;
      for (OpOperand &init : op.getDpsInitsMutable()) {
        if (!init.get().getDefiningOp<tensor::EmptyOp>() ||
            op.payloadUsesValueFromOperand(&init))
          continue;
        if (Value input = findInput(op, init)) {
          init.set(input);
          ++reused;
        }
      }
    });
  }
};
} // namespace
