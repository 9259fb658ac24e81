// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Refuses elements of types that no kernel computes with.
#include "prec/Codegen/Passes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_CHECKTYPES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// What to do about elements of a type, or nothing if kernels know it.
static StringRef remedyFor(Type element) {
  if (isa<ComplexType>(element))
    return "compute with real and imaginary parts";
  if (isa<FloatType>(element) &&
      !isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
    return "--widen-narrow, or \"narrow\": \"widen\" in a policy, keeps them "
           "in f32 and rounds";
  return {};
}

namespace {
struct CheckTypes : public prec::impl::CheckTypesBase<CheckTypes> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](Operation *op) {
      SmallVector<Type> types(op->getResultTypes());
      for (Region &region : op->getRegions())
        for (Block &block : region)
          llvm::append_range(types, block.getArgumentTypes());
      for (Type type : types) {
        Type element = getElementTypeOrSelf(type);
        StringRef remedy = remedyFor(element);
        if (remedy.empty())
          continue;
        op->emitError("found elements of ")
            << element << ", expected f16, bf16, f32, f64 or integers; "
            << remedy;
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
