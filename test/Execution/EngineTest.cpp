// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The engine on LLVM IR written by hand as Codegen lowers functions.
#include "prec/Execution/Engine.h"
#include "Expect.h"
#include "Lowered.h"
#include "prec/Execution/Buffers.h"
#include "prec/Execution/FloatEnvironment.h"
#include <cmath>
#include <thread>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::ElementsAre;
using testing::HasSubstr;

static const ValueInfo kVector{"x", ValueKind::Tensor, DType::F32, {-2}, ""};
static const ValueInfo kScalar{"s", ValueKind::Scalar, DType::F32, {}, ""};

static std::vector<Tensor> call(const Function &function,
                                std::vector<Tensor *> arguments,
                                std::vector<int32_t> context = {}) {
  return valueOf(function.call(arguments, context));
}

TEST(Engine, ScaledVectorWithContext) {
  Signature entry{"scale", {kVector, kScalar}, {kVector}, {{"offset", 100}}};
  Function scale = compile(kScale, entry);
  Tensor x = Tensor::of<float>({3}, {1, 2, 3}), s = Tensor::scalar(2.0f);
  uint64_t live = buffers::statistics().liveBlocks;
  {
    std::vector<Tensor> y = call(scale, {&x, &s});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_EQ(describe(y[0]), "tensor<3xf32>");
    EXPECT_THAT(y[0].span<float>(), ElementsAre(102, 104, 106));
    EXPECT_THAT(call(scale, {&x, &s}, {-1})[0].span<float>(),
                ElementsAre(1, 3, 5));
    Tensor empty(DType::F32, {0});
    EXPECT_EQ(describe(call(scale, {&empty, &s})[0]), "tensor<0xf32>");
  }
  EXPECT_EQ(buffers::statistics().liveBlocks, live);
}

TEST(Engine, WrongCallsAreErrors) {
  ValueInfo labels{"labels", ValueKind::Tensor, DType::I32, {-2}, ""};
  Signature entry{"first", {kVector, labels}, {kScalar}, {}};
  Function first = compile(kFirst, entry);
  auto failure = [&](std::vector<Tensor *> arguments) {
    return messageOf(first.call(arguments));
  };
  Tensor x(DType::F32, {3}), y(DType::I32, {2}), z(DType::F64, {3});
  Tensor matrix(DType::F32, {3, 1}), good(DType::U32, {3});
  EXPECT_EQ(failure({&x, &good}), "success"); // integers have no sign
  EXPECT_EQ(failure({&x}), "@first: found 1 arguments, expected 2");
  EXPECT_EQ(failure({&z, &good}),
            "argument 0 'x' of @first: found tensor<3xf64>, expected "
            "tensor<?xf32>");
  EXPECT_THAT(failure({&matrix, &good}), HasSubstr("found tensor<3x1xf32>"));
  EXPECT_EQ(failure({&x, &y}),
            "argument 1 'labels' of @first: found tensor<2xi32>, expected "
            "dimension 0 to be 3 as dimension 0 of argument 0 'x' of @first");
  EXPECT_THAT(messageOf(first.call({&x, &good}, {1})),
              HasSubstr("found 1 run-time parameters, expected 0"));
}

TEST(Engine, ScalarsAreReturnedAndPacked) {
  Tensor x = Tensor::of<float>({2}, {5, 6}), labels(DType::I32, {2});
  ValueInfo any{"", ValueKind::Tensor, DType::I32, {-1}, ""};
  Function first = compile(kFirst, {"first", {kVector, any}, {kScalar}, {}});
  std::vector<Tensor> y = call(first, {&x, &labels});
  EXPECT_EQ(describe(y[0]), "f32");
  EXPECT_EQ(y[0].span<float>()[0], 5);
  // A flag, a double and a vector: the struct has holes.
  ValueInfo flag{"", ValueKind::Scalar, DType::I1, {}, ""};
  ValueInfo wide{"", ValueKind::Scalar, DType::F64, {}, ""};
  Function packed =
      compile(kPacked, {"packed", {kVector}, {flag, wide, kVector}, {}});
  y = call(packed, {&x});
  EXPECT_EQ(y[0].bytes()[0], 1);
  EXPECT_EQ(y[1].span<double>()[0], 0.5);
  EXPECT_THAT(y[2].span<float>(), ElementsAre(5, 6));
}

TEST(Engine, ResultsNeverShareABlock) {
  // @packed returns its argument's block, @twice one block twice.
  Tensor x = Tensor::of<float>({2}, {5, 6});
  Function twice = compile(kTwice, {"twice", {}, {kVector, kVector}, {}});
  std::vector<Tensor> y = call(twice, {});
  ASSERT_EQ(y.size(), 2u);
  EXPECT_NE(y[0].data(), y[1].data());
  EXPECT_THAT(y[0].span<float>(), ElementsAre(7, 8));
  // The second has stride -1 from the last element.
  EXPECT_THAT(y[1].span<float>(), ElementsAre(8, 7));
}

TEST(Engine, MemrefsAreWrittenInPlace) {
  ValueInfo memory{"m", ValueKind::Memref, DType::F32, {2}, ""};
  Function negate = compile(kNegate, {"negate", {memory}, {}, {}});
  Tensor x = Tensor::of<float>({2}, {5, -6});
  EXPECT_TRUE(call(negate, {&x}).empty());
  EXPECT_THAT(x.span<float>(), ElementsAre(-5, 6));
}

TEST(Engine, NeverFusesAndAlwaysFusesMulAdd) {
  float a = 1 + std::ldexp(1.0f, -12), c = -(1 + std::ldexp(1.0f, -11));
  Tensor x = Tensor::scalar(a), z = Tensor::scalar(c);
  volatile float product = a * a;
  for (const char *cpu : {"", "x86-64"}) {
    if (*cpu && !isX86())
      continue;
    for (int level = 0; level <= 3; ++level) {
      EngineOptions options;
      options.cpu = cpu;
      options.optLevel = level;
      Function plain = compile(
          kMulAdd, {"plain", {kScalar, kScalar}, {kScalar}, {}}, options);
      Function fused = compile(
          kMulAdd, {"fused", {kScalar, kScalar}, {kScalar}, {}}, options);
      EXPECT_EQ(call(plain, {&x, &z})[0].span<float>()[0], product + c);
      EXPECT_EQ(call(fused, {&x, &z})[0].span<float>()[0], std::fma(a, a, c));
      EXPECT_NE(product + c, std::fma(a, a, c));
    }
  }
}

TEST(Engine, NarrowFloatsWithoutHardware) {
  EngineOptions options;
  options.cpu = isX86() ? "x86-64" : "";
  ValueInfo half{"", ValueKind::Scalar, DType::F16, {}, ""};
  ValueInfo brain{"", ValueKind::Scalar, DType::BF16, {}, ""};
  Function narrow = compile(
      kNarrow, {"narrow", {kScalar}, {half, brain, kScalar}, {}}, options);
  struct Row {
    float x;
    unsigned half, brain;
    float back;
  };
  // IEEE 754's encodings: a tie, the overflow border, a subnormal half, one
  // of bfloat16 (which conversions in hardware would flush), zero, infinity.
  float tie = 1 + std::ldexp(1.0f, -11), tiny = std::ldexp(1.0f, -133);
  for (Row row :
       {Row{tie, 0x3c00, 0x3f80, 1}, Row{65519, 0x7bff, 0x4780, 65504},
        Row{65520, 0x7c00, 0x4780, INFINITY},
        Row{std::ldexp(3.0f, -24), 3, 0x3440, std::ldexp(3.0f, -24)},
        Row{tiny, 0, 1, 0}, Row{-0.0f, 0x8000, 0x8000, -0.0f},
        Row{-INFINITY, 0xfc00, 0xff80, -INFINITY}}) {
    Tensor x = Tensor::scalar(row.x);
    std::vector<Tensor> y = call(narrow, {&x});
    EXPECT_EQ(y[0].span<uint16_t>()[0], row.half) << row.x;
    EXPECT_EQ(y[1].span<uint16_t>()[0], row.brain) << row.x;
    EXPECT_EQ(y[2].span<float>()[0], row.back) << row.x;
  }
}

/// Sets flush-to-zero and denormals-are-zero (and upward rounding) as a
/// careless caller might.
static uint64_t careless() {
  return isX86() ? 0x1f80 | 0x8040 | 0x4000 : (1u << 24) | (1u << 22);
}

TEST(Engine, CallersFloatStateNeitherEntersNorChanges) {
  ValueInfo out{"m", ValueKind::Memref, DType::F32, {64}, ""};
  EngineOptions options;
  options.threads = 3;
  Function fill = compile(kParallel, {"fill", {out, kScalar}, {}, {}}, options);
  Tensor results(DType::F32, {64});
  Tensor x = Tensor::scalar(std::ldexp(1.5f, -140));
  for (uint64_t state : {FloatEnvironment::standard(), careless()}) {
    results.span<float>()[0] = results.span<float>()[1] = 0;
    uint64_t before = FloatEnvironment::read();
    FloatEnvironment::write(state);
    llvm::Error error = fill.call({&results, &x}).takeError();
    uint64_t after = FloatEnvironment::read();
    FloatEnvironment::write(before);
    EXPECT_EQ(messageOf(std::move(error)), "success");
    EXPECT_EQ(after, state);
    // Each of three threads wrote 3 x: a subnormal of 7 units of 2^-149 more.
    for (int thread = 0; thread < 3; ++thread)
      EXPECT_EQ(results.span<uint32_t>()[thread], 3u * 3u << 8) << thread;
    EXPECT_EQ(results.span<uint32_t>()[3], 3u); // the number of threads
  }
}

TEST(Engine, RefusesTheHostsMathematics) {
  EXPECT_THAT(failureOf(kExp, {"e", {kScalar}, {kScalar}, {}}),
              HasSubstr("needs 'exp', expected only functions whose results "
                        "are exactly defined"));
  EXPECT_THAT(failureOf(kExpf, {"e", {kScalar}, {kScalar}, {}}),
              HasSubstr("needs 'expf'"));
}

TEST(Engine, WrongModulesAreErrors) {
  EXPECT_THAT(failureOf(kNegate, {"other", {}, {}, {}}),
              HasSubstr("has no function '_mlir_ciface_other'"));
  EXPECT_THAT(failureOf(kNegate, {"negate", {kScalar}, {}, {}}),
              HasSubstr("found the type void (ptr, ptr), expected void (float, "
                        "ptr) from the signature of @negate"));
  EngineOptions options;
  options.cpu = "abacus";
  Signature entry{"negate", {kVector}, {}, {}};
  EXPECT_THAT(failureOf(kNegate, entry, options),
              HasSubstr("unknown processor 'abacus'"));
  options.cpu = "";
  options.optLevel = 4;
  EXPECT_THAT(failureOf(kNegate, entry, options),
              HasSubstr("found optimisation level 4, expected 0 to 3"));
  Engine engine = llvm::cantFail(build(kNegate, entry, EngineOptions()));
  EXPECT_THAT(messageOf(engine.lookup("plus")),
              HasSubstr("no entry @plus, expected one of @negate"));
}

TEST(Engine, ThreadsShareAFunction) {
  Function scale = compile(
      kScale, {"scale", {kVector, kScalar}, {kVector}, {{"offset", 0}}});
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      Tensor x = Tensor::of<float>({1}, {float(id)}), s = Tensor::scalar(2.0f);
      for (int i = 0; i < 2000; ++i) {
        auto y = scale.call({&x, &s}, {i});
        wrong += !y || (*y)[0].span<float>()[0] != float(2 * id + i);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}
