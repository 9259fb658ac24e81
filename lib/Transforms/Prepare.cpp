// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fast-math flags off, calls inlined, composite operations decomposed.
#include "prec/Transforms/Prepare.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::prec;

int64_t mlir::prec::stripFastMath(ModuleOp module) {
  int64_t count = 0;
  auto none = arith::FastMathFlagsAttr::get(module.getContext(),
                                            arith::FastMathFlags::none);
  module.walk([&](arith::ArithFastMathInterface op) {
    if (op.getFastMathFlagsAttr() == none)
      return;
    op->setAttr(op.getFastMathAttrName(), none);
    ++count;
  });
  return count;
}

namespace {
/// Depth-first search through the calls of functions with bodies.
class CallCycles {
public:
  explicit CallCycles(ModuleOp module) : symbols(module) {}

  LogicalResult visit(func::FuncOp function) {
    if (done.contains(function))
      return success();
    if (!path.insert(function))
      return function.emitError()
             << "recursive function '" << function.getName()
             << "' cannot be rounded: its calls cannot be inlined; write it as "
                "a loop";
    WalkResult result = function.walk([&](func::CallOp call) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      return callee && !callee.isExternal() && failed(visit(callee))
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    path.pop_back();
    done.insert(function);
    return failure(result.wasInterrupted());
  }

private:
  SymbolTable symbols;
  llvm::SetVector<Operation *> path;
  llvm::DenseSet<Operation *> done;
};

/// Splices the callee's blocks in; the default of MLIR's inliner pass.
void cloneInto(OpBuilder &, Region *source, Block *before, Block *after,
               IRMapping &mapper, bool shouldClone) {
  Region *target = before->getParent();
  if (shouldClone)
    source->cloneInto(target, after->getIterator(), mapper);
  else
    target->getBlocks().splice(after->getIterator(), source->getBlocks());
}
} // namespace

/// Clones the callee and writes the call's scope and phase into the clone's
/// operations, so that inlining it carries them along.
static func::FuncOp cloneForCall(func::CallOp call, func::FuncOp callee) {
  func::FuncOp clone = callee.clone();
  StringAttr scope, phase;
  for (Operation *op = call; op && !scope; op = op->getParentOp())
    scope = op->getAttrOfType<StringAttr>(scopeAttrName);
  for (Operation *op = call; op && !phase; op = op->getParentOp())
    phase = op->getAttrOfType<StringAttr>(phaseAttrName);
  clone.getBody().walk([&](Operation *op) {
    if (scope) {
      auto own = op->getAttrOfType<StringAttr>(scopeAttrName);
      // A nested operation without a scope inherits its parent's.
      if (own || op->getParentOp() == clone)
        op->setAttr(
            scopeAttrName,
            own && !own.empty()
                ? StringAttr::get(op->getContext(),
                                  scope.getValue() + "/" + own.getValue())
                : scope);
    }
    if (phase && !op->hasAttr(phaseAttrName) && op->getParentOp() == clone)
      op->setAttr(phaseAttrName, phase);
  });
  return clone;
}

LogicalResult mlir::prec::inlineCalls(ModuleOp module) {
  CallCycles cycles(module);
  for (auto function : module.getOps<func::FuncOp>())
    if (failed(cycles.visit(function)))
      return failure();

  SymbolTable symbols(module);
  InlinerInterface interface(module.getContext());
  SmallVector<func::CallOp> calls;
  auto collect = [&] {
    calls.clear();
    module.walk([&](func::CallOp call) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      if (callee && !callee.isExternal())
        calls.push_back(call);
    });
    return !calls.empty();
  };
  while (collect())
    for (func::CallOp call : calls) {
      auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
      func::FuncOp clone = cloneForCall(call, callee);
      LogicalResult inlined =
          inlineCall(interface, cloneInto, call, clone, &clone.getBody(),
                     /*shouldCloneInlinedRegion=*/false);
      clone.erase();
      if (failed(inlined))
        return call.emitError()
               << "call of '" << callee.getName()
               << "' cannot be inlined here, so its operations cannot be "
                  "rounded; a callee inside a loop or branch must have one "
                  "block";
      call.erase();
    }

  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function.isExternal() &&
        SymbolTable::symbolKnownUseEmpty(function, module))
      symbols.erase(function);
  return success();
}

LogicalResult mlir::prec::decomposeComposites(ModuleOp module) {
  SmallVector<linalg::AggregatedOpInterface> composites;
  module.walk([&](linalg::AggregatedOpInterface op) {
    if (!isa<linalg::LinalgOp>(op.getOperation()))
      composites.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (linalg::AggregatedOpInterface op : composites) {
    rewriter.setInsertionPoint(op);
    Operation *before = op->getPrevNode();
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return op->emitError("cannot be decomposed into elementary operations");
    Operation *made = before ? before->getNextNode() : &op->getBlock()->front();
    for (; made && made != op.getOperation(); made = made->getNextNode())
      for (StringRef name : {scopeAttrName, phaseAttrName, roleAttrName})
        if (Attribute value = op->getAttr(name))
          made->setAttr(name, value);
    rewriter.replaceOp(op, *results);
  }
  return success();
}
