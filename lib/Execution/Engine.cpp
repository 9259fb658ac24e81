// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles or loads objects, links them, finds their entries.
#include "CompileParts.h"
#include "EngineState.h"

#include "prec/Execution/Compiler.h"
#include "prec/Execution/ObjectCache.h"
#include "prec/Execution/Symbols.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/Threading.h"
#include <chrono>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {
/// Adds the seconds of its life to a number.
class Stopwatch {
public:
  explicit Stopwatch(double &seconds)
      : seconds(seconds), start(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
  }

private:
  double &seconds;
  std::chrono::steady_clock::time_point start;
};
} // namespace

/// Whatever is not an entry's wrapper is internal, so that what nobody needs
/// disappears.
static void internalise(llvm::Module &module,
                        const std::vector<Signature> &entries) {
  llvm::StringSet<> kept;
  for (const Signature &entry : entries)
    kept.insert(invokeName(entry.name));
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && !kept.contains(function.getName()))
      function.setLinkage(llvm::Function::InternalLinkage);
  for (llvm::GlobalVariable &global : module.globals())
    if (!global.isDeclaration() && !global.hasAppendingLinkage())
      global.setLinkage(llvm::GlobalVariable::InternalLinkage);
}

static std::string cacheKey(StringRef kind, StringRef content,
                            const llvm::TargetMachine &target, int optLevel) {
  std::string level = std::to_string(optLevel);
  return ObjectCache::key({"objects 3", kind, PREC_VERSION, LLVM_VERSION_STRING,
                           target.getTargetTriple().str(),
                           target.getTargetCPU(),
                           target.getTargetFeatureString(), level, content});
}

static std::string cacheKey(const llvm::Module &module,
                            const llvm::TargetMachine &target,
                            const EngineOptions &options) {
  if (!options.source.empty())
    return cacheKey("source", options.source, target, options.optLevel);
  llvm::SmallString<0> bitcode;
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  return cacheKey("module", bitcode, target, options.optLevel);
}

/// The folder of objects; none if there is no place for it or it is not wanted.
static std::optional<ObjectCache> openCache(const EngineOptions &options) {
  std::string directory = options.cacheDirectory.empty()
                              ? ObjectCache::defaultDirectory()
                              : options.cacheDirectory;
  if (!options.useCache || directory.empty())
    return std::nullopt;
  return ObjectCache(directory, options.cacheLimitBytes);
}

/// The objects of an earlier run, or none.
static std::vector<Buffer> loadObjects(const ObjectCache &cache,
                                       StringRef key) {
  Buffer text = cache.load(key);
  return text ? splitObjects(text->getBuffer()) : std::vector<Buffer>();
}

/// Optimises and emits, or loads what an earlier run made.
static Expected<std::vector<Buffer>>
makeObjects(llvm::Module &module, llvm::TargetMachine &target,
            const llvm::orc::JITTargetMachineBuilder &builder,
            const EngineOptions &options, EngineReport &report) {
  std::optional<ObjectCache> cache = openCache(options);
  std::string key;
  if (cache) {
    Stopwatch watch(report.link);
    key = cacheKey(module, target, options);
    std::vector<Buffer> objects = loadObjects(*cache, key);
    if (!objects.empty()) {
      report.cacheHit = true;
      return objects;
    }
  }
  auto objects = compileParts(
      module, target, builder, options.optLevel,
      llvm::hardware_concurrency(options.compileThreads).compute_thread_count(),
      report);
  if (objects && cache)
    if (Error error = cache->store(key, joinObjects(*objects)))
      report.cacheWarning = llvm::toString(std::move(error));
  return objects;
}

/// Defines what the objects leave open, from the list of Symbols.h.
static Error defineSymbols(llvm::orc::LLJIT &jit,
                           llvm::ArrayRef<Buffer> objects) {
  llvm::StringSet<> defined, open;
  for (const Buffer &object : objects) {
    auto file = llvm::object::ObjectFile::createObjectFile(*object);
    if (!file)
      return file.takeError();
    for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
      auto flags = symbol.getFlags();
      if (!flags)
        return flags.takeError();
      auto name = symbol.getName();
      if (!name)
        return name.takeError();
      if (!name->empty() && *name != "_GLOBAL_OFFSET_TABLE_")
        (*flags & llvm::object::SymbolRef::SF_Undefined ? open : defined)
            .insert(*name);
    }
  }
  llvm::orc::SymbolMap symbols;
  for (const auto &entry : open) {
    StringRef name = entry.first();
    if (defined.contains(name))
      continue;
    void *address = resolveSymbol(name);
    if (!address)
      return unresolvedSymbol(name);
    symbols[jit.mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  if (symbols.empty())
    return Error::success();
  return jit.getMainJITDylib().define(
      llvm::orc::absoluteSymbols(std::move(symbols)));
}

static Error link(Engine::State &state,
                  llvm::orc::JITTargetMachineBuilder builder,
                  std::vector<Buffer> objects) {
  Stopwatch watch(state.report.link);
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(builder))
                 .setLinkProcessSymbolsByDefault(false)
                 .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return jit.takeError();
  state.jit = std::move(*jit);
  if (Error error = defineSymbols(*state.jit, objects))
    return error;
  for (Buffer &object : objects)
    if (Error error = state.jit->addObjectFile(std::move(object)))
      return error;
  for (const Signature &entry : state.entries) {
    auto address = state.jit->lookup(invokeName(entry.name));
    if (!address)
      return address.takeError();
    state.invoke.push_back(address->toPtr<void (*)(void **)>());
  }
  return Error::success();
}

namespace {
/// The machine to compile for, in the two forms that LLVM has of it.
struct Target {
  llvm::orc::JITTargetMachineBuilder builder;
  std::unique_ptr<llvm::TargetMachine> machine;

  static Expected<Target> make(const EngineOptions &options) {
    if (options.optLevel < 0 || options.optLevel > 3)
      return createStringError("found optimisation level " +
                               llvm::Twine(options.optLevel) +
                               ", expected 0 to 3");
    auto builder = targetFor(options.cpu, options.optLevel);
    if (!builder)
      return builder.takeError();
    auto machine = builder->createTargetMachine();
    if (!machine)
      return machine.takeError();
    return Target{std::move(*builder), std::move(*machine)};
  }
};
} // namespace

static std::shared_ptr<Engine::State> makeState(std::vector<Signature> entries,
                                                const EngineOptions &options) {
  auto state = std::make_shared<Engine::State>();
  state->entries = std::move(entries);
  state->threads = options.threads;
  return state;
}

Expected<std::optional<Engine>> Engine::load(std::vector<Signature> entries,
                                             const EngineOptions &options) {
  std::optional<ObjectCache> cache = openCache(options);
  if (!cache || options.source.empty())
    return std::nullopt;
  auto target = Target::make(options);
  if (!target)
    return target.takeError();
  auto state = makeState(std::move(entries), options);
  std::vector<Buffer> objects;
  {
    Stopwatch watch(state->report.link);
    objects = loadObjects(*cache, cacheKey("source", options.source,
                                           *target->machine, options.optLevel));
  }
  if (objects.empty())
    return std::nullopt;
  state->report.cacheHit = true;
  if (Error error =
          link(*state, std::move(target->builder), std::move(objects)))
    return error;
  return Engine(std::move(state));
}

Expected<Engine> Engine::create(std::unique_ptr<llvm::Module> given,
                                std::unique_ptr<llvm::LLVMContext> givenContext,
                                std::vector<Signature> entries,
                                const EngineOptions &options) {
  // In this order the module goes before its context.
  std::unique_ptr<llvm::LLVMContext> context = std::move(givenContext);
  std::unique_ptr<llvm::Module> module = std::move(given);
  auto state = makeState(std::move(entries), options);
  auto target = Target::make(options);
  if (!target)
    return target.takeError();
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*module, &stream))
    return createStringError("the lowered module is not valid LLVM IR: " +
                             StringRef(problem).rtrim());
  for (const Signature &entry : state->entries)
    if (Error error = addInvoke(*module, entry))
      return error;
  internalise(*module, state->entries);
  setTarget(*module, *target->machine);
  if (Error error = checkCalls(*module))
    return error;
  auto objects = makeObjects(*module, *target->machine, target->builder,
                             options, state->report);
  if (!objects)
    return objects.takeError();
  module.reset();
  context.reset();
  if (Error error =
          link(*state, std::move(target->builder), std::move(*objects)))
    return error;
  return Engine(std::move(state));
}

const EngineReport &Engine::report() const { return state->report; }

std::vector<std::string> Engine::entryNames() const {
  std::vector<std::string> names;
  for (const Signature &entry : state->entries)
    names.push_back(entry.name);
  return names;
}

Expected<Function> Engine::lookup(StringRef name) const {
  std::string known;
  for (auto [index, entry] : llvm::enumerate(state->entries)) {
    if (entry.name == name) {
      Function function;
      function.state = state;
      function.info = &entry;
      function.invoke = state->invoke[index];
      return function;
    }
    known += (known.empty() ? "@" : ", @") + entry.name;
  }
  return createStringError("no entry @" + name + ", expected one of " + known);
}
