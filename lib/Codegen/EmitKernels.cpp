// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes linalg.generic on buffers as register-tiled loops on vectors.
#include "BatchSlices.h"
#include "CollapseLoops.h"
#include "Epilogue.h"
#include "Fill.h"
#include "KernelEmitter.h"
#include "Profile.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_EMITKERNELS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Does an operation between two others touch memory behind `view`?
static bool isTouchedBetween(Value view, Operation *first, Operation *last) {
  Value buffer = bufferBehind(view, 1).first;
  std::optional<SmallVector<Touch>> touches = touchesBetween(first, last);
  return !touches || llvm::any_of(*touches, [&](const Touch &touch) {
    return touch.buffer == buffer;
  });
}

/// The generic operation that filled `buffer` right before `user`, nothing
/// having touched the buffer or a view of it in between.
static Operation *findFill(Value buffer, Operation *user) {
  Operation *def = buffer.getDefiningOp();
  if (!isa_and_nonnull<memref::AllocOp, memref::AllocaOp, memref::SubViewOp>(
          def) ||
      def->getBlock() != user->getBlock())
    return nullptr;
  Operation *fill = nullptr;
  for (Operation *other : buffer.getUsers()) {
    Operation *here = user->getBlock()->findAncestorOpInBlock(*other);
    if (!here)
      return nullptr;
    if (here == user || user->isBeforeInBlock(here))
      continue;
    if (fill || here != other || !filledWith(other))
      return nullptr;
    fill = other;
  }
  if (fill && isa<memref::SubViewOp>(def) &&
      isTouchedBetween(buffer, fill, user))
    return nullptr;
  return fill;
}

/// Is a buffer only released?
static bool isUnused(Value buffer) {
  return llvm::all_of(buffer.getUsers(), [](Operation *user) {
    return isa<memref::DeallocOp>(user) ||
           (isa<ViewLikeOpInterface>(user) && isUnused(user->getResult(0)));
  });
}

static void eraseUnused(RewriterBase &rewriter, Operation *op) {
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    eraseUnused(rewriter, user);
  rewriter.eraseOp(op);
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
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    SmallVector<linalg::GenericOp> generics;
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
        generics.push_back(generic);
      else if (auto named = linalg::generalizeNamedOp(rewriter, op);
               succeeded(named))
        generics.push_back(*named);
    }
    // All before the first change, after which a block numbers its operations
    // anew for the next question about their order.
    std::vector<Kernel> found;
    for (linalg::GenericOp op : generics)
      found.push_back(kernelOf(op));
    // What may end several kernels ends the last of them.
    llvm::DenseMap<Operation *, Kernel *> owners;
    for (Kernel &kernel : found) {
      if (!kernel.epilogue)
        continue;
      Kernel *&owner = owners[kernel.epilogue.op];
      if (owner)
        owner->epilogue = {};
      owner = &kernel;
    }
    for (Kernel &kernel : found)
      if (Kernel *owner = owners.lookup(kernel.op))
        owner->user = &kernel;
    // Users before the fills that they make needless.
    llvm::DenseSet<Operation *> needless;
    for (Kernel &kernel : llvm::reverse(found)) {
      if (needless.contains(kernel.op))
        eraseProfiled(rewriter, kernel.op);
      else if (!owners.contains(kernel.op))
        emit(rewriter, kernel, options, needless);
    }
    for (Kernel &kernel : found)
      if (kernel.inRegisters && isUnused(kernel.inRegisters))
        eraseUnused(rewriter, kernel.inRegisters.getDefiningOp());
  }

private:
  /// An operation, the fills of its accumulators, and for each accumulator the
  /// value that it begins with instead of reading it back, if any; what may end
  /// it, and the kernel that this would be by itself.
  struct Kernel {
    linalg::GenericOp op;
    SmallVector<Operation *> fills;
    SmallVector<Value> initial;
    Epilogue epilogue;
    Kernel *user = nullptr;
    Value inRegisters = {}; ///< the buffer of sums that only the end reads
  };

  void emit(IRRewriter &rewriter, Kernel &kernel, CodegenOptions options,
            llvm::DenseSet<Operation *> &needless) {
    auto &[op, fills, initial, epilogue, user, inRegisters] = kernel;
    Value result = epilogue ? op.getDpsInits().front() : Value();
    if (epilogue)
      alignEpilogue(rewriter, op, epilogue);
    collapseLoops(rewriter, op, epilogue.op);
    if (epilogue)
      user->op = epilogue.op;
    bool useThreads = threads > 1 && countScalarOps(op) >= threadGrain &&
                      !op->getParentOfType<scf::ParallelOp>();
    options.threads = useThreads ? threads : 1;
    std::optional<KernelPlan> plan = planKernel(op, options);
    bool hasEnd = false;
    if (plan && op.hasPureBufferSemantics()) {
      plan->useThreads = useThreads;
      if (plan->useThreads)
        plan->shareOut(op.getStaticLoopRanges(), threads);
      if (!plan->revisitsOutputs())
        needless.insert(fills.begin(), fills.end());
      else
        initial.assign(initial.size(), Value());
      if (epilogue)
        hasEnd = planEpilogue(op, *plan, epilogue, options);
      emitKernel(rewriter, op, *plan, initial, hasEnd ? epilogue : Epilogue());
      rewriter.eraseOp(op);
      ++kernels;
    } else {
      ++left;
    }
    if (!user)
      return;
    if (!hasEnd)
      return emit(rewriter, *user, options, needless);
    eraseProfiled(rewriter, epilogue.op);
    ++epilogues;
    if (isa_and_nonnull<memref::AllocOp>(result.getDefiningOp()))
      inRegisters = result;
  }

  static Kernel kernelOf(linalg::GenericOp op) {
    Kernel kernel{
        op, {}, SmallVector<Value>(op.getNumDpsInits()), findEpilogue(op)};
    for (auto [index, buffer] : llvm::enumerate(op.getDpsInits())) {
      if (llvm::count(op->getOperands(), buffer) != 1)
        continue;
      Operation *fill = findFill(buffer, op);
      if (!fill)
        continue;
      kernel.initial[index] = filledWith(fill);
      kernel.fills.push_back(fill);
    }
    return kernel;
  }
};
} // namespace
