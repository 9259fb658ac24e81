// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A module compiled and called from another language: the C interface that the
// Python front ends load.
//
// Functions that can fail return null or non-zero and write a message, cut to
// `size` bytes, to `error`. Diagnostics with a place in the module go to
// standard error. Several threads may call one engine; nothing here throws.
#include "prec/Driver/Compile.h"
#include "prec/Driver/Run.h"
#include "prec/Policy/PolicyBuilder.h"

#include <cstring>

using namespace mlir;
using namespace mlir::prec;

namespace {
struct CompiledModule {
  Function function;
  std::string signature;
};
} // namespace

static void write(llvm::Error failure, char *error, size_t size) {
  std::string text = llvm::toString(std::move(failure));
  size_t length = std::min(text.size(), size - 1);
  std::memcpy(error, text.data(), length);
  error[length] = 0;
}

/// "f32 2 3 4": the dtype, then the sizes (-1: any).
static std::string describeType(const ValueInfo &info) {
  std::string text = toString(info.dtype).str();
  for (int64_t dim : info.shape)
    text += " " + std::to_string(std::max<int64_t>(dim, -1));
  return text;
}

static llvm::Expected<CompiledModule> build(const char *text, const char *name,
                                            const char *const *flags,
                                            unsigned threads, bool useCache) {
  PolicyBuilder builder;
  for (; flags && flags[0]; flags += 2)
    if (llvm::Error failure = builder.apply(flags[0], flags[1]))
      return failure;
  llvm::Expected<Policy> policy = builder.finish();
  if (!policy)
    return policy.takeError();
  llvm::Expected<Model> model = Model::parse(text, name);
  if (!model)
    return model.takeError();
  CompileOptions options;
  options.engine.threads = threads;
  options.engine.useCache = useCache;
  Timing timing;
  // The first error, for whom standard error does not reach.
  std::string first;
  mlir::ScopedDiagnosticHandler keep(
      model->module()->getContext(), [&](mlir::Diagnostic &diagnostic) {
        if (first.empty() &&
            diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          first = ": " + diagnostic.str();
        return mlir::failure();
      });
  llvm::Expected<Engine> engine =
      compile(model->module(), *policy, std::move(options), timing);
  if (!engine)
    return llvm::createStringError(llvm::toString(engine.takeError()) + first);
  std::vector<std::string> entries = engine->entryNames();
  if (entries.size() != 1)
    return llvm::createStringError("found %zu public functions, expected one",
                                   entries.size());
  llvm::Expected<Function> function = engine->lookup(entries.front());
  if (!function)
    return function.takeError();
  std::string signature;
  for (const ValueInfo &info : function->signature().arguments)
    signature += describeType(info) + "\n";
  signature += "->\n";
  for (const ValueInfo &info : function->signature().results)
    signature += describeType(info) + "\n";
  return CompiledModule{std::move(*function), std::move(signature)};
}

/// Compiles the one public function of a module in MLIR. `flags`: names and
/// values of precision flags in turn, ended by null.
extern "C" void *precCompile(const char *text, const char *name,
                             const char *const *flags, unsigned threads,
                             int useCache, char *error, size_t size) {
  llvm::Expected<CompiledModule> made =
      build(text, name, flags, threads, useCache != 0);
  if (made)
    return new CompiledModule(std::move(*made));
  write(made.takeError(), error, size);
  return nullptr;
}

extern "C" void precRelease(void *engine) {
  delete static_cast<CompiledModule *>(engine);
}

/// Types of arguments, a line "->", types of results, one a line.
extern "C" const char *precSignature(const void *engine) {
  return static_cast<const CompiledModule *>(engine)->signature.c_str();
}

/// Calls the function. `arguments[i]` has the elements of argument i in
/// row-major order, which are only read, `shapes[i]` its sizes. Results must
/// have known sizes: result i is written to `results[i]`, or, where that is
/// null and there are elements, stays in a block that belongs to the caller:
/// `results[i]` is then the place of its elements, and `owners[i]` what
/// precDrop frees. `step` is for random bits and schedules.
extern "C" int precCall(const void *engine, uint32_t step,
                        const void *const *arguments,
                        const int64_t *const *shapes, void **results,
                        void **owners, char *error, size_t size) {
  const Function &function =
      static_cast<const CompiledModule *>(engine)->function;
  const Signature &signature = function.signature();
  std::vector<Tensor> views;
  std::vector<Tensor *> pointers;
  views.reserve(signature.arguments.size());
  for (auto [i, info] : llvm::enumerate(signature.arguments))
    pointers.push_back(&views.emplace_back(
        Tensor::view(info.dtype, llvm::ArrayRef(shapes[i], info.shape.size()),
                     const_cast<void *>(arguments[i]))));
  llvm::Expected<std::vector<Tensor>> made =
      function.call(pointers, contextFor(function, step));
  if (!made) {
    write(made.takeError(), error, size);
    return 1;
  }
  for (auto [tensor, info] : llvm::zip(*made, signature.results))
    if (tensor.shape() != llvm::ArrayRef<int64_t>(info.shape)) {
      write(
          llvm::createStringError("a result's size is known at run time only"),
          error, size);
      return 1;
    }
  for (auto [i, tensor] : llvm::enumerate(*made)) {
    if (results[i])
      std::memcpy(results[i], tensor.data(), tensor.byteSize());
    if (results[i] || tensor.size() == 0)
      continue;
    results[i] = tensor.data();
    owners[i] = new Tensor(std::move(tensor));
  }
  return 0;
}

/// Frees a result that precCall left to the caller.
extern "C" void precDrop(void *owner) { delete static_cast<Tensor *>(owner); }
