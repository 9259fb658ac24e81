// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes linalg.generic on buffers as register-tiled loops on vectors.
#include "KernelEmitter.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_EMITKERNELS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// The scalar that `op` fills all of its only output with, or null.
static Value filledWith(Operation *op) {
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return fill.value();
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInits() != 1 ||
      generic.getNumReductionLoops() > 0 ||
      !generic.getIndexingMapsArray().back().isPermutation())
    return {};
  Value yielded = generic.getBody()->getTerminator()->getOperand(0);
  if (yielded.getParentBlock() != generic.getBody())
    return yielded;
  auto argument = dyn_cast<BlockArgument>(yielded);
  if (!argument || argument.getArgNumber() >= generic.getNumDpsInputs())
    return {};
  Value input = generic.getDpsInputs()[argument.getArgNumber()];
  return isa<MemRefType>(input.getType()) ? Value() : input;
}

/// The operation that filled `buffer` right before `user`, nothing having
/// touched the buffer or a view of it in between.
static Operation *findFill(Value buffer, Operation *user) {
  Operation *alloc = buffer.getDefiningOp();
  if (!isa_and_nonnull<memref::AllocOp, memref::AllocaOp>(alloc) ||
      alloc->getBlock() != user->getBlock())
    return nullptr;
  Operation *fill = nullptr;
  for (Operation *other : buffer.getUsers()) {
    if (other == user)
      continue;
    if (other->getBlock() != user->getBlock())
      return nullptr;
    if (!other->isBeforeInBlock(user))
      continue;
    if (fill || !filledWith(other))
      return nullptr;
    fill = other;
  }
  return fill;
}

namespace {
class EmitKernels : public prec::impl::EmitKernelsBase<EmitKernels> {
public:
  using EmitKernelsBase::EmitKernelsBase;

  void runOnOperation() override {
    CodegenOptions options;
    options.vectorBits = vectorBits;
    options.vectorRegisters = vectorRegisters;
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::GenericOp> generics;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
        generics.push_back(generic);
    });
    for (linalg::GenericOp op : generics) {
      std::optional<KernelPlan> plan = planKernel(op, options);
      if (!plan) {
        ++left;
        continue;
      }
      plan->useThreads = threads && countScalarOps(op) >= threadGrain;
      SmallVector<Value> initial = initialValues(op);
      emitKernel(rewriter, op, *plan, initial);
      rewriter.eraseOp(op);
      ++kernels;
    }
  }

private:
  /// Accumulators begin with the fill's value instead of reading it back.
  static SmallVector<Value> initialValues(linalg::GenericOp op) {
    SmallVector<Value> initial(op.getNumDpsInits());
    for (auto [index, buffer] : llvm::enumerate(op.getDpsInits())) {
      if (llvm::count(op->getOperands(), buffer) != 1)
        continue;
      Operation *fill = findFill(buffer, op);
      if (!fill)
        continue;
      initial[index] = filledWith(fill);
    }
    return initial;
  }
};
} // namespace
