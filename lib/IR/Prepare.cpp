// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fast-math flags off, calls inlined, composite operations decomposed.
#include "prec/IR/Prepare.h"
#include "Gather.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
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

/// The callee, if it has a body.
static func::FuncOp bodyOf(func::CallOp call) {
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
  return callee && !callee.isExternal() ? callee : func::FuncOp();
}

/// Depth-first search for a cycle of calls; `path` holds the callers.
static LogicalResult refuseRecursion(func::FuncOp function,
                                     llvm::SetVector<Operation *> &path,
                                     llvm::DenseSet<Operation *> &done) {
  if (done.contains(function))
    return success();
  path.insert(function);
  WalkResult result = function.walk([&](func::CallOp call) -> WalkResult {
    func::FuncOp callee = bodyOf(call);
    if (!callee)
      return WalkResult::advance();
    if (path.contains(callee))
      return call.emitError("cannot inline the recursive call of '")
             << call.getCallee() << "'; write it as a loop";
    return refuseRecursion(callee, path, done);
  });
  path.remove(function);
  done.insert(function);
  return failure(result.wasInterrupted());
}

/// Splices the callee's blocks in; the default of MLIR's inliner pass.
static void cloneInto(OpBuilder &, Region *source, Block *before, Block *after,
                      IRMapping &mapper, bool shouldClone) {
  Region *target = before->getParent();
  if (shouldClone)
    source->cloneInto(target, after->getIterator(), mapper);
  else
    target->getBlocks().splice(after->getIterator(), source->getBlocks());
}

/// Writes affine.apply out in arith: what is computed inside a loop or branch
/// is no operand of an affine operation.
static void expandAffineApplies(func::FuncOp function) {
  function.walk([](affine::AffineApplyOp apply) {
    OpBuilder b(apply);
    auto values =
        affine::expandAffineMap(b, apply.getLoc(), apply.getAffineMap(),
                                llvm::to_vector<8>(apply.getMapOperands()));
    apply.replaceAllUsesWith(values->front());
    apply.erase();
  });
}

/// Clones the callee and writes the call's scope and phase into the clone's
/// operations, so that inlining it carries them along.
static func::FuncOp cloneForCall(func::CallOp call, func::FuncOp callee) {
  func::FuncOp clone = callee.clone();
  if (!call->getParentOp()->hasTrait<OpTrait::AffineScope>())
    expandAffineApplies(clone);
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

LogicalResult mlir::prec::inlineCalls(func::FuncOp function) {
  llvm::SetVector<Operation *> path;
  llvm::DenseSet<Operation *> done;
  if (failed(refuseRecursion(function, path, done)))
    return failure();
  InlinerInterface interface(function.getContext());
  SmallVector<func::CallOp> calls;
  auto collect = [&] {
    calls.clear();
    function.walk([&](func::CallOp call) {
      if (bodyOf(call))
        calls.push_back(call);
    });
    return !calls.empty();
  };
  while (collect())
    for (func::CallOp call : calls) {
      func::FuncOp clone = cloneForCall(call, bodyOf(call));
      LogicalResult inlined =
          inlineCall(interface, cloneInto, call, clone, &clone.getBody(),
                     /*shouldCloneInlinedRegion=*/false);
      clone.erase();
      if (failed(inlined))
        return call.emitError("cannot inline '")
               << call.getCallee()
               << "' here: expected a body of one block in a loop or branch";
      call.erase();
    }
  return success();
}

LogicalResult mlir::prec::inlineCalls(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (failed(inlineCalls(function)))
      return failure();
  SymbolTable symbols(module);
  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (function.isPrivate() && !function.isExternal() &&
        SymbolTable::symbolKnownUseEmpty(function, module))
      symbols.erase(function);
  return success();
}

/// The maximum that a softmax subtracts is a constant to its gradient: what
/// would flow through it cancels.
static bool isMaximum(Operation *made) {
  auto reduction = dyn_cast<linalg::GenericOp>(made);
  return reduction && reduction.getNumReductionLoops() > 0 &&
         !reduction.getBody()->getOps<arith::MaxNumFOp>().empty();
}

/// What an operation is the same of in all that it is made of.
static void copyPlace(Operation *from, Operation *to) {
  for (StringRef name : {scopeAttrName, phaseAttrName, roleAttrName})
    if (Attribute value = from->getAttr(name))
      to->setAttr(name, value);
}

static void decomposeGathers(Operation *root) {
  SmallVector<tensor::GatherOp> gathers;
  root->walk([&](tensor::GatherOp op) { gathers.push_back(op); });
  IRRewriter rewriter(root->getContext());
  for (tensor::GatherOp op : gathers) {
    rewriter.setInsertionPoint(op);
    Operation *made = gatherAsGeneric(rewriter, op);
    copyPlace(op, made);
    Value result = made->getResult(0);
    if (result.getType() != op.getType())
      result =
          tensor::CastOp::create(rewriter, op.getLoc(), op.getType(), result);
    rewriter.replaceOp(op, result);
  }
}

LogicalResult mlir::prec::decomposeComposites(Operation *root) {
  decomposeGathers(root);
  SmallVector<linalg::AggregatedOpInterface> composites;
  root->walk([&](linalg::AggregatedOpInterface op) {
    if (!isa<linalg::LinalgOp>(op.getOperation()))
      composites.push_back(op);
  });
  IRRewriter rewriter(root->getContext());
  for (linalg::AggregatedOpInterface op : composites) {
    rewriter.setInsertionPoint(op);
    Operation *before = op->getPrevNode();
    FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
    if (failed(results))
      return op->emitError("cannot be decomposed into elementary operations");
    Operation *made = before ? before->getNextNode() : &op->getBlock()->front();
    for (; made && made != op.getOperation(); made = made->getNextNode()) {
      if (isa<linalg::SoftmaxOp>(op.getOperation()) && isMaximum(made))
        made->setAttr(detachedAttrName, UnitAttr::get(op->getContext()));
      copyPlace(op, made);
    }
    rewriter.replaceOp(op, *results);
  }
  return success();
}
