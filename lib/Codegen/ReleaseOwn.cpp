// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a function allocated itself is released without asking what it aliases.
//
// The end of a function releases all of its buffers at once and keeps those
// that it returns; upstream compares each with each, the square of layers.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::prec {
#define GEN_PASS_DEF_RELEASEOWN
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using bufferization::DeallocOp;

static bool isAllocated(Value value) {
  return value.getDefiningOp<memref::AllocOp>() != nullptr;
}

/// Nothing that the function allocates lies in an argument of it.
static bool isArgument(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner()->isEntryBlock() &&
         isa<FunctionOpInterface>(argument.getOwner()->getParentOp());
}

/// One release for each buffer that `op` does not keep, if all are known.
static bool split(DeallocOp op) {
  if (op.getMemrefs().empty() || !llvm::all_of(op.getMemrefs(), isAllocated) ||
      !llvm::all_of(op.getRetained(), [](Value value) {
        return isAllocated(value) || isArgument(value);
      }))
    return false;
  llvm::MapVector<Value, Value> conditions;
  for (auto [buffer, condition] :
       llvm::zip_equal(op.getMemrefs(), op.getConditions()))
    if (!conditions.insert({buffer, condition}).second)
      return false;
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value owned;
  for (auto [kept, result] :
       llvm::zip_equal(op.getRetained(), op.getUpdatedConditions())) {
    auto found = conditions.find(kept);
    if (found != conditions.end()) {
      result.replaceAllUsesWith(found->second);
    } else if (!result.use_empty()) {
      if (!owned)
        owned = arith::ConstantOp::create(b, loc, b.getBoolAttr(false));
      result.replaceAllUsesWith(owned);
    }
  }
  llvm::SmallDenseSet<Value> kept(op.getRetained().begin(),
                                  op.getRetained().end());
  for (auto [buffer, condition] : conditions)
    if (!kept.contains(buffer))
      DeallocOp::create(b, loc, TypeRange(), buffer, condition, ValueRange());
  op.erase();
  return true;
}

namespace {
struct ReleaseOwn : public prec::impl::ReleaseOwnBase<ReleaseOwn> {
  void runOnOperation() override {
    SmallVector<DeallocOp> ops;
    getOperation()->walk([&](DeallocOp op) { ops.push_back(op); });
    for (DeallocOp op : ops)
      changed += split(op);
  }
};
} // namespace
