// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All of upstream's patterns that end in the LLVM dialect, in one conversion.
#include "ElementBytes.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Analysis/DataLayoutAnalysis.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/OpenMPToLLVM/ConvertOpenMPToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_CONVERTBODIESTOLLVM
#define GEN_PASS_DEF_CONVERTTOLLVM
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// The alignment of an element, which upstream's patterns find the long way:
/// they make an LLVM context for each access.
static void nameAlignments(Operation *root) {
  auto name = [](auto access) {
    Type element = access.getVectorType().getElementType();
    if (!access.getAlignment() && element.isIntOrFloat() &&
        element.getIntOrFloatBitWidth() >= 8)
      access.setAlignment(prec::elementBytes(element));
  };
  root->walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<vector::LoadOp, vector::StoreOp, vector::MaskedLoadOp,
              vector::MaskedStoreOp>(name);
  });
}

/// Masks and steps become comparisons and constants.
static LogicalResult writeMasks(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (isa<vector::CreateMaskOp, vector::ConstantMaskOp, vector::StepOp>(op))
      ops.push_back(op);
  });
  RewritePatternSet patterns(root->getContext());
  vector::populateVectorMaskMaterializationPatterns(
      patterns, /*force32BitVectorIndices=*/true);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  return applyOpPatternsGreedily(ops, std::move(patterns), config);
}

static bool hasOpenMP(Operation *root) {
  return root
      ->walk([](Operation *op) {
        return isa_and_nonnull<omp::OpenMPDialect>(op->getDialect())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Converts everything in `root`; if that is a function, all but what becomes,
/// or calls, symbols beside it.
static LogicalResult convert(Operation *root) {
  MLIRContext *context = root->getContext();
  LowerToLLVMOptions options(context, DataLayout::closest(root));
  options.allocLowering = LowerToLLVMOptions::AllocLowering::AlignedAlloc;
  options.useGenericFunctions = true;
  LLVMTypeConverter converter(context, options);
  SymbolTableCollection symbols;
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns,
                                         /*reassociateFPReductions=*/false,
                                         /*force32BitVectorIndices=*/true);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns, &symbols);
  populateFuncToLLVMConversionPatterns(converter, patterns, &symbols);
  populateMathToLLVMConversionPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  cf::populateAssertToLLVMConversionPattern(converter, patterns,
                                            /*abortOnFailure=*/true, &symbols);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  if (isa<func::FuncOp>(root)) {
    target.addLegalDialect<func::FuncDialect>();
    target.addLegalOp<cf::AssertOp, memref::AllocOp, memref::DeallocOp,
                      memref::CopyOp, memref::GetGlobalOp>();
  }
  if (hasOpenMP(root)) {
    configureOpenMPToLLVMConversionLegality(target, converter);
    populateOpenMPToLLVMConversionPatterns(converter, patterns);
  }
  ConversionConfig config;
  // CSE comes before, LLVM folds behind.
  config.foldingMode = DialectConversionFoldingMode::Never;
  config.allowPatternRollback = false;
  return applyPartialConversion(root, target, std::move(patterns), config);
}

static LogicalResult run(Operation *root) {
  nameAlignments(root);
  return success(succeeded(writeMasks(root)) && succeeded(convert(root)));
}

namespace {
struct ConvertBodiesToLLVM
    : public prec::impl::ConvertBodiesToLLVMBase<ConvertBodiesToLLVM> {
  void runOnOperation() override {
    if (failed(run(getOperation())))
      signalPassFailure();
  }
};

struct ConvertToLLVM : public prec::impl::ConvertToLLVMBase<ConvertToLLVM> {
  void runOnOperation() override {
    if (failed(run(getOperation())))
      signalPassFailure();
  }
};
} // namespace
