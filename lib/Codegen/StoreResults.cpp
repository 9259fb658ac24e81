// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Entries with many results store each of them instead of returning a struct;
// entries with many arguments load their descriptors where they are used.
//
// LLVM's instruction selection looks at all scalars of a struct for each that
// is put into it: the 300 results of a long recurrence took it seconds. So it
// does with the scalars that a call puts on the stack: seven of each matrix.
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

/// So many results are returned, and arguments taken, as MLIR does it.
static constexpr unsigned few = 8;

namespace {
struct StoreResults : public prec::impl::StoreResultsBase<StoreResults> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      bool hasMany = function.getNumArguments() > few;
      bool givesMany = function.getNumResults() > few;
      if (function.isExternal() || (!hasMany && !givesMany) ||
          !function->hasAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName()) ||
          isUsed(function))
        continue;
      // Loads come before stores, so that results may lie where arguments do.
      if (hasMany)
        loadArguments(function);
      if (givesMany)
        storeResults(function);
      ++changed;
    }
  }

  /// Where `argument` is first needed in the block that it belongs to.
  static Operation *firstUser(BlockArgument argument) {
    Block *block = argument.getOwner();
    Operation *first = block->getTerminator();
    for (Operation *user : argument.getUsers())
      if (Operation *op = block->findAncestorOpInBlock(*user))
        first = op->isBeforeInBlock(first) ? op : first;
    return first;
  }

  /// A memref becomes the pointer that the C interface takes for it.
  void loadArguments(func::FuncOp function) {
    LLVMTypeConverter converter(&getContext());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    // Insertions would cost the block its order, which takes as long as it is.
    SmallVector<std::pair<BlockArgument, Operation *>> loaded;
    for (BlockArgument argument : function.getArguments())
      if (isa<MemRefType>(argument.getType()))
        loaded.push_back({argument, firstUser(argument)});
    for (auto [argument, user] : loaded) {
      if (argument.use_empty()) {
        argument.setType(pointer);
        continue;
      }
      OpBuilder b(user);
      Location loc = argument.getLoc();
      Type type = argument.getType();
      auto load =
          LLVM::LoadOp::create(b, loc, converter.convertType(type), argument);
      auto cast =
          UnrealizedConversionCastOp::create(b, loc, type, load.getResult());
      argument.replaceAllUsesExcept(cast.getResult(0), load);
      argument.setType(pointer);
    }
    function.setType(FunctionType::get(&getContext(),
                                       function.getBody().getArgumentTypes(),
                                       function.getResultTypes()));
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
