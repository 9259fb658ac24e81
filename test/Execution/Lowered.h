// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small functions as MLIR lowers them with its C interface, and their
// compilation.
#ifndef PREC_TEST_EXECUTION_LOWERED_H
#define PREC_TEST_EXECUTION_LOWERED_H

#include "Expect.h"
#include "prec/Execution/Engine.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/Support/SourceMgr.h"

namespace mlir::prec::test {

inline bool isX86() {
#if defined(__x86_64__)
  return true;
#else
  return false;
#endif
}

inline llvm::Expected<Engine> build(llvm::StringRef text, Signature entry,
                                    const EngineOptions &options) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module =
      llvm::parseAssemblyString(text, diagnostic, *context);
  if (!module)
    return llvm::createStringError("test's IR: " + diagnostic.getMessage() +
                                   " in line " +
                                   llvm::Twine(diagnostic.getLineNo()));
  return Engine::create(std::move(module), std::move(context),
                        {std::move(entry)}, options);
}

/// Compiles without a cache; an error ends the test program.
inline Function compile(llvm::StringRef text, const Signature &entry,
                        EngineOptions options = {}) {
  options.useCache = false;
  auto engine = build(text, entry, options);
  if (!engine)
    llvm::report_fatal_error(engine.takeError());
  return llvm::cantFail(engine->lookup(entry.name));
}

inline std::string failureOf(llvm::StringRef text, const Signature &entry,
                             EngineOptions options = {}) {
  options.useCache = false;
  return messageOf(build(text, entry, options));
}

/// y[i] = x[i] * s + context[0]
inline constexpr char kScale[] = R"(
%memref = type { ptr, ptr, i64, [1 x i64], [1 x i64] }
declare ptr @malloc(i64)
define void @_mlir_ciface_scale(ptr %result, ptr %x, float %s, ptr %context) {
  %offset.i = load i32, ptr %context
  %offset = sitofp i32 %offset.i to float
  %data.p = getelementptr %memref, ptr %x, i32 0, i32 1
  %data = load ptr, ptr %data.p
  %size.p = getelementptr %memref, ptr %x, i32 0, i32 3
  %size = load i64, ptr %size.p
  %bytes = mul i64 %size, 4
  %block = call ptr @malloc(i64 %bytes)
  br label %check
check:
  %i = phi i64 [ 0, %0 ], [ %next, %loop ]
  %more = icmp slt i64 %i, %size
  br i1 %more, label %loop, label %done
loop:
  %x.p = getelementptr float, ptr %data, i64 %i
  %v = load float, ptr %x.p
  %scaled = fmul float %v, %s
  %sum = fadd float %scaled, %offset
  %y.p = getelementptr float, ptr %block, i64 %i
  store float %sum, ptr %y.p
  %next = add i64 %i, 1
  br label %check
done:
  %r0 = insertvalue %memref poison, ptr %block, 0
  %r1 = insertvalue %memref %r0, ptr %block, 1
  %r2 = insertvalue %memref %r1, i64 0, 2
  %r3 = insertvalue %memref %r2, i64 %size, 3, 0
  %r4 = insertvalue %memref %r3, i64 1, 4, 0
  store %memref %r4, ptr %result
  ret void
})";

/// The first element of x.
inline constexpr char kFirst[] = R"(
define float @_mlir_ciface_first(ptr %x, ptr %labels, ptr %context) {
  %data.p = getelementptr i8, ptr %x, i64 8
  %data = load ptr, ptr %data.p
  %v = load float, ptr %data
  ret float %v
})";

/// true, 0.5 and x itself
inline constexpr char kPacked[] = R"(
%memref = type { ptr, ptr, i64, [1 x i64], [1 x i64] }
define void @_mlir_ciface_packed(ptr %result, ptr %x, ptr %context) {
  %m = load %memref, ptr %x
  %r0 = insertvalue { i1, double, %memref } poison, i1 true, 0
  %r1 = insertvalue { i1, double, %memref } %r0, double 0.5, 1
  %r2 = insertvalue { i1, double, %memref } %r1, %memref %m, 2
  store { i1, double, %memref } %r2, ptr %result
  ret void
})";

/// One block {7, 8} forwards, and the same block backwards.
inline constexpr char kTwice[] = R"(
%memref = type { ptr, ptr, i64, [1 x i64], [1 x i64] }
declare ptr @malloc(i64)
define void @_mlir_ciface_twice(ptr %result, ptr %context) {
  %block = call ptr @malloc(i64 8)
  store float 7.0, ptr %block
  %last = getelementptr float, ptr %block, i64 1
  store float 8.0, ptr %last
  %a0 = insertvalue %memref poison, ptr %block, 0
  %a1 = insertvalue %memref %a0, ptr %block, 1
  %a2 = insertvalue %memref %a1, i64 0, 2
  %a3 = insertvalue %memref %a2, i64 2, 3, 0
  %a = insertvalue %memref %a3, i64 1, 4, 0
  %b2 = insertvalue %memref %a, i64 1, 2
  %b = insertvalue %memref %b2, i64 -1, 4, 0
  %r0 = insertvalue { %memref, %memref } poison, %memref %a, 0
  %r1 = insertvalue { %memref, %memref } %r0, %memref %b, 1
  store { %memref, %memref } %r1, ptr %result
  ret void
})";

/// Negates two floats in place.
inline constexpr char kNegate[] = R"(
define void @_mlir_ciface_negate(ptr %m, ptr %context) {
  %data.p = getelementptr i8, ptr %m, i64 8
  %data = load ptr, ptr %data.p
  %v = load <2 x float>, ptr %data, align 4
  %n = fneg <2 x float> %v
  store <2 x float> %n, ptr %data, align 4
  ret void
})";

/// a * a + c in two roundings, and in one.
inline constexpr char kMulAdd[] = R"(
declare float @llvm.fmuladd.f32(float, float, float)
define float @_mlir_ciface_plain(float %a, float %c, ptr %context) {
  %p = fmul float %a, %a
  %s = fadd float %p, %c
  ret float %s
}
define float @_mlir_ciface_fused(float %a, float %c, ptr %context) {
  %s = call float @llvm.fmuladd.f32(float %a, float %a, float %c)
  ret float %s
})";

/// x as half, as bfloat, and as half and back.
inline constexpr char kNarrow[] = R"(
define void @_mlir_ciface_narrow(ptr %result, float %x, ptr %context) {
  %h = fptrunc float %x to half
  %b = fptrunc float %x to bfloat
  %f = fpext half %h to float
  %r0 = insertvalue { half, bfloat, float } poison, half %h, 0
  %r1 = insertvalue { half, bfloat, float } %r0, bfloat %b, 1
  %r2 = insertvalue { half, bfloat, float } %r1, float %f, 2
  store { half, bfloat, float } %r2, ptr %result
  ret void
})";

/// Each thread t of the pool writes 3 x into element t; element 3 becomes the
/// number of threads.
inline constexpr char kParallel[] = R"(
%ident = type { i32, i32, i32, i32, ptr }
@text = private constant [23 x i8] c";unknown;unknown;0;0;;\00"
@location = private constant %ident { i32 0, i32 2, i32 0, i32 22, ptr @text }
declare void @__kmpc_fork_call(ptr, i32, ptr, ...)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
define void @body(ptr %global, ptr %bound, ptr %data, ptr %x) {
  %thread = call i32 @omp_get_thread_num()
  %v = load float, ptr %x
  %y = fmul float %v, 3.0
  %place = getelementptr float, ptr %data, i32 %thread
  store float %y, ptr %place
  %first = icmp eq i32 %thread, 0
  br i1 %first, label %count, label %done
count:
  %threads = call i32 @omp_get_num_threads()
  %last = getelementptr i32, ptr %data, i32 3
  store i32 %threads, ptr %last
  br label %done
done:
  ret void
}
define void @_mlir_ciface_fill(ptr %m, float %x, ptr %context) {
  %x.p = alloca float
  store float %x, ptr %x.p
  %data.p = getelementptr i8, ptr %m, i64 8
  %data = load ptr, ptr %data.p
  call void (ptr, i32, ptr, ...) @__kmpc_fork_call(ptr @location, i32 2, ptr @body, ptr %data, ptr %x.p)
  ret void
})";

inline constexpr char kExp[] = R"(
declare float @llvm.exp.f32(float)
define float @_mlir_ciface_e(float %x, ptr %context) {
  %y = call float @llvm.exp.f32(float %x)
  ret float %y
})";

inline constexpr char kExpf[] = R"(
declare float @expf(float)
define float @_mlir_ciface_e(float %x, ptr %context) {
  %y = call float @expf(float %x)
  ret float %y
})";

} // namespace mlir::prec::test

#endif // PREC_TEST_EXECUTION_LOWERED_H
