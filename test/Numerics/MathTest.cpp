// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions are correctly rounded. The oracle is the C library's f64
// function (foreign, wrong by less than 2^-48), and MPFR wherever that result
// lies within 2^-46 of a tie or is not a normal f32.
#include "Inputs.h"
#include "MathReference.h"
#include "MathSweep.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
class Checker {
public:
  explicit Checker(MathFunction function)
      : function(function), reference(referenceOf(function)) {
    mpfr_init2(argument, 24);
    mpfr_init2(result, 200);
  }
  ~Checker() {
    mpfr_clear(argument);
    mpfr_clear(result);
  }

  float exact(float x) {
    mpfr_set_flt(argument, x, MPFR_RNDN);
    reference.exact(result, argument, MPFR_RNDN);
    return mpfr_get_flt(result, MPFR_RNDN);
  }

  /// Half of all inputs overflow or lie outside of the domain: MPFR is not
  /// asked again for each.
  bool believesInfinities = false;
  uint64_t numAsked = 0;
  unsigned failures = 0;

  /// Is the C library's result at x as near as its promise?
  bool isNear(float x, double wide) {
    mpfr_set_flt(argument, x, MPFR_RNDN);
    reference.exact(result, argument, MPFR_RNDN);
    double want = mpfr_get_d(result, MPFR_RNDN);
    if (std::isnan(want))
      return std::isnan(wide);
    if (!std::isfinite(want) || std::fabs(want) < 0x1p-1000)
      return bitsOf(static_cast<float>(want)) ==
             bitsOf(static_cast<float>(wide));
    return std::fabs(wide - want) <= sweepError * std::fabs(want);
  }

  /// M-CORRECT for one input.
  void check(float x) {
    double wide = reference.wide(x);
    float low = static_cast<float>(wide * (1 - 0x1p-46));
    float high = static_cast<float>(wide * (1 + 0x1p-46));
    bool sure = bitsOf(low) == bitsOf(high) &&
                (std::isfinite(low) || believesInfinities);
    float want = sure ? low : exact(x);
    numAsked += !sure;
    float got = evaluateMath(function, x);
    bool same =
        std::isnan(want) ? std::isnan(got) : bitsOf(got) == bitsOf(want);
    if (!same && ++failures <= 5)
      ADD_FAILURE() << nameOf(function) << "(" << std::hexfloat << x
                    << "): got " << got << ", expected " << want;
  }

private:
  MathFunction function;
  Reference reference;
  mpfr_t argument, result;
};

/// M-CORRECT for all 2^32 inputs, on all cores: by vectors where the machine
/// has them, the inputs that these leave open one by one.
class Exhaustive {
public:
  explicit Exhaustive(MathFunction function) : function(function) {}

  void run() {
    std::vector<std::thread> threads;
    unsigned count = std::max(1u, std::thread::hardware_concurrency());
    if (const char *given = std::getenv("PREC_TEST_THREADS"))
      count = unsigned(std::max(1L, std::strtol(given, nullptr, 10)));
    for (unsigned i = 0; i < count; ++i)
      threads.emplace_back([this] { work(); });
    for (std::thread &thread : threads)
      thread.join();
    std::cout << nameOf(function) << ": 4294967296 inputs, MPFR asked for "
              << numAsked << ", " << failures << " mismatches\n";
    EXPECT_EQ(failures, 0u);
  }

private:
  static constexpr uint32_t chunk = 1 << 14;

  void work() {
    Checker checker(function);
    checker.believesInfinities = true;
    std::vector<uint32_t> open;
    unsigned far = 0;
    for (uint64_t first; (first = next.fetch_add(chunk)) >> 32 == 0;) {
      auto bits = static_cast<uint32_t>(first);
      double wide;
      open.clear();
      if (auto *sweep = mathSweep()) {
        sweep(function, bits, chunk, open, wide);
        far += !checker.isNear(fromBits<float>(bits), wide);
      } else {
        for (uint32_t i = 0; i < chunk; ++i)
          open.push_back(bits + i);
      }
      for (uint32_t input : open)
        checker.check(fromBits<float>(input));
    }
    std::lock_guard<std::mutex> lock(mutex);
    numAsked += checker.numAsked;
    failures += checker.failures;
    EXPECT_EQ(far, 0u) << "results of the C library beyond its promise";
  }

  MathFunction function;
  std::atomic<uint64_t> next = 0;
  std::mutex mutex;
  uint64_t numAsked = 0;
  unsigned failures = 0;
};

} // namespace

MathSweep mlir::prec::mathSweep() {
#ifdef PREC_MATH_SWEEP
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return mathSweepAvx512;
#endif
  return nullptr;
}

namespace {
class Math : public testing::TestWithParam<MathFunction> {};
INSTANTIATE_TEST_SUITE_P(All, Math, testing::ValuesIn(allFunctions()),
                         [](const auto &info) {
                           return std::string(nameOf(info.param));
                         });
} // namespace

// M-CORRECT, M-SPECIAL: every binade, specials, whole numbers and neighbours;
// all 2^32 inputs with PREC_EXHAUSTIVE=1.
TEST_P(Math, CorrectlyRounded) {
  const char *flag = std::getenv("PREC_EXHAUSTIVE");
  if (flag && *flag == '1')
    return Exhaustive(GetParam()).run();
  Checker checker(GetParam());
  Words words(31 + static_cast<unsigned>(GetParam()));
  for (float x : specials<float>())
    checker.check(x);
  std::vector<float> whole;
  for (int i = -160; i <= 160; ++i)
    around(whole, i / 4.0);
  for (int e = -149; e <= 127; ++e)
    around(whole, std::ldexp(1.0, e));
  for (float x : whole)
    checker.check(x);
  for (float x : everyBinade<float>(words, 512, 1))
    checker.check(x);
  // Where most functions do most: 2^-12 <= |x| < 2^8.
  for (unsigned i = 0; i < 150000; ++i) {
    uint32_t bits = 0x39800000 + words() % (20u << 23);
    checker.check(fromBits<float>(bits | uint32_t(words() & 1) << 31));
  }
}

// M-EXCEPTION: inputs so close to a tie that f64 evaluation falls on the wrong
// side or on the tie itself.
TEST(MathHard, Exceptions) {
  for (const MathException &e : mathExceptions) {
    Checker checker(e.function);
    checker.check(e.input);
    EXPECT_EQ(checker.exact(e.input), e.output);
  }
}

// M-CORRECT where it is hardest.
TEST(MathHard, NearTies) {
#define PREC_HARD_INPUTS(function, ...)                                        \
  for (double input : {__VA_ARGS__})                                           \
    Checker(MathFunction::function).check(static_cast<float>(input));
#include "MathHardInputs.def"
#undef PREC_HARD_INPUTS
}

TEST(MathNames, RoundTrip) {
  for (MathFunction function : allFunctions())
    EXPECT_EQ(mathFunction(nameOf(function)), function);
  EXPECT_EQ(mathFunction("exp"), MathFunction::Exp);
  EXPECT_EQ(mathFunction("nonsense"), std::nullopt);
}
