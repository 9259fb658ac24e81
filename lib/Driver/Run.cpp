// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments from files, the call, results to files.
#include "prec/Driver/Run.h"
#include "prec/Driver/Observe.h"
#include "prec/Execution/Buffers.h"
#include "prec/Execution/Files.h"
#include "prec/Execution/Npy.h"
#include "prec/Transforms/RandomWords.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::prec;

std::vector<int32_t> mlir::prec::contextFor(const Function &function,
                                            uint32_t step) {
  std::vector<int32_t> context = function.defaultContext();
  for (auto [slot, value] :
       llvm::zip_equal(function.signature().parameters, context))
    if (slot.name == stepParameter)
      value = static_cast<int32_t>(step);
  return context;
}

/// The entry that the user named, or the only one.
static llvm::Expected<std::string> entryOf(const Engine &engine,
                                           StringRef given) {
  if (!given.empty())
    return given.str();
  std::vector<std::string> names = engine.entryNames();
  if (names.size() == 1)
    return names[0];
  if (names.empty())
    return llvm::createStringError("the model has no public function to run");
  return llvm::createStringError(
      "the model has %zu public functions; name one with --entry: %s",
      names.size(), llvm::join(names, ", ").c_str());
}

static std::vector<NamedFile> parseFiles(ArrayRef<std::string> texts) {
  std::vector<NamedFile> files;
  for (const std::string &text : texts)
    files.push_back(NamedFile::parse(text));
  return files;
}

llvm::Error mlir::prec::runModel(const RunOptions &options, raw_ostream &os) {
  Timing timing;
  llvm::Expected<Model> model = Model::load(options.model, timing);
  if (!model)
    return model.takeError();
  CompileOptions compileOptions = options.compile;
  if (!options.entry.empty())
    compileOptions.entries = {options.entry};
  llvm::Expected<Engine> engine =
      compile(model->module(), options.policy, compileOptions, timing);
  if (!engine)
    return engine.takeError();
  llvm::Expected<std::string> entry = entryOf(*engine, options.entry);
  if (!entry)
    return entry.takeError();
  llvm::Expected<Function> function = engine->lookup(*entry);
  if (!function)
    return function.takeError();

  const Signature &signature = function->signature();
  llvm::Expected<std::vector<Tensor>> arguments =
      readArguments(signature, parseFiles(options.inputs), options.weights);
  if (!arguments)
    return arguments.takeError();

  llvm::Expected<Observation> seen =
      Observation::begin(options.compile.observe);
  if (!seen)
    return seen.takeError();
  std::vector<int32_t> numbers = contextFor(*function, options.step);
  std::vector<Tensor> copies, results;
  for (unsigned i = 0; i < options.repeat; ++i) {
    // Fresh copies of memref arguments, which are written.
    copies.clear();
    copies.resize(arguments->size());
    std::vector<Tensor *> pointers;
    for (auto [value, tensor, copy] :
         llvm::zip_equal(signature.arguments, *arguments, copies)) {
      bool isWritten = value.kind == ValueKind::Memref;
      if (isWritten)
        copy = tensor.clone();
      pointers.push_back(isWritten ? &copy : &tensor);
    }
    double start = now();
    llvm::Expected<std::vector<Tensor>> called =
        function->call(pointers, numbers);
    timing.runSeconds.push_back(now() - start);
    if (!called)
      return called.takeError();
    results = std::move(*called);
  }
  if (llvm::Error error = seen->finish(compileOptions.engine, llvm::errs()))
    return error;
  if (llvm::Error error = writeOutputs(signature, results, copies,
                                       parseFiles(options.outputs), os))
    return error;
  return writeTiming(options.timingFile, timing);
}

llvm::Error mlir::prec::writeTiming(StringRef path, Timing timing) {
  if (path.empty())
    return llvm::Error::success();
  timing.peakBytes = buffers::statistics().peakBytes;
  return writeFile(path, llvm::arrayRefFromStringRef(toJson(timing) + "\n"));
}
