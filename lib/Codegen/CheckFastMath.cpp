// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Refuses operations that LLVM would be free to reassociate or contract.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_CHECKFASTMATH
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
struct CheckFastMath : public prec::impl::CheckFastMathBase<CheckFastMath> {
  void runOnOperation() override {
    bool failed = false;
    getOperation()->walk([&](Operation *op) {
      // Looking for an interface that an operation lacks takes long.
      if (op->getNumResults() == 0)
        return;
      bool has = false;
      if (auto flags = dyn_cast<LLVM::FastmathFlagsInterface>(op))
        has = flags.getFastmathAttr().getValue() != LLVM::FastmathFlags::none;
      else if (!isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
        return;
      if (auto flags = dyn_cast<arith::ArithFastMathInterface>(op))
        has = flags.getFastMathFlagsAttr() &&
              flags.getFastMathFlagsAttr().getValue() !=
                  arith::FastMathFlags::none;
      if (!has)
        return;
      op->emitError("has fast-math flags after lowering, expected none: its "
                    "bits would depend on the optimiser");
      failed = true;
    });
    if (failed)
      signalPassFailure();
  }
};
} // namespace
