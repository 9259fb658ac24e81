// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes copies of strided buffers as loops.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERCOPIES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// Whether the elements lie in one piece, so that memcpy can move them.
bool isContiguous(MemRefType type) {
  return type.getLayout().isIdentity() ||
         (type.hasStaticShape() &&
          type.areTrailingDimsContiguous(type.getRank()));
}

struct LowerCopies : public prec::impl::LowerCopiesBase<LowerCopies> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](memref::CopyOp copy) {
      auto source = dyn_cast<MemRefType>(copy.getSource().getType());
      auto target = dyn_cast<MemRefType>(copy.getTarget().getType());
      if (!source || !target || (isContiguous(source) && isContiguous(target)))
        return;
      rewriter.setInsertionPoint(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      rewriter.eraseOp(copy);
    });
  }
};
} // namespace
