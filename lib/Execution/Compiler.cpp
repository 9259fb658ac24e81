// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM for one machine: target, attributes, pipeline, object.
#include "prec/Execution/Compiler.h"

#include "prec/Execution/Engine.h"
#include "prec/Execution/Symbols.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include <mutex>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// Features that would change bits: these conversions take subnormals for zero.
static constexpr StringRef kInexactFeatures[] = {"avx512bf16", "avxneconvert"};

/// Errors unless everything `target` has is also on the host.
static Error checkRunsHere(const llvm::TargetMachine &target) {
  const llvm::MCSubtargetInfo &info = *target.getMCSubtargetInfo();
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    if (!feature.second && info.checkFeatures(("+" + feature.first()).str()))
      return createStringError("the processor '" + target.getTargetCPU() +
                               "' has " + feature.first() +
                               ", which this machine lacks");
  return Error::success();
}

Expected<llvm::orc::JITTargetMachineBuilder>
mlir::prec::targetFor(StringRef cpu, int optLevel) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  if (!cpu.empty()) {
    builder->setCPU(cpu.str());
    builder->getFeatures() = llvm::SubtargetFeatures();
  }
  if (builder->getTargetTriple().isX86())
    for (StringRef feature : kInexactFeatures)
      builder->addFeatures({("-" + feature).str()});
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeModel(llvm::CodeModel::Small);
  builder->getOptions().AllowFPOpFusion = llvm::FPOpFusion::Strict;
  builder->setCodeGenOptLevel(optLevel == 0   ? llvm::CodeGenOptLevel::None
                              : optLevel == 1 ? llvm::CodeGenOptLevel::Less
                              : optLevel == 2
                                  ? llvm::CodeGenOptLevel::Default
                                  : llvm::CodeGenOptLevel::Aggressive);
  if (cpu.empty())
    return std::move(*builder);
  // Ask LLVM's table before a target machine prints about an unknown name.
  std::string message;
  const llvm::Triple &triple = builder->getTargetTriple();
  const llvm::Target *machine =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!machine)
    return createStringError(message);
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      machine->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(cpu))
    return createStringError("unknown processor '" + cpu +
                             "', expected a name that `llc -mcpu=help` lists");
  auto target = builder->createTargetMachine();
  if (!target)
    return target.takeError();
  if (Error error = checkRunsHere(**target))
    return error;
  return std::move(*builder);
}

Expected<TargetInfo> mlir::prec::targetInfo(StringRef cpu) {
  auto builder = targetFor(cpu, 2);
  if (!builder)
    return builder.takeError();
  auto target = builder->createTargetMachine();
  if (!target)
    return target.takeError();
  TargetInfo info{(*target)->getTargetTriple().str(), ""};
  for (const llvm::SubtargetFeatureKV &feature :
       (*target)->getMCSubtargetInfo()->getEnabledProcessorFeatures())
    info.features +=
        (info.features.empty() ? "+" : ",+") + std::string(feature.Key);
  return info;
}

/// llvm.fmuladd leaves it to the target whether it rounds once or twice; the
/// code that asks for it means once.
static void replaceFMulAdd(llvm::Module &module) {
  for (llvm::Function &function : llvm::make_early_inc_range(module)) {
    if (function.getIntrinsicID() != llvm::Intrinsic::fmuladd)
      continue;
    for (llvm::User *user : llvm::make_early_inc_range(function.users())) {
      auto *call = llvm::cast<llvm::CallInst>(user);
      llvm::IRBuilder<> builder(call);
      llvm::Value *fused = builder.CreateIntrinsic(
          llvm::Intrinsic::fma, {call->getType()},
          {call->getArgOperand(0), call->getArgOperand(1),
           call->getArgOperand(2)});
      call->replaceAllUsesWith(fused);
      call->eraseFromParent();
    }
    function.eraseFromParent();
  }
}

void mlir::prec::setTarget(llvm::Module &module, llvm::TargetMachine &target) {
  module.setDataLayout(target.createDataLayout());
  module.setTargetTriple(target.getTargetTriple());
  replaceFMulAdd(module);
  bool isX86 = target.getTargetTriple().isX86();
  bool wide = isX86 && target.getMCSubtargetInfo()->checkFeatures("+avx512f");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.getTargetCPU());
    function.addFnAttr("target-features", target.getTargetFeatureString());
    if (wide)
      function.addFnAttr("prefer-vector-width", "512");
    // Vectors are spilled to the stack, whose usual 16 bytes cut each of them
    // in two cache lines or not, by chance.
    if (isX86)
      function.addFnAttr(llvm::Attribute::getWithStackAlignment(
          module.getContext(), llvm::Align(64)));
  }
}

/// The C function that a mathematical intrinsic would become; empty for those
/// whose result is exactly defined or that become instructions.
static StringRef hostFunction(llvm::Intrinsic::ID id) {
  switch (id) {
  case llvm::Intrinsic::acos:
  case llvm::Intrinsic::asin:
  case llvm::Intrinsic::atan:
  case llvm::Intrinsic::atan2:
  case llvm::Intrinsic::cos:
  case llvm::Intrinsic::cosh:
  case llvm::Intrinsic::exp:
  case llvm::Intrinsic::exp10:
  case llvm::Intrinsic::exp2:
  case llvm::Intrinsic::log:
  case llvm::Intrinsic::log10:
  case llvm::Intrinsic::log2:
  case llvm::Intrinsic::pow:
  case llvm::Intrinsic::powi:
  case llvm::Intrinsic::sin:
  case llvm::Intrinsic::sincos:
  case llvm::Intrinsic::sincospi:
  case llvm::Intrinsic::sinh:
  case llvm::Intrinsic::tan:
  case llvm::Intrinsic::tanh:
    return llvm::Intrinsic::getBaseName(id).drop_front(strlen("llvm."));
  default:
    return "";
  }
}

Error mlir::prec::checkCalls(const llvm::Module &module) {
  for (const llvm::Function &function : module) {
    if (!function.isDeclaration() || function.use_empty())
      continue;
    if (function.isIntrinsic()) {
      StringRef name = hostFunction(function.getIntrinsicID());
      if (!name.empty())
        return unresolvedSymbol(name);
    } else if (!resolveSymbol(function.getName())) {
      return unresolvedSymbol(function.getName());
    }
  }
  return Error::success();
}

/// What O2 does to Codegen's kernels, which are unrolled vector code already,
/// and to plain loops, at a quarter of its time: each pass once, in the order
/// in which they need each other.
static constexpr StringRef kPasses =
    "function(sroa,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,"
    "loop-mssa(loop-rotate,licm),loop-vectorize,"
    "instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),"
    "early-cse<memssa>,adce)";

void mlir::prec::optimise(llvm::Module &module, llvm::TargetMachine &target,
                          int optLevel) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes;
  if (optLevel == 2)
    llvm::cantFail(builder.parsePassPipeline(passes, kPasses));
  else if (optLevel == 0)
    passes = builder.buildO0DefaultPipeline(llvm::OptimizationLevel::O0);
  else
    passes = builder.buildPerModuleDefaultPipeline(
        optLevel == 1 ? llvm::OptimizationLevel::O1
                      : llvm::OptimizationLevel::O3);
  passes.run(module, modules);
}

Expected<llvm::SmallVector<char, 0>>
mlir::prec::emitObject(llvm::Module &module, llvm::TargetMachine &target) {
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (target.addPassesToEmitFile(passes, stream, nullptr,
                                 llvm::CodeGenFileType::ObjectFile))
    return createStringError("LLVM cannot write objects for '" +
                             target.getTargetTriple().str() + "'");
  passes.run(module);
  return object;
}
