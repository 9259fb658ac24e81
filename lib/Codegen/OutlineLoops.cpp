// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loop nests become functions, equal ones the same function.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

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

/// A function of the captures that does what the nest does.
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
  builder.clone(*loop, map);
  func::ReturnOp::create(builder, loop->getLoc());
  // Scopes and roles have done their work, and would tell equal code apart.
  function.getBody().walk([](Operation *op) {
    for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("prec."))
        op->removeDiscardableAttr(attribute.getName());
  });
  return function;
}

namespace {
struct OutlineLoops : public prec::impl::OutlineLoopsBase<OutlineLoops> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::StringMap<func::FuncOp> known; // by their text
    for (auto function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      for (Block &block : function.getBody())
        for (Operation &op : llvm::make_early_inc_range(block))
          if (isa<scf::ForOp, scf::ParallelOp>(op) && op.getNumResults() == 0)
            outline(&op, symbols, known);
    }
  }

  void outline(Operation *loop, SymbolTable &symbols,
               llvm::StringMap<func::FuncOp> &known) {
    SmallVector<Operation *> constants;
    SmallVector<Value> captures = takeCaptures(loop, constants);
    func::FuncOp made = makeFunction(loop, captures, constants);
    std::string text;
    llvm::raw_string_ostream stream(text);
    made.print(stream, OpPrintingFlags().useLocalScope());
    auto [it, isNew] = known.try_emplace(text, made);
    if (isNew) {
      symbols.insert(made);
      ++functions;
    } else {
      made.erase();
    }
    OpBuilder builder(loop);
    func::CallOp::create(builder, loop->getLoc(), it->second, captures);
    loop->erase();
    ++nests;
  }
};
} // namespace
