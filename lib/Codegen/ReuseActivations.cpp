// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A gradient asks an activation's result for its sign instead of the operand.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_REUSEACTIVATIONS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// The input of `op` of which its result is max(input, 0), element by element,
/// or null.
static OpOperand *rectified(linalg::GenericOp op) {
  if (op.getNumReductionLoops() || op->getNumResults() != 1 ||
      !op.hasPureTensorSemantics())
    return nullptr;
  auto yield = cast<linalg::YieldOp>(op.getBody()->getTerminator());
  auto maximum = yield.getOperand(0).getDefiningOp<arith::MaximumFOp>();
  if (!maximum || maximum->getBlock() != op.getBody())
    return nullptr;
  Value x = maximum.getLhs(), zero = maximum.getRhs();
  if (matchPattern(x, m_AnyZeroFloat()))
    std::swap(x, zero);
  auto argument = dyn_cast<BlockArgument>(x);
  if (!argument || argument.getOwner() != op.getBody() ||
      argument.getArgNumber() >= op.getNumDpsInputs() ||
      !matchPattern(zero, m_AnyZeroFloat()))
    return nullptr;
  OpOperand *input = op.getDpsInputOperand(argument.getArgNumber());
  bool isInPlace = op.getMatchingIndexingMap(input) ==
                   op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return isInPlace && input->get().getType() == op->getResult(0).getType()
             ? input
             : nullptr;
}

/// Is all that `use` is read for whether it is greater than zero?
static bool asksForSign(OpOperand &use) {
  auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
  if (!op || !op.isDpsInput(&use))
    return false;
  return llvm::all_of(
      op.getMatchingBlockArgument(&use).getUses(), [](OpOperand &inner) {
        auto compare = dyn_cast<arith::CmpFOp>(inner.getOwner());
        return compare && inner.getOperandNumber() == 0 &&
               (compare.getPredicate() == arith::CmpFPredicate::UGT ||
                compare.getPredicate() == arith::CmpFPredicate::OGT) &&
               matchPattern(compare.getRhs(), m_AnyZeroFloat());
      });
}

namespace {
struct ReuseActivations
    : public prec::impl::ReuseActivationsBase<ReuseActivations> {
  void runOnOperation() override {
    DominanceInfo dominance(getOperation());
    getOperation()->walk([&](linalg::GenericOp op) {
      OpOperand *input = rectified(op);
      if (!input)
        return;
      for (OpOperand &use : llvm::make_early_inc_range(input->get().getUses()))
        if (use.getOwner() != op && asksForSign(use) &&
            dominance.properlyDominates(op, use.getOwner())) {
          use.set(op.getResult(0));
          ++reused;
        }
    });
  }
};
} // namespace
