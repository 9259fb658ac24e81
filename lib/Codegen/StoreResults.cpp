// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entries with many results store each of them instead of returning a struct.
//
// LLVM's instruction selection looks at all scalars of a struct for each that
// is put into it: the 300 results of a long recurrence took it seconds.
#include "prec/Codegen/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_STORERESULTS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// So many results are returned as MLIR does it.
static constexpr unsigned fewResults = 8;

namespace {
struct StoreResults : public prec::impl::StoreResultsBase<StoreResults> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && function.getNumResults() > fewResults &&
          function->hasAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName()) &&
          !isUsed(function)) {
        storeResults(function);
        ++changed;
      }
  }

  bool isUsed(func::FuncOp function) {
    return getOperation()
        ->walk([&](Operation *op) {
          StringRef name;
          if (auto call = dyn_cast<func::CallOp>(op))
            name = call.getCallee();
          else if (auto address = dyn_cast<func::ConstantOp>(op))
            name = address.getValue();
          return name == function.getName() ? WalkResult::interrupt()
                                            : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// The leading pointer is the one that the C interface takes for a struct of
  /// the results.
  void storeResults(func::FuncOp function) {
    LLVMTypeConverter converter(&getContext());
    OpBuilder b(function.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    SmallVector<Type> members;
    for (Type type : function.getResultTypes())
      members.push_back(converter.convertType(type));
    auto all = LLVM::LLVMStructType::getLiteral(&getContext(), members);
    (void)function.insertArgument(0, pointer, {}, function.getLoc());
    Value results = function.getArgument(0);
    function.walk([&](func::ReturnOp returned) {
      b.setInsertionPoint(returned);
      for (auto [i, value] : llvm::enumerate(returned.getOperands())) {
        Location loc = returned.getLoc();
        Value converted =
            UnrealizedConversionCastOp::create(b, loc, members[i], value)
                .getResult(0);
        Value place = LLVM::GEPOp::create(
            b, loc, pointer, all, results,
            ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
        LLVM::StoreOp::create(b, loc, converted, place);
      }
      returned->setOperands({});
    });
    BitVector dropped(function.getNumResults(), true);
    (void)function.eraseResults(dropped);
  }
};
} // namespace
