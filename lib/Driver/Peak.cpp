// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a processor and its memory can do, by short measured loops.
#include "prec/Driver/Observe.h"
#include "prec/Execution/Buffers.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/Threading.h"

#include <cstring>

using namespace mlir;
using namespace mlir::prec;

/// Accumulators of a loop: enough to hide the latency of an fma, few enough
/// for the registers that every target has.
static constexpr unsigned kChains = 12;

/// `float NAME(float x, const int32_t *count)`: for each of *count trips an fma
/// on each of the chains.
static void addLoop(llvm::Module &module, StringRef name, unsigned lanes,
                    bool isDouble) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *single = llvm::Type::getFloatTy(context);
  llvm::Type *element = isDouble ? llvm::Type::getDoubleTy(context) : single;
  auto *vector = llvm::FixedVectorType::get(element, lanes);
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(single, {single, pointer}, false),
      llvm::Function::ExternalLinkage, "_mlir_ciface_" + name, module);
  auto *entry = llvm::BasicBlock::Create(context, "entry", function);
  auto *loop = llvm::BasicBlock::Create(context, "loop", function);
  auto *exit = llvm::BasicBlock::Create(context, "exit", function);
  llvm::IRBuilder<> b(entry);
  llvm::Type *word = b.getInt32Ty();
  llvm::Value *count = b.CreateLoad(word, function->getArg(1));
  llvm::Value *given = function->getArg(0);
  if (isDouble)
    given = b.CreateFPExt(given, element);
  llvm::Value *factor = b.CreateVectorSplat(lanes, given);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  llvm::PHINode *trip = b.CreatePHI(word, 2);
  trip->addIncoming(b.getInt32(0), entry);
  SmallVector<llvm::PHINode *> chains;
  for (unsigned i = 0; i < kChains; ++i) {
    chains.push_back(b.CreatePHI(vector, 2));
    chains.back()->addIncoming(
        llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(lanes),
                                       llvm::ConstantFP::get(element, i)),
        entry);
  }
  SmallVector<llvm::Value *> sums;
  for (llvm::PHINode *chain : chains) {
    sums.push_back(b.CreateIntrinsic(llvm::Intrinsic::fma, {vector},
                                     {chain, factor, factor}));
    chain->addIncoming(sums.back(), loop);
  }
  llvm::Value *following = b.CreateAdd(trip, b.getInt32(1));
  trip->addIncoming(following, loop);
  b.CreateCondBr(b.CreateICmpULT(following, count), loop, exit);
  b.SetInsertPoint(exit);
  // So that every chain is needed.
  llvm::Value *sum = sums[0];
  for (llvm::Value *other : ArrayRef(sums).drop_front())
    sum = b.CreateFAdd(sum, other);
  llvm::Value *first = b.CreateExtractElement(sum, uint64_t(0));
  b.CreateRet(isDouble ? b.CreateFPTrunc(first, single) : first);
}

/// Operations a second of one thread: the best of some runs of 2 ms.
static llvm::Expected<double> rateOf(const Engine &engine, StringRef name,
                                     unsigned lanes) {
  llvm::Expected<Function> function = engine.lookup(name);
  if (!function)
    return function.takeError();
  Tensor factor = Tensor::scalar(0.5f);
  Tensor *arguments[] = {&factor};
  int32_t trips = 1000;
  double best = 0;
  for (int run = 0; run < 12;) {
    double start = now();
    auto results = function->call(arguments, {trips});
    double seconds = now() - start;
    if (!results)
      return results.takeError();
    if (seconds < 2e-3 && trips < 100'000'000) {
      trips *= 2;
      continue;
    }
    best = std::max(best, 2.0 * kChains * lanes * trips / seconds);
    ++run;
  }
  return best;
}

/// Bytes a second, read and written.
static double copyRate() {
  constexpr size_t size = size_t(64) << 20;
  auto *from = static_cast<char *>(buffers::allocate(size));
  auto *to = static_cast<char *>(buffers::allocate(size));
  std::memset(from, 1, size);
  std::memset(to, 2, size);
  double best = 0;
  for (int run = 0; run < 4; ++run) {
    double start = now();
    std::memcpy(to, from, size);
    best = std::max(best, 2.0 * double(size) / (now() - start));
    from[run] = to[size - 1 - size_t(run)];
  }
  buffers::release(from);
  buffers::release(to);
  return best;
}

llvm::Expected<MachinePeak>
mlir::prec::measurePeak(const EngineOptions &given) {
  EngineOptions options = given;
  options.source.clear();
  options.useCache = false;
  options.threads = 1;
  llvm::Expected<TargetInfo> target = targetInfo(options.cpu);
  if (!target)
    return target.takeError();
  CodegenOptions vectors;
  vectors.setTarget(target->triple, target->features);
  MachinePeak peak;
  peak.vectorBits = vectors.vectorBits;
  peak.threads = given.threads
                     ? given.threads
                     : llvm::hardware_concurrency().compute_thread_count();
  unsigned lanes = vectors.vectorBits / 32;
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("peak", *context);
  addLoop(*module, "f32", lanes, false);
  addLoop(*module, "f64", lanes / 2, true);
  std::vector<Signature> entries(2);
  constexpr llvm::StringLiteral names[] = {"f32", "f64"};
  for (auto [entry, name] : llvm::zip_equal(entries, names)) {
    ValueInfo scalar;
    scalar.kind = ValueKind::Scalar;
    scalar.dtype = DType::F32;
    entry.name = name.str();
    entry.arguments = {scalar};
    entry.results = {scalar};
    entry.parameters = {{"count", 1}};
  }
  llvm::Expected<Engine> engine = Engine::create(
      std::move(module), std::move(context), std::move(entries), options);
  if (!engine)
    return engine.takeError();
  llvm::Expected<double> flops32 = rateOf(*engine, "f32", lanes);
  if (!flops32)
    return flops32.takeError();
  llvm::Expected<double> flops64 = rateOf(*engine, "f64", lanes / 2);
  if (!flops64)
    return flops64.takeError();
  peak.flops32 = *flops32 * peak.threads;
  peak.flops64 = *flops64 * peak.threads;
  peak.bytes = copyRate();
  return peak;
}
