// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pipelines: the one place that names upstream passes.
//
//   linalg on tensors, arith, math, prec
//     | decompose, expand rounding, fix order, fuse
//   linalg.generic on tensors; arith, math, prec in their bodies
//     | lower parameters, rounding, math
//   linalg.generic on tensors; arith in their bodies
//     | bufferise, deallocate
//   linalg.generic on memrefs
//     | loops
//   scf, vector, memref, arith
//     | LLVM dialect
#include "prec/Codegen/Pipelines.h"
#include "OnlyWith.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/Bufferization.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace mlir::prec;

void CodegenOptions::setTarget(StringRef triple, StringRef features) {
  auto has = [&](StringRef feature) {
    return llvm::is_contained(llvm::split(features, ','), feature);
  };
  vectorBits = 128;
  vectorRegisters = 16;
  nativeHalf = has("+avx512fp16") || has("+fullfp16");
  separateAdders = has("+sse4a"); // nobody but AMD has these
  if (triple.starts_with("aarch64"))
    vectorRegisters = 32;
  else if (has("+avx512f")) {
    vectorBits = 512;
    vectorRegisters = 32;
  } else if (has("+avx2"))
    vectorBits = 256;
}

void mlir::prec::registerCodegen(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registry.insert<PrecDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

/// Everything on tensors: which operations there are, in which order.
static void buildTensorStage(OpPassManager &pm, const CodegenOptions &options) {
  if (options.profile || options.trackBuffers)
    pm.addPass(createNamePlaces());
  pm.addPass(createLowerParameters());
  pm.addPass(createCallRoundArray());
  pm.addPass(createCheckTypes());
  pm.addPass(createCheckIndices());
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createLiftControlFlowToSCFPass());
  function.addPass(createEraseDeallocations());
  function.addPass(createDecomposeComposites());
  function.addPass(createExpandRounding());
  function.addPass(createConvertElementwiseToLinalgPass());
  function.addPass(createDropUnitDims());
  function.addPass(createFixOrder());
  function.addPass(createNarrowProducers());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  if (options.fast) {
    function.addPass(createReuseActivations());
    function.addPass(createSplitBlocks());
    function.addPass(createGroupPairs());
    function.addPass(createChooseForms({options.nativeHalf, options.formTile}));
  }
  function.addPass(createFuseElementwise());
  if (options.fast)
    function.addPass(createRepeatElementwise());
  function.addPass(createLowerRounding({options.fast}));
  function.addPass(createLowerMath());
  if (options.fast) {
    function.addPass(createSimplifyWindows());
    function.addPass(createHoistTables());
    PackOperandsOptions pack;
    pack.vectorBits = options.vectorBits;
    pack.vectorRegisters = options.vectorRegisters;
    function.addPass(createPackOperands(pack));
  }
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  function.addPass(createSeparateFills());
  if (options.fast)
    function.addPass(createPadInPlace());
  if (options.recompute != Recompute::None)
    function.addPass(createRecomputeTensors({options.recompute}));
  if (options.fast)
    function.addPass(createWriteInPlace());
}

/// Tensors become buffers that are released after their last use.
static void buildBufferStage(OpPassManager &pm) {
  pm.addPass(onlyWith(insertsWhatBeganEmpty,
                      bufferization::createEmptyTensorEliminationPass()));
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  // Else what an scf.if gives would be elements at unknown distances.
  options.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  options.allowReturnAllocsFromLoops = true;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(memref::createFoldMemRefAliasOpsPass());
  // Upstream's pipeline of deallocation, with a pass of ours in it.
  pm.addPass(memref::createExpandReallocPass({/*emitDeallocs=*/false}));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(bufferization::createOwnershipBasedBufferDeallocationPass());
  pm.addPass(createCanonicalizerPass());
  pm.nest<func::FuncOp>().addPass(createReleaseOwn());
  pm.addPass(bufferization::createBufferDeallocationSimplificationPass());
  pm.addPass(bufferization::createLowerDeallocationsPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  pm.nest<func::FuncOp>().addPass(
      bufferization::createOptimizeAllocationLivenessPass());
  pm.addPass(createConvertBufferizationToMemRefPass());
  pm.nest<func::FuncOp>().addPass(createLowerCopies());
}

static void buildLoopStage(OpPassManager &pm, const CodegenOptions &options) {
  // What is measured is measured by one thread.
  bool isMeasured = options.profile || options.trackBuffers;
  if (options.fast)
    pm.nest<func::FuncOp>().addPass(
        createBlockBatch({options.threads > 1 && !isMeasured}));
  if (options.profile)
    pm.addPass(createProfileKernels());
  OpPassManager &function = pm.nest<func::FuncOp>();
  if (options.fast) {
    EmitKernelsOptions kernels;
    kernels.vectorBits = options.vectorBits;
    kernels.vectorRegisters = options.vectorRegisters;
    kernels.threads = options.threads;
    kernels.threadGrain = options.threadGrain;
    function.addPass(createEmitKernels(kernels));
    function.addPass(createBalanceUnits({options.separateAdders}));
  }
  function.addPass(
      onlyWith([](Operation *op) { return isa<linalg::LinalgOp>(op); },
               createConvertLinalgToLoopsPass()));
  function.addPass(createSerializeReductions());
  if (options.trackBuffers)
    pm.addPass(createTrackBuffers());
  pm.addPass(createOutlineLoops());
  if (options.threads < 2)
    return;
  pm.addPass(createConvertSCFToOpenMPPass());
  pm.addPass(createInlineScopes());
}

/// Whatever is left becomes the LLVM dialect.
static void buildLLVMStage(OpPassManager &pm) {
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(onlyWith(
      [](Operation *op) {
        return isa<vector::TransferReadOp, vector::TransferWriteOp>(op);
      },
      createConvertVectorToSCFPass(
          VectorTransferToSCFOptions().enableFullUnroll())));
  function.addPass(createExpandViews());
  function.addPass(createLowerAffinePass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  function.addPass(
      onlyWith(needsArithSteps, arith::createArithExpandOpsPass(expand)));
  SCFToControlFlowPassOptions control;
  control.allowPatternRollback = false;
  function.addPass(createSCFToControlFlowPass(control));
  function.addPass(createCSEPass());
  pm.addPass(onlyWith(needsVectorSteps, createConvertVectorToLLVMPass()));
  pm.addPass(createStoreResults());
  OpPassManager &bodies = pm.nest<func::FuncOp>();
  bodies.addPass(createConvertBodiesToLLVM());
  bodies.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createConvertToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.nest<LLVM::LLVMFuncOp>().addPass(createCheckFastMath());
}

void mlir::prec::buildCodegenPipeline(OpPassManager &pm,
                                      const CodegenOptions &options) {
  buildTensorStage(pm, options);
  buildBufferStage(pm);
  buildLoopStage(pm, options);
  buildLLVMStage(pm);
}

LogicalResult mlir::prec::lowerToLLVMDialect(ModuleOp module,
                                             const CodegenOptions &options) {
  PassManager pm(module.getContext());
  buildCodegenPipeline(pm, options);
  return pm.run(module);
}

/// LLVM IR has no place for names, roles and initial values of arguments.
static void dropArgumentAttributes(FunctionOpInterface function) {
  auto kept = [](ArrayRef<NamedAttribute> attributes) {
    return llvm::filter_to_vector(attributes, [](NamedAttribute attribute) {
      return !isa_and_nonnull<PrecDialect>(attribute.getNameDialect());
    });
  };
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.setArgAttrs(i, kept(function.getArgAttrs(i)));
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    function.setResultAttrs(i, kept(function.getResultAttrs(i)));
}

std::unique_ptr<llvm::Module>
mlir::prec::translateToLLVMIR(ModuleOp module, llvm::LLVMContext &context) {
  for (auto function : module.getOps<FunctionOpInterface>())
    dropArgumentAttributes(function);
  return translateModuleToLLVMIR(module, context);
}

namespace {
/// `prec-lower{...}`: CodegenOptions as text.
struct LowerOptions : public PassPipelineOptions<LowerOptions> {
  Option<bool> fast{*this, "fast", llvm::cl::desc("tiled, vectorised kernels"),
                    llvm::cl::init(true)};
  Option<unsigned> threads{
      *this, "threads",
      llvm::cl::desc("several: parallel loops use OpenMP, for so many"),
      llvm::cl::init(CodegenOptions().threads)};
  Option<int64_t> threadGrain{
      *this, "thread-grain",
      llvm::cl::desc("least scalar operations for several threads"),
      llvm::cl::init(CodegenOptions().threadGrain)};
  Option<unsigned> vectorBits{*this, "vector-bits",
                              llvm::cl::desc("width of a vector register"),
                              llvm::cl::init(CodegenOptions().vectorBits)};
  Option<bool> nativeHalf{*this, "native-half",
                          llvm::cl::desc("the target has f16 arithmetic"),
                          llvm::cl::init(CodegenOptions().nativeHalf)};
  Option<bool> separateAdders{
      *this, "separate-adders",
      llvm::cl::desc("the target's adders do not multiply"),
      llvm::cl::init(CodegenOptions().separateAdders)};
  Option<int64_t> formTile{
      *this, "form-tile",
      llvm::cl::desc("multiplications of a tile that chooses its form"),
      llvm::cl::init(CodegenOptions().formTile)};
  Option<Recompute> recompute{
      *this, "recompute",
      llvm::cl::desc("what is computed again rather than kept"),
      llvm::cl::init(Recompute::Cheap), recomputeValues()};
  Option<bool> profile{*this, "profile", llvm::cl::desc("measure each kernel"),
                       llvm::cl::init(false)};
  Option<bool> trackBuffers{*this, "track-buffers",
                            llvm::cl::desc("tell which buffers live"),
                            llvm::cl::init(false)};
  Option<unsigned> vectorRegisters{
      *this, "vector-registers", llvm::cl::desc("number of vector registers"),
      llvm::cl::init(CodegenOptions().vectorRegisters)};

  CodegenOptions get() const {
    CodegenOptions options;
    options.fast = fast;
    options.threads = threads;
    options.threadGrain = threadGrain;
    options.vectorBits = vectorBits;
    options.vectorRegisters = vectorRegisters;
    options.nativeHalf = nativeHalf;
    options.separateAdders = separateAdders;
    options.formTile = formTile;
    options.recompute = recompute;
    options.profile = profile;
    options.trackBuffers = trackBuffers;
    return options;
  }
};
} // namespace

#define GEN_PASS_REGISTRATION
namespace mlir::prec {
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

void mlir::prec::registerCodegenPasses() {
  registerPrecCodegenPasses();
  PassPipelineRegistration<LowerOptions>(
      "prec-lower", "from a rounded module to the LLVM dialect",
      [](OpPassManager &pm, const LowerOptions &options) {
        buildCodegenPipeline(pm, options.get());
      });
}
