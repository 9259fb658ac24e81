// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An elementwise operation at the end of the kernel whose result it reads.
#include "Epilogue.h"
#include "BatchSlices.h"
#include "KernelCost.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

/// Does the order of two operations on memory not matter?
static bool commute(ArrayRef<Touch> first, ArrayRef<Touch> second) {
  return llvm::none_of(first, [&](const Touch &a) {
    return llvm::any_of(second, [&](const Touch &b) {
      return a.buffer == b.buffer && (a.isWrite || b.isWrite);
    });
  });
}

/// Its operands, and what its body takes from outside.
static SmallVector<Value> valuesUsedBy(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  llvm::append_range(values, captured);
  return values;
}

/// What `op` uses and is made after `first`, in the same block, in its order;
/// nothing if some of it has to stay there.
static std::optional<llvm::SetVector<Operation *>> madeBetween(Operation *first,
                                                               Operation *op) {
  llvm::SetVector<Operation *> between;
  for (Value value : valuesUsedBy(op)) {
    Operation *def = value.getDefiningOp();
    if (!def || def->getBlock() != first->getBlock() ||
        def->isBeforeInBlock(first) || def == first)
      continue;
    if (!isMemoryEffectFree(def) && !isa<memref::AllocOp>(def))
      return std::nullopt;
    auto more = madeBetween(first, def);
    if (!more)
      return std::nullopt;
    between.insert(more->begin(), more->end());
    between.insert(def);
  }
  return between;
}

/// The next operation that reads or writes `result` after `op`, if it is a
/// linalg.generic whose elements are those of the result.
static linalg::GenericOp nextUser(Value result, linalg::GenericOp op) {
  linalg::GenericOp next;
  for (Operation *user : result.getUsers()) {
    auto generic = dyn_cast<linalg::GenericOp>(user);
    if (!generic || generic == op || generic->getBlock() != op->getBlock() ||
        generic->isBeforeInBlock(op))
      continue;
    if (!next || generic->isBeforeInBlock(next))
      next = generic;
  }
  return next;
}

static bool hasElementsOf(linalg::GenericOp user, Value result,
                          unsigned loops) {
  if (user.getNumReductionLoops() > 0 || user.getNumLoops() != loops ||
      !user.hasPureBufferSemantics() || !canBeKernel(user))
    return false;
  AffineMap first;
  for (OpOperand &operand : user->getOpOperands()) {
    if (operand.get() != result)
      continue;
    AffineMap map = user.getMatchingIndexingMap(&operand);
    if (!map.isPermutation() || (first && map != first))
      return false;
    first = map;
  }
  return true;
}

/// Does `user` read what `op` makes, and nobody else before it is gone?
static bool isOnlyReader(Value result, linalg::GenericOp op,
                         linalg::GenericOp user) {
  if (llvm::is_contained(user.getDpsInits(), result))
    return true; // it writes over it
  Operation *alloc = result.getDefiningOp<memref::AllocOp>();
  return alloc && alloc->getBlock() == op->getBlock() &&
         llvm::all_of(result.getUsers(), [&](Operation *other) {
           if (other == op || other == user || isa<memref::DeallocOp>(other))
             return true;
           return isa<linalg::LinalgOp>(other) &&
                  other->getBlock() == op->getBlock() &&
                  other->isBeforeInBlock(op);
         });
}

/// The loop of the epilogue for each parallel one of `op`, ascending.
static SmallVector<unsigned> loopOrder(linalg::GenericOp op,
                                       const Epilogue &epilogue) {
  const auto *result = llvm::find(epilogue.isResult, true);
  linalg::GenericOp user = epilogue.op;
  AffineMap from = op.getIndexingMapsArray().back(),
            to =
                user.getIndexingMapsArray()[result - epilogue.isResult.begin()];
  SmallVector<unsigned> parallel, order;
  op.getParallelDims(parallel);
  for (unsigned dim : parallel)
    order.push_back(to.getDimPosition(
        *from.getResultPosition(getAffineDimExpr(dim, op.getContext()))));
  return order;
}

static bool isIdentity(ArrayRef<unsigned> order) {
  return llvm::equal(order, llvm::seq<unsigned>(0, order.size()));
}

Epilogue mlir::prec::findEpilogue(linalg::GenericOp op) {
  if (op.getNumReductionLoops() == 0 || op.getNumParallelLoops() == 0 ||
      op.getNumDpsInits() != 1 || !op.hasPureBufferSemantics())
    return {};
  Value result = op.getDpsInits()[0];
  linalg::GenericOp user = nextUser(result, op);
  if (!user || !hasElementsOf(user, result, op.getNumParallelLoops()))
    return {};
  std::optional<SmallVector<Touch>> own = touchesOf(op),
                                    later = touchesOf(user);
  if (!own || !later)
    return {};
  Epilogue epilogue{user, {}, !isOnlyReader(result, op, user), {}};
  Value buffer = bufferBehind(result, 1).first;
  if (llvm::count_if(*own, [&](const Touch &touch) {
        return touch.buffer == buffer;
      }) != 1)
    return {};
  bool readsResult = false;
  for (OpOperand &operand : user->getOpOperands()) {
    const bool isResult = operand.get() == result;
    epilogue.isResult.push_back(isResult);
    readsResult |= isResult && user.payloadUsesValueFromOperand(&operand);
    // The same memory by another way, or an element that `op` still reads.
    if (!isResult && isa<MemRefType>(operand.get().getType()) &&
        bufferBehind(operand.get(), 1).first == buffer)
      return {};
  }
  SmallVector<Touch> others = llvm::filter_to_vector(
      *later, [&](const Touch &touch) { return touch.buffer != buffer; });
  auto earlier = madeBetween(op, user);
  if (!readsResult || !commute(*own, others) || !earlier)
    return {};
  // Its buffer would live beside what `op` reads for the last time.
  if (epilogue.keepsResult && llvm::any_of(*earlier, [](Operation *def) {
        return isa<memref::AllocOp>(def);
      }))
    return {};
  // In another order of loops an index would be no vector's.
  if (user.hasIndexSemantics() && !isIdentity(loopOrder(op, epilogue)))
    return {};
  std::optional<SmallVector<Touch>> between = touchesBetween(op, user);
  if (!between || !commute(*between, *later))
    return {};
  return epilogue;
}

void mlir::prec::alignEpilogue(RewriterBase &rewriter, linalg::GenericOp op,
                               Epilogue &epilogue) {
  llvm::SetVector<Operation *> between = *madeBetween(op, epilogue.op);
  for (Operation *def : between)
    rewriter.moveOpBefore(def, op);
  SmallVector<unsigned> order = loopOrder(op, epilogue);
  if (isIdentity(order))
    return;
  rewriter.setInsertionPoint(epilogue.op);
  epilogue.op = *linalg::interchangeGenericOp(rewriter, epilogue.op, order);
}

bool mlir::prec::planEpilogue(linalg::GenericOp op, const KernelPlan &plan,
                              Epilogue &epilogue,
                              const CodegenOptions &options) {
  constexpr double mostOps = 400;  // that are written out for a tile
  constexpr double passCycles = 3; // of a vector's way to memory and back
  if (plan.revisitsOutputs())
    return false;
  linalg::GenericOp end = epilogue.op;
  const KernelCost cost(end);
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  KernelPlan &own = epilogue.plan;
  own.lanes = plan.lanes;
  own.vectors = plan.vectors;
  own.rows = plan.rows;
  own.canMask = plan.canMask;
  own.storesAcross = plan.storesAcross;
  double vectors = 1 / double(plan.lanes);
  for (auto [loop, dim] : llvm::enumerate(parallel)) {
    vectors *= double(cost.extent(loop));
    if (int(dim) == plan.vectorDim)
      own.vectorDim = int(loop);
    else if (int(dim) == plan.rowDim)
      own.rowDim = int(loop);
    else
      (llvm::is_contained(plan.inTile, dim) ? own.inTile : own.outer)
          .push_back(loop);
  }
  if (plan.isScalar()) {
    own.accesses.assign(epilogue.isResult.size(), Access::Uniform);
    return true;
  }
  if (double(plan.rows * plan.vectors) * cost.points(own.inTile) *
          cost.bodyOps() >
      mostOps)
    return false;
  own.accesses = cost.accesses(unsigned(own.vectorDim), own.rowDim);
  for (auto [number, access] : llvm::enumerate(own.accesses)) {
    const bool isOutput = int64_t(number) >= end.getNumDpsInputs();
    if (epilogue.isResult[number] && !isOutput)
      continue; // in registers
    if (access == Access::Strided ||
        (isOutput && access == Access::Interleaved))
      return false;
  }
  return cost.total(own) <=
         planKernel(end, options)->cost + vectors * passCycles;
}
