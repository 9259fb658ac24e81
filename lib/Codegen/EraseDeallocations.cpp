// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Releases written by hand go; the compiler places its own.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::prec {
#define GEN_PASS_DEF_ERASEDEALLOCATIONS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;

namespace {
struct EraseDeallocations
    : public prec::impl::EraseDeallocationsBase<EraseDeallocations> {
  void runOnOperation() override {
    getOperation()->walk([](memref::DeallocOp op) { op.erase(); });
  }
};
} // namespace
