// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Half of the sums of a kernel are rounded by additions, half by an fma.
#include "Forms.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_BALANCEUNITS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
struct BalanceUnits : public prec::impl::BalanceUnitsBase<BalanceUnits> {
  using BalanceUnitsBase::BalanceUnitsBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](Block *block) {
      bool isTurn = false;
      for (auto fma :
           llvm::make_early_inc_range(block->getOps<math::FmaOp>())) {
        if (!fma->removeAttr(twoOpsAttrName) || !separateAdders)
          continue;
        if (isTurn)
          byAdditions(rewriter, fma);
        isTurn = !isTurn;
      }
    });
  }

private:
  /// g = (2^d - 1) x: (x + g) - g for fma(x, 2^d, -g).
  void byAdditions(RewriterBase &b, math::FmaOp fma) {
    auto negated = fma.getC().getDefiningOp<arith::NegFOp>();
    if (!negated)
      return;
    Value multiple = negated.getOperand();
    b.setInsertionPoint(fma);
    Value sum = arith::AddFOp::create(b, fma.getLoc(), fma.getA(), multiple);
    b.replaceOpWithNewOp<arith::SubFOp>(fma, sum, multiple);
    if (negated.use_empty())
      b.eraseOp(negated);
    ++balanced;
  }
};
} // namespace
