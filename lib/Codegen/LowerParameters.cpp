// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives every function the context of its call and reads run-time numbers
// there.
#include "prec/Codegen/Passes.h"
#include "prec/Codegen/Pipelines.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERPARAMETERS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

SmallVector<std::pair<std::string, int32_t>>
mlir::prec::contextDefaults(ModuleOp module) {
  SmallVector<std::pair<std::string, int32_t>> slots;
  if (auto rows = module->getAttrOfType<ArrayAttr>(contextAttrName))
    for (auto row : rows.getAsRange<DictionaryAttr>())
      slots.emplace_back(row.getAs<StringAttr>("name").str(),
                         row.getAs<IntegerAttr>("value").getInt());
  for (auto declare : module.getOps<DeclareOp>())
    slots.emplace_back(declare.getSymName().str(), declare.getValue());
  return slots;
}

namespace {
class LowerParameters
    : public prec::impl::LowerParametersBase<LowerParameters> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module->hasAttr(contextAttrName))
      return; // done before
    Builder builder(&getContext());
    SmallVector<Attribute> rows;
    for (const auto &[name, value] : contextDefaults(module)) {
      slotOf[name] = rows.size();
      rows.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr("name", builder.getStringAttr(name)),
           builder.getNamedAttr("value", builder.getI32IntegerAttr(value))}));
    }
    module->setAttr(contextAttrName, builder.getArrayAttr(rows));
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        giveContext(function);
    module.walk([&](func::CallOp call) { passContext(call); });
    for (auto declare : llvm::make_early_inc_range(module.getOps<DeclareOp>()))
      declare.erase();
    slotOf.clear();
  }

private:
  void giveContext(func::FuncOp function) {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    if (function.isPublic()) {
      function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                        UnitAttr::get(&getContext()));
      for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
        if (isa<TensorType>(type))
          function.setArgAttr(
              index, bufferization::BufferizationDialect::kWritableAttrName,
              BoolAttr::get(&getContext(), false));
    }
    unsigned last = function.getNumArguments();
    (void)function.insertArgument(last, pointer, {}, function.getLoc());
    Value context = function.getArgument(last);

    llvm::DenseMap<unsigned, Value> loaded;
    OpBuilder builder(&getContext());
    function.walk([&](ParameterOp parameter) {
      unsigned slot = slotOf.lookup(parameter.getName());
      Value &value = loaded[slot];
      if (!value) {
        builder.setInsertionPointToStart(&function.front());
        Value address = context;
        if (slot)
          address = LLVM::GEPOp::create(builder, parameter.getLoc(), pointer,
                                        builder.getI32Type(), context,
                                        ArrayRef<LLVM::GEPArg>(slot));
        auto load = LLVM::LoadOp::create(builder, parameter.getLoc(),
                                         builder.getI32Type(), address);
        load.setInvariant(true);
        value = load;
      }
      parameter.replaceAllUsesWith(value);
      parameter.erase();
    });
  }

  void passContext(func::CallOp call) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    auto caller = call->getParentOfType<func::FuncOp>();
    if (!callee || callee.isExternal() || !caller)
      return;
    call.getOperandsMutable().append(caller.getArguments().take_back());
  }

  llvm::StringMap<unsigned> slotOf;
};
} // namespace
