// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inlines calls and joins their scopes.
#include "prec/Autodiff/Differentiate.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::prec;

static func::FuncOp calleeOf(func::CallOp call) {
  return SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      call, call.getCalleeAttr());
}

/// Finds a cycle of calls from a function; `chain` holds the callers.
static LogicalResult refuseRecursion(func::FuncOp function,
                                     SetVector<Operation *> &chain,
                                     DenseSet<Operation *> &done) {
  if (!done.insert(function).second && !chain.contains(function))
    return success();
  chain.insert(function);
  auto result = function.walk([&](func::CallOp call) -> WalkResult {
    func::FuncOp callee = calleeOf(call);
    if (chain.contains(callee))
      return emitError(call.getLoc(), "cannot inline the recursive call of '")
             << call.getCallee() << "'";
    if (!callee || !callee.getBody().hasOneBlock())
      return emitError(call.getLoc(), "cannot inline '")
             << call.getCallee() << "': expected a body of one block";
    return refuseRecursion(callee, chain, done);
  });
  chain.remove(function);
  return failure(result.wasInterrupted());
}

static void joinScope(Operation *op, StringAttr outer) {
  auto own = op->getAttrOfType<StringAttr>(scopeAttrName);
  op->setAttr(scopeAttrName,
              own ? StringAttr::get(op->getContext(),
                                    outer.getValue() + "/" + own.getValue())
                  : outer);
}

static void inlineCall(func::CallOp call) {
  Block &body = calleeOf(call).front();
  OpBuilder b(call);
  IRMapping map;
  map.map(body.getArguments(), call.getOperands());
  auto scope = call->getAttrOfType<StringAttr>(scopeAttrName);
  for (Operation &op : body.without_terminator()) {
    Operation *copy = b.clone(op, map);
    if (!scope)
      continue;
    joinScope(copy, scope);
    copy->walk([&](Operation *inner) {
      if (inner != copy && inner->hasAttr(scopeAttrName))
        joinScope(inner, scope);
    });
  }
  SmallVector<Value> results =
      llvm::map_to_vector(body.getTerminator()->getOperands(),
                          [&](Value v) { return map.lookupOrDefault(v); });
  call.replaceAllUsesWith(results);
  call.erase();
}

LogicalResult mlir::prec::inlineCalls(func::FuncOp function) {
  SetVector<Operation *> chain;
  DenseSet<Operation *> done;
  if (failed(refuseRecursion(function, chain, done)))
    return failure();
  while (true) {
    SmallVector<func::CallOp> calls;
    function.walk([&](func::CallOp call) { calls.push_back(call); });
    if (calls.empty())
      return success();
    for (func::CallOp call : calls)
      inlineCall(call);
  }
}
