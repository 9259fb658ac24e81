// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From LLVM IR to functions that are called with tensors.
//
// The engine takes a module that Codegen lowered and whose public functions
// have MLIR's C interface: `_mlir_ciface_NAME` with
//   - a pointer to the results, laid out as a C struct, unless there is none or
//     a single scalar, which is returned;
//   - each argument: a scalar by value, a memref by pointer to its descriptor;
//   - last a `const int32_t *`, the context: the run-time parameters.
// It sets the target, runs LLVM's pipeline, emits an object, links it by ORC.
//
// Numbers: floating-point operations are never fused, reordered or contracted;
// llvm.fmuladd, which leaves that to the target, becomes llvm.fma. A program
// that needs a function of the host's math library is refused (Symbols.h).
// Instructions that flush subnormals (AVX512-BF16's conversions) are not used.
// Each call runs in nearest-even without flush-to-zero (FloatEnvironment.h).
//
// Threads: one engine may be used by several threads at once.
#ifndef PREC_EXECUTION_ENGINE_H
#define PREC_EXECUTION_ENGINE_H

#include "prec/Execution/Signature.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir::prec {

struct EngineOptions {
  /// 0: nothing; 1: LLVM's O1; 2: our list of LLVM's passes, with its loop
  /// vectoriser; 3: LLVM's O3, which is no faster and takes five times as long.
  int optLevel = 2;
  /// A processor as LLVM names it; empty: the one we run on.
  std::string cpu;
  /// Threads of parallel loops; 0: all cores.
  unsigned threads = 1;
  /// Threads that compile a large module at level 2; 0: all cores. The code
  /// does not depend on it.
  unsigned compileThreads = 0;
  /// Folder of compiled objects; empty: ObjectCache::defaultDirectory().
  std::string cacheDirectory;
  bool useCache = true;
  uint64_t cacheLimitBytes = uint64_t(512) << 20;
  /// All that decides the module, if the caller knows: the object is then found
  /// by it, before there is a module. Empty: found by the module's bitcode.
  std::string source;
};

/// Where the time went, in seconds, and what the cache did.
struct EngineReport {
  double optimise = 0, codegen = 0, link = 0;
  bool cacheHit = false;
  /// Why the object could not be stored; empty if it was, or no cache is used.
  std::string cacheWarning;
};

/// What code generation must know of the processor: LLVM's triple, and all its
/// features as "+avx2,+fma,...".
struct TargetInfo {
  std::string triple, features;
};
/// Errors: as Engine::create for an unknown processor.
llvm::Expected<TargetInfo> targetInfo(llvm::StringRef cpu = "");

class Function;

class Engine {
public:
  /// Compiles all entries. Errors: the module is not valid, an entry is missing
  /// or does not fit its signature, an unknown processor or one that has more
  /// than ours, a call that cannot be resolved.
  static llvm::Expected<Engine>
  create(std::unique_ptr<llvm::Module> module,
         std::unique_ptr<llvm::LLVMContext> context,
         std::vector<Signature> entries, const EngineOptions &options = {});

  /// The engine of an object that an earlier `create` stored under the same
  /// `options.source`; none if there is none. Errors: an unknown processor, a
  /// call that cannot be resolved.
  static llvm::Expected<std::optional<Engine>>
  load(std::vector<Signature> entries, const EngineOptions &options);

  const EngineReport &report() const;
  std::vector<std::string> entryNames() const;
  /// Errors: no entry of that name; the message lists those there are.
  llvm::Expected<Function> lookup(llvm::StringRef name) const;

  struct State;

private:
  explicit Engine(std::shared_ptr<const State> state)
      : state(std::move(state)) {}
  std::shared_ptr<const State> state;
};

/// One entry. It keeps the engine's code alive.
class Function {
public:
  const Signature &signature() const { return *info; }

  /// Calls the function. A scalar argument is a tensor without dimensions;
  /// memref arguments are written in place. `context` has one number for each
  /// of the signature's parameters; empty: their defaults. The results are
  /// fresh tensors, scalars without dimensions.
  /// Errors: what checkArguments finds, a context of another length.
  llvm::Expected<std::vector<Tensor>>
  call(llvm::ArrayRef<Tensor *> arguments,
       llvm::ArrayRef<int32_t> context = {}) const;

  /// The defaults of the signature's parameters.
  std::vector<int32_t> defaultContext() const;

private:
  friend class Engine;
  std::shared_ptr<const Engine::State> state;
  const Signature *info = nullptr;
  void (*invoke)(void **) = nullptr;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_ENGINE_H
