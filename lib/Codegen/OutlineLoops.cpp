// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loop nests become functions, equal ones the same function.
#include "BlockLoop.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_OUTLINELOOPS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// The values that a nest uses from outside. Constants among them are left out:
/// they go into the function, where they fold.
static SmallVector<Value> takeCaptures(Operation *loop,
                                       SmallVector<Operation *> &constants) {
  llvm::SetVector<Value> above;
  getUsedValuesDefinedAbove(loop->getRegions(), above);
  above.insert(loop->operand_begin(), loop->operand_end());
  SmallVector<Value> captures;
  for (Value value : above)
    if (Operation *def = value.getDefiningOp();
        def && matchPattern(def, m_Constant()))
      constants.push_back(def);
    else
      captures.push_back(value);
  return captures;
}

/// A function of the captures that the nest moves to.
static func::FuncOp makeFunction(Operation *loop, ArrayRef<Value> captures,
                                 ArrayRef<Operation *> constants) {
  OpBuilder builder(loop->getContext());
  auto function = func::FuncOp::create(
      builder, loop->getLoc(), "loops",
      builder.getFunctionType(ValueRange(captures).getTypes(), {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);
  IRMapping map;
  map.map(captures, entry->getArguments());
  for (Operation *constant : constants)
    builder.clone(*constant, map);
  Operation *last = func::ReturnOp::create(builder, loop->getLoc());
  loop->moveBefore(last);
  function.getBody().walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (Value inside = map.lookupOrNull(operand.get()))
        operand.set(inside);
    // Scopes and roles have done their work, and would tell equal code apart.
    for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("prec."))
        op->removeDiscardableAttr(attribute.getName());
  });
  return function;
}

/// Equal for equal bodies; values and places do not count.
static llvm::hash_code hashOf(func::FuncOp function) {
  llvm::hash_code hash = hash_value(function.getFunctionType());
  function.getBody().walk([&](Operation *op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(
                  op, OperationEquivalence::ignoreHashValue,
                  OperationEquivalence::ignoreHashValue,
                  OperationEquivalence::Flags::IgnoreLocations));
  });
  return hash;
}

static bool areEqual(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(),
             OperationEquivalence::Flags::IgnoreLocations);
}

namespace {
class OutlineLoops : public prec::impl::OutlineLoopsBase<OutlineLoops> {
public:
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    Known known;
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      outlineIn(function.getBody(), symbols, known);
  }

private:
  /// Functions by their hash.
  using Known = llvm::DenseMap<size_t, SmallVector<func::FuncOp, 1>>;

  void outlineIn(Region &region, SymbolTable &symbols, Known &known) {
    for (Block &block : region)
      for (Operation &op : llvm::make_early_inc_range(block))
        if (op.hasAttr(kBlockLoop))
          outlineIn(op.getRegion(0), symbols, known);
        else if (isa<scf::ForOp, scf::ParallelOp>(op) &&
                 op.getNumResults() == 0)
          outline(&op, symbols, known);
        else if (auto choice = dyn_cast<scf::IfOp>(op))
          for (Region &branch : choice->getRegions())
            outlineIn(branch, symbols, known);
  }

  void outline(Operation *loop, SymbolTable &symbols, Known &known) {
    SmallVector<Operation *> constants;
    SmallVector<Value> captures = takeCaptures(loop, constants);
    OpBuilder builder(loop);
    auto call = func::CallOp::create(builder, loop->getLoc(), "loops",
                                     TypeRange(), captures);
    func::FuncOp made = makeFunction(loop, captures, constants);
    SmallVector<func::FuncOp, 1> &alike = known[hashOf(made)];
    auto equal = llvm::find_if(
        alike, [&](func::FuncOp other) { return areEqual(made, other); });
    if (equal != alike.end()) {
      made.erase();
      made = *equal;
    } else {
      symbols.insert(made);
      alike.push_back(made);
      ++functions;
    }
    call.setCallee(made.getName());
    ++nests;
  }
};
} // namespace
