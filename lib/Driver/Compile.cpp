// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a model's file to functions that can be called.
#include "prec/Driver/Compile.h"
#include "CompilationKey.h"
#include "prec/Analysis/Survival.h"
#include "prec/Autodiff/Passes.h"
#include "prec/Driver/Registration.h"
#include "prec/Execution/Compiler.h"
#include "prec/Execution/LearningRate.h"
#include "prec/Execution/SignatureReader.h"
#include "prec/Execution/Threads.h"
#include "prec/Import/BuildModel.h"
#include "prec/LossKind.h"
#include "prec/Transforms/Passes.h"
#include "prec/Transforms/RandomWords.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"

#include <chrono>

using namespace mlir;
using namespace mlir::prec;

double mlir::prec::now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void mlir::prec::addPhase(Timing &timing, StringRef phase, double seconds) {
  for (auto &[name, sum] : timing.phases)
    if (name == phase) {
      sum += seconds;
      return;
    }
  timing.phases.emplace_back(phase.str(), seconds);
}

Model::Model() {
  DialectRegistry registry;
  registerDialects(registry);
  context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  // The place and the message say it; an operation is a page long.
  context->printOpOnDiagnostic(false);
  sources = std::make_unique<llvm::SourceMgr>();
}

llvm::Error Model::parseBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer) {
  std::string name = buffer->getBufferIdentifier().str();
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  handler =
      std::make_unique<SourceMgrDiagnosticHandler>(*sources, context.get());
  parsed = parseSourceFile<ModuleOp>(*sources, ParserConfig(context.get()));
  if (!parsed)
    return llvm::createStringError("cannot load model '%s'", name.c_str());
  return llvm::Error::success();
}

/// Is it a description of a network, by its ending or as a builtin's name?
static bool isNetwork(StringRef path) {
  if (path.ends_with(".json"))
    return true;
  return !llvm::sys::fs::exists(path) &&
         llvm::any_of(builtinNetworks(), [&](const BuiltinNetwork &builtin) {
           return path == builtin.name;
         });
}

/// An imported model has one function, @main: that is its forward part.
static void nameForward(ModuleOp module) {
  for (StringRef name : {"forward", "step", "predict"})
    if (module.lookupSymbol(name))
      return;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (main && main.isPublic() &&
      failed(SymbolTable(module).rename(main, "forward")))
    llvm_unreachable("no other function has the name");
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::prec::openModel(StringRef path) {
  struct Foreign {
    StringLiteral ending, kind, remedy;
  };
  static constexpr Foreign formats[] = {
      {".onnx", "an ONNX file",
       "`python -m prec import X.onnx -o X.mlir` makes it"},
      {".pt", "PyTorch's",
       "`prec.torch.export(module, inputs, path)` makes it"},
      {".pth", "PyTorch's",
       "`prec.torch.export(module, inputs, path)` makes it"},
      {".pt2", "PyTorch's",
       "`prec.torch.export(module, inputs, path)` makes it"},
      {".safetensors", "a file of weights",
       "the model's own front end makes it: docs/pytorch.md, docs/jax.md"},
      {".tflite", "TensorFlow's",
       "by way of ONNX: `python -m prec import X.onnx -o X.mlir`"},
      {".pb", "TensorFlow's",
       "by way of ONNX: `python -m prec import X.onnx -o X.mlir`"},
      {".keras", "Keras'",
       "by way of ONNX: `python -m prec import X.onnx -o X.mlir`"}};
  for (const Foreign &format : formats)
    if (path.ends_with_insensitive(format.ending))
      return llvm::createStringError("'" + path + "' is " + format.kind +
                                     ", expected MLIR; " + format.remedy);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, &error);
  if (!buffer)
    return llvm::createStringError(error);
  return buffer;
}

llvm::Expected<Model> Model::load(StringRef path, Timing &timing,
                                  bool isTraining) {
  double start = now();
  Model model;
  if (isNetwork(path)) {
    llvm::Expected<Network> network = readNetworkFile(path);
    if (!network)
      return network.takeError();
    model.handler = std::make_unique<SourceMgrDiagnosticHandler>(
        *model.sources, model.context.get());
    model.parsed =
        buildModel(*model.context, *network, {std::nullopt, isTraining});
  } else {
    auto buffer = openModel(path);
    if (!buffer)
      return buffer.takeError();
    if (llvm::Error error = model.parseBuffer(std::move(*buffer)))
      return error;
  }
  addPhase(timing, "parse", now() - start);
  return model;
}

llvm::Error Model::makeTrainingStep(const StepOptions &given,
                                    const Policy &policy) {
  nameForward(*parsed);
  auto forward = parsed->lookupSymbol<func::FuncOp>("forward");
  if (!forward || parsed->lookupSymbol<func::FuncOp>("step")) {
    std::string useless =
        !given.loss.empty()        ? "loss=" + given.loss
        : given.optimizer != "sgd" ? "optimizer=" + given.optimizer
        : given.lossScale          ? "loss-scale=" + given.lossScale->str()
        : given.numbers.empty()    ? ""
                                   : given.numbers[0].first;
    if (!useless.empty())
      return llvm::createStringError("the model has its own @step: --" +
                                     useless + " has no effect");
    return llvm::Error::success();
  }
  std::string loss = given.loss.empty() ? describedLoss() : given.loss;
  if (loss.empty())
    loss = lossNames[size_t(usualLoss(given.hasValues))].str();
  // A word cannot contain what parts options.
  for (const std::string &word : {given.optimizer, loss})
    if (word.find_first_of(" {}=") != std::string::npos)
      return llvm::createStringError("'" + word + "' is no optimizer or loss");
  std::string options = "optimizer=" + given.optimizer;
  options += " loss=" + loss;
  if (given.hasValues)
    options += " targets=values";
  if (given.lossScale)
    options += " loss-scale=" + given.lossScale->str();
  for (const auto &[name, value] : given.numbers)
    options += " " + name + "=" + value;
  if (policy.hasScheduledLossScale())
    declareParameters(module(), policy);
  PassManager pm(context.get());
  std::unique_ptr<Pass> pass =
      createMakeTrainingStep([&](func::FuncOp function) {
        return insertBeforeDifferentiation(function, policy);
      });
  std::string fault;
  if (failed(pass->initializeOptions(options, [&](const Twine &text) {
        fault = text.str();
        return failure();
      })))
    return llvm::createStringError(fault);
  pm.addPass(std::move(pass));
  if (failed(pm.run(*parsed)))
    return llvm::createStringError("cannot make a training step of @forward");
  return llvm::Error::success();
}

void Model::setSeed(uint32_t seed) {
  if (auto declared = module().lookupSymbol<DeclareOp>(seedParameter))
    declared.setValueAttr(
        Builder(context.get()).getI32IntegerAttr(static_cast<int32_t>(seed)));
}

llvm::Error Model::makePredict(int64_t classAxis) {
  nameForward(*parsed);
  if (!parsed->lookupSymbol("forward") || parsed->lookupSymbol("predict")) {
    if (classAxis != -1)
      return llvm::createStringError(
          "the model has its own @predict: --class-axis has no effect");
    return llvm::Error::success();
  }
  MakeTrainingStepOptions options;
  options.onlyPredict = true;
  options.classAxis = classAxis;
  PassManager pm(context.get());
  pm.addPass(createMakeTrainingStep(options));
  if (failed(pm.run(*parsed)))
    return llvm::createStringError("cannot make @predict of @forward");
  return llvm::Error::success();
}

std::string Model::describedLoss() const {
  auto forward = module().lookupSymbol<func::FuncOp>("forward");
  auto described =
      forward ? forward->getAttrOfType<StringAttr>(lossAttrName) : StringAttr();
  return described ? described.str() : "";
}

llvm::Expected<Model> Model::parse(StringRef text, StringRef name) {
  Model model;
  if (llvm::Error error =
          model.parseBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name)))
    return error;
  return model;
}

/// The functions to compile. All others become private and, unless one of
/// these calls them, go.
static llvm::Error selectEntries(ModuleOp module,
                                 ArrayRef<std::string> entries) {
  std::vector<std::string> known;
  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (!function.isPublic() || function.isExternal())
      continue;
    known.push_back(function.getName().str());
    if (!entries.empty() && !llvm::is_contained(entries, function.getName()))
      function.setPrivate();
  }
  for (const std::string &entry : entries)
    if (!llvm::is_contained(known, entry))
      return llvm::createStringError(
          "no public function @%s; there are: %s", entry.c_str(),
          known.empty() ? "none" : llvm::join(known, ", ").c_str());
  return llvm::Error::success();
}

LogicalResult mlir::prec::insertRounding(ModuleOp module, const Policy &policy,
                                         SiteReport *report) {
  PassManager pm(module.getContext());
  pm.addPass(createInsertRounding(policy, report));
  return pm.run(module);
}

LogicalResult mlir::prec::lower(ModuleOp module,
                                const CodegenOptions &options) {
  MLIRContext *context = module.getContext();
  // Functions are lowered one beside another; whoever runs a model needs no
  // threads before and after.
  context->enableMultithreading();
  auto threads = llvm::scope_exit([&] { context->disableMultithreading(); });
  PassManager pm(context);
  // Verifying after each of the passes takes a third of their time; tests of
  // the passes do it, here once is enough.
  pm.enableVerifier(false);
  auto survival = addSurvivalCheck(pm);
  buildCodegenPipeline(pm, options);
  return success(succeeded(pm.run(module)) && !survival->lostOne &&
                 succeeded(verify(module)));
}

llvm::Expected<Engine> mlir::prec::compile(ModuleOp module,
                                           const Policy &policy,
                                           CompileOptions options,
                                           Timing &timing) {
  auto failed = [] { return llvm::createStringError("compilation failed"); };
  double start = now();
  auto finish = [&](StringRef phase) {
    addPhase(timing, phase, now() - start);
    start = now();
  };
  if (llvm::Error error = selectEntries(module, options.entries))
    return error;
  // Also without a policy: calls inlined, fast-math flags gone.
  if (mlir::failed(insertRounding(module, policy)))
    return failed();
  if (options.afterInsertion && mlir::failed(options.afterInsertion(module)))
    return failed();
  finish("insert");

  std::vector<Signature> entries;
  for (func::FuncOp function : entriesOf(module)) {
    FailureOr<Signature> signature = readSignature(function);
    if (mlir::failed(signature))
      return failed();
    for (auto &[name, value] : contextDefaults(module))
      signature->parameters.push_back({name, value});
    entries.push_back(std::move(*signature));
  }
  auto builder = targetFor(options.engine.cpu, options.engine.optLevel);
  if (!builder)
    return builder.takeError();
  options.codegen.setTarget(builder->getTargetTriple().str(),
                            builder->getFeatures().getString());
  options.codegen.threads = resolveThreads(options.engine.threads);
  options.codegen.profile = options.observe.profile;
  options.codegen.trackBuffers = options.observe.memory;
  // Nothing below depends on more than this: a second run finds its object.
  options.engine.source = compilationKey(module, options.codegen);
  auto found = Engine::load(entries, options.engine);
  if (!found)
    return found.takeError();
  if (*found) {
    finish("link");
    timing.cacheHit = true;
    return std::move(**found);
  }
  if (mlir::failed(lower(module, options.codegen)))
    return failed();
  finish("lower");

  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> translated =
      translateToLLVMIR(module, *llvmContext);
  if (!translated)
    return failed();
  finish("translate");
  auto engine = Engine::create(std::move(translated), std::move(llvmContext),
                               std::move(entries), options.engine);
  if (!engine)
    return engine;
  addPhase(timing, "optimise", engine->report().optimise);
  addPhase(timing, "codegen", engine->report().codegen);
  addPhase(timing, "link", engine->report().link);
  timing.cacheHit = engine->report().cacheHit;
  return engine;
}
