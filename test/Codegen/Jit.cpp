// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles MLIR text through the pipeline and calls what comes out.
#include "Jit.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::prec;
using namespace mlir::prec::test;

static void *allocate(size_t alignment, size_t bytes) {
  return std::aligned_alloc(alignment,
                            (bytes + alignment) / alignment * alignment);
}

static MLIRContext &sharedContext() {
  static MLIRContext context = [] {
    DialectRegistry registry;
    registerCodegen(registry);
    return MLIRContext(registry, MLIRContext::Threading::DISABLED);
  }();
  return context;
}

static llvm::orc::JITTargetMachineBuilder hostTarget() {
  static bool once = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)once;
  return llvm::cantFail(llvm::orc::JITTargetMachineBuilder::detectHost());
}

CodegenOptions mlir::prec::test::hostOptions() {
  auto target = hostTarget();
  CodegenOptions options;
  options.setTarget(target.getTargetTriple().str(),
                    target.getFeatures().getString());
  return options;
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     int level) {
  for (llvm::Function &function : module) {
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  auto passes =
      level == 0
          ? builder.buildO0DefaultPipeline(llvm::OptimizationLevel::O0)
          : builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3);
  passes.run(module, modules);
}

std::unique_ptr<test::Module>
test::Module::compile(const std::string &text, int level,
                      const CodegenOptions &options) {
  MLIRContext &context = sharedContext();
  auto module = parseSourceString<ModuleOp>(text, ParserConfig(&context));
  if (!module || failed(lowerToLLVMDialect(*module, options))) {
    ADD_FAILURE() << "does not compile:\n" << text;
    return nullptr;
  }
  auto result = std::make_unique<Module>();
  for (const auto &[name, value] : contextDefaults(*module))
    result->context.push_back(value);

  auto target = hostTarget();
  target.setCodeGenOptLevel(level == 0 ? llvm::CodeGenOptLevel::None
                                       : llvm::CodeGenOptLevel::Aggressive);
  auto machine = llvm::cantFail(target.createTargetMachine());
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto llvmModule = translateToLLVMIR(*module, *llvmContext);
  if (!llvmModule) {
    ADD_FAILURE() << "does not translate:\n" << text;
    return nullptr;
  }
  llvmModule->setDataLayout(machine->createDataLayout());
  llvmModule->setTargetTriple(machine->getTargetTriple());
  optimize(*llvmModule, *machine, level);

  result->jit = llvm::cantFail(
      llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(target).create());
  auto &library = result->jit->getMainJITDylib();
  llvm::orc::SymbolMap symbols;
  auto define = [&](const char *name, auto *function) {
    symbols[result->jit->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported};
  };
  define("_mlir_memref_to_llvm_aligned_alloc", &allocate);
  define("_mlir_memref_to_llvm_free", &free);
  define("memcpy", &memcpy);
  define("memset", &memset);
  define("memmove", &memmove);
  llvm::cantFail(library.define(llvm::orc::absoluteSymbols(symbols)));
  llvm::cantFail(result->jit->addIRModule(llvm::orc::ThreadSafeModule(
      std::move(llvmModule), std::move(llvmContext))));
  return result;
}

void *test::Module::lookup(const std::string &name) {
  return llvm::cantFail(jit->lookup(name)).toPtr<void *>();
}
