// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A module large enough to be compiled in parts: functions call each other
// across them, constants and variables stay one.
#include "Expect.h"
#include "Lowered.h"
#include "prec/Execution/Engine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <thread>

using namespace mlir::prec;
using namespace mlir::prec::test;

static constexpr int kFunctions = 400;

/// @f0, @f1, ...: each adds its number and a constant without a name, counts
/// its call in @calls and calls the next one with ten times the sum, modulo
/// 65536. @_mlir_ciface_chain returns the result, 1000 for each call added.
static std::string chain() {
  std::string text = "@calls = internal global i32 0\n"
                     "@0 = private unnamed_addr constant i32 7\n";
  llvm::raw_string_ostream os(text);
  for (int i = 0; i < kFunctions; ++i) {
    os << "define internal i32 @f" << i << "(i32 %x) noinline {\n"
       << "  %n = load i32, ptr @calls\n  %m = add i32 %n, 1\n"
       << "  store volatile i32 %m, ptr @calls\n"
       << "  %c = load i32, ptr @0\n  %a = add i32 %x, %c\n"
       << "  %b = add i32 %a, " << i << "\n  %t = mul i32 %b, 10\n"
       << "  %r = and i32 %t, 65535\n";
    for (int k = 0; k < 8; ++k) // adds nothing, and is not known to
      os << "  %z" << k << " = load volatile i32, ptr @calls\n";
    if (i + 1 < kFunctions)
      os << "  %y = call i32 @f" << i + 1 << "(i32 %r)\n  ret i32 %y\n}\n";
    else
      os << "  ret i32 %r\n}\n";
  }
  os << R"(
define float @_mlir_ciface_chain(i32 %x, ptr %context) {
  store i32 0, ptr @calls
  %r = call i32 @f0(i32 %x)
  %n = load volatile i32, ptr @calls
  %many = mul i32 %n, 1000
  %sum = add i32 %many, %r
  %y = sitofp i32 %sum to float
  ret float %y
})";
  return text;
}

static float expected(uint32_t x) {
  for (uint32_t i = 0; i < kFunctions; ++i)
    x = (x + 7 + i) * 10 % 65536;
  return float(kFunctions * 1000 + x);
}

static uint64_t partsIn(const std::string &folder) {
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    auto file = llvm::MemoryBuffer::getFile(it->path());
    constexpr size_t header = 8 + 32; // a magic word and a hash
    return (*file)->getBuffer()[header];
  }
  return 0;
}

TEST(CompileParts, OneOrManyGiveTheSame) {
  ValueInfo number{"", ValueKind::Scalar, DType::I32, {}, ""};
  ValueInfo result{"", ValueKind::Scalar, DType::F32, {}, ""};
  Signature entry{"chain", {number}, {result}, {}};
  std::string text = chain();
  for (unsigned threads : {1u, 3u}) {
    TemporaryFolder folder;
    EngineOptions options;
    options.compileThreads = threads;
    options.cacheDirectory = folder.path;
    for (bool isSecond : {false, true}) {
      Engine engine = llvm::cantFail(build(text, entry, options));
      EXPECT_EQ(engine.report().cacheHit, isSecond);
      Tensor x = Tensor::scalar(int32_t(5));
      auto y = llvm::cantFail(engine.lookup("chain")).call({&x});
      EXPECT_EQ(valueOf(std::move(y))[0].span<float>()[0], expected(5));
    }
    EXPECT_LE(partsIn(folder.path), threads);
    EXPECT_EQ(partsIn(folder.path) > 1,
              threads > 1 && std::thread::hardware_concurrency() > 1);
  }
}
