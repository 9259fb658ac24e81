// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Splits a module by functions; each thread has a context of its own, into
// which it reads the bodies of its functions.
#include "CompileParts.h"

#include "prec/Execution/Compiler.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include <chrono>
#include <thread>

using namespace mlir::prec;
using llvm::Error;
using llvm::Expected;

/// Instructions that are worth a thread.
static constexpr size_t kPartSize = 2000;

static double seconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

/// Blocks that only call kernels, hundreds of them: schedulers compare each
/// call with each other, for nothing.
static void leaveAsIs(llvm::Module &module) {
  constexpr ptrdiff_t kManyCalls = 100;
  for (llvm::Function &function : module) {
    bool isLong = llvm::any_of(function, [](const llvm::BasicBlock &block) {
      return llvm::count_if(block, [](const llvm::Instruction &instruction) {
               auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
               return call && !llvm::isa<llvm::IntrinsicInst>(call);
             }) >= kManyCalls;
    });
    if (!isLong)
      continue;
    function.addFnAttr(llvm::Attribute::OptimizeNone);
    function.addFnAttr(llvm::Attribute::NoInline);
  }
}

static Expected<Buffer> compileOne(llvm::Module &module,
                                   llvm::TargetMachine &target, int optLevel,
                                   EngineReport &report) {
  double start = seconds();
  optimise(module, target, optLevel);
  leaveAsIs(module);
  double middle = seconds();
  auto object = emitObject(module, target);
  report.optimise += middle - start;
  report.codegen += seconds() - middle;
  if (!object)
    return object.takeError();
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(*object), "prec", /*RequiresNullTerminator=*/false);
}

/// The names of each part's functions, equally much code in each; what is
/// visible from outside is in the first.
static std::vector<llvm::StringSet<>> partsOf(const llvm::Module &module,
                                              unsigned most) {
  std::vector<std::pair<size_t, const llvm::Function *>> functions;
  size_t total = 0, fixed = 0;
  for (const llvm::Function &function : module) {
    size_t size = function.getInstructionCount();
    total += size;
    if (!function.hasLocalLinkage())
      fixed += size;
    else if (!function.isDeclaration())
      functions.push_back({size, &function});
  }
  size_t count = std::min<size_t>(most, total / kPartSize);
  std::vector<llvm::StringSet<>> parts(std::max<size_t>(count, 1));
  std::vector<size_t> sizes(parts.size());
  sizes[0] = fixed;
  llvm::sort(functions, [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first
                              : a.second->getName() < b.second->getName();
  });
  for (auto [size, function] : functions) {
    size_t least = size_t(llvm::min_element(sizes) - sizes.begin());
    parts[least].insert(function->getName());
    sizes[least] += size;
  }
  return parts;
}

/// Everything can be seen from other parts, and may be far from here.
static void exposeAll(llvm::Module &module) {
  for (llvm::GlobalValue &value : module.global_values()) {
    if (!value.hasLocalLinkage())
      continue;
    if (!value.hasName())
      value.setName("unnamed");
    value.setLinkage(llvm::GlobalValue::ExternalLinkage);
    value.setDSOLocal(false);
  }
}

/// Leaves the functions of `kept` in a part that is not the first.
static Error reduce(llvm::Module &part, const llvm::StringSet<> &kept) {
  for (llvm::Function &function : part)
    if (kept.contains(function.getName())) {
      if (Error error = function.materialize())
        return error;
    } else if (!function.isDeclaration()) {
      function.deleteBody();
      function.setDSOLocal(false);
    }
  for (llvm::GlobalVariable &global : part.globals()) {
    if (global.isDeclaration() || global.hasAppendingLinkage())
      continue;
    global.setInitializer(nullptr);
    global.setLinkage(llvm::GlobalValue::ExternalLinkage);
  }
  return part.materializeAll();
}

static Expected<Buffer> compileFrom(llvm::MemoryBufferRef bitcode,
                                    const llvm::StringSet<> &kept,
                                    llvm::orc::JITTargetMachineBuilder builder,
                                    int optLevel) {
  llvm::LLVMContext context;
  auto module = llvm::getLazyBitcodeModule(bitcode, context);
  if (!module)
    return module.takeError();
  if (Error error = reduce(**module, kept))
    return error;
  auto target = builder.createTargetMachine();
  if (!target)
    return target.takeError();
  EngineReport unused;
  return compileOne(**module, **target, optLevel, unused);
}

Expected<std::vector<Buffer>>
mlir::prec::compileParts(llvm::Module &module, llvm::TargetMachine &target,
                         llvm::orc::JITTargetMachineBuilder builder,
                         int optLevel, unsigned most, EngineReport &report) {
  bool isSplit = optLevel == 2 && llvm::none_of(module.globals(), [](auto &g) {
                   return g.hasAppendingLinkage();
                 });
  std::vector<llvm::StringSet<>> parts = partsOf(module, isSplit ? most : 1);
  llvm::SmallVector<char, 0> bitcode;
  if (parts.size() > 1) {
    exposeAll(module);
    llvm::raw_svector_ostream stream(bitcode);
    llvm::WriteBitcodeToFile(module, stream);
    for (const llvm::StringSet<> &others : llvm::ArrayRef(parts).drop_front())
      for (const auto &entry : others)
        module.getFunction(entry.first())->deleteBody();
  }
  std::vector<std::optional<Expected<Buffer>>> made(parts.size());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); ++i)
    threads.emplace_back([&, i] {
      made[i].emplace(
          compileFrom({llvm::StringRef(bitcode.data(), bitcode.size()), "prec"},
                      parts[i], builder, optLevel));
    });
  made[0].emplace(compileOne(module, target, optLevel, report));
  double start = seconds();
  for (std::thread &thread : threads)
    thread.join();
  report.codegen += seconds() - start;
  std::vector<Buffer> objects;
  Error errors = Error::success();
  for (std::optional<Expected<Buffer>> &object : made)
    if (*object)
      objects.push_back(std::move(**object));
    else
      errors = llvm::joinErrors(std::move(errors), object->takeError());
  if (errors)
    return errors;
  return objects;
}

// Text: the number of objects and their sizes, 64 bits each, then the objects.

std::string mlir::prec::joinObjects(llvm::ArrayRef<Buffer> objects) {
  std::string text;
  auto append = [&](uint64_t number) {
    char bytes[8];
    llvm::support::endian::write64le(bytes, number);
    text.append(bytes, sizeof bytes);
  };
  append(objects.size());
  for (const Buffer &object : objects)
    append(object->getBufferSize());
  for (const Buffer &object : objects)
    text += object->getBuffer();
  return text;
}

std::vector<Buffer> mlir::prec::splitObjects(llvm::StringRef text) {
  auto take = [&]() -> uint64_t {
    if (text.size() < 8)
      return 0;
    uint64_t number = llvm::support::endian::read64le(text.data());
    text = text.drop_front(8);
    return number;
  };
  uint64_t count = take();
  if (count > text.size() / 8)
    return {};
  std::vector<uint64_t> sizes(count);
  for (uint64_t &size : sizes)
    size = take();
  std::vector<Buffer> objects;
  for (uint64_t size : sizes) {
    if (size > text.size())
      return {};
    objects.push_back(
        llvm::MemoryBuffer::getMemBufferCopy(text.take_front(size), "prec"));
    text = text.drop_front(size);
  }
  return objects;
}
