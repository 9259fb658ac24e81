// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions are correctly rounded. The oracle is the C library's f64
// function (foreign, wrong by less than 2^-48), and MPFR wherever that result
// lies within 2^-46 of a tie or is not a normal f32.
#include "Inputs.h"
#include "prec/Numerics/MathFunctions.h"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
using MpfrFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
struct Reference {
  double (*wide)(double);
  MpfrFunction exact;
};

// The table's word for it, in both libraries' spelling. MPFR gives +infinity
// for -0, IEEE's rSqrt the sign of zero.
double rsqrt(double x) {
  return x == 0 ? std::copysign(std::numeric_limits<double>::infinity(), x)
                : 1 / std::sqrt(x);
}
int mpfr_rsqrt(mpfr_ptr result, mpfr_srcptr x, mpfr_rnd_t mode) {
  int inexact = mpfr_rec_sqrt(result, x, mode);
  if (mpfr_zero_p(x))
    mpfr_copysign(result, result, x, mode);
  return inexact;
}

Reference referenceOf(MathFunction function) {
  switch (function) {
#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  case MathFunction::kind:                                                     \
    return {[](double x) -> double { return word(x); }, mpfr_##word};
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  }
  return {};
}

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

  /// M-CORRECT for one input.
  void check(float x) {
    double wide = reference.wide(x);
    float low = static_cast<float>(wide * (1 - 0x1p-46));
    float high = static_cast<float>(wide * (1 + 0x1p-46));
    bool sure = bitsOf(low) == bitsOf(high) && std::isfinite(low);
    float want = sure ? low : exact(x);
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
  unsigned failures = 0;
};

class Math : public testing::TestWithParam<MathFunction> {};
std::vector<MathFunction> allFunctions() {
  return {
#define PREC_MATH_FUNCTION(kind, word, evaluator) MathFunction::kind,
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  };
}
INSTANTIATE_TEST_SUITE_P(All, Math, testing::ValuesIn(allFunctions()),
                         [](const auto &info) {
                           return std::string(nameOf(info.param));
                         });
} // namespace

// M-CORRECT, M-SPECIAL: every binade, specials, whole numbers and neighbours;
// all 2^32 inputs with PREC_EXHAUSTIVE=1.
TEST_P(Math, CorrectlyRounded) {
  Checker checker(GetParam());
  const char *flag = std::getenv("PREC_EXHAUSTIVE");
  if (flag && *flag == '1') {
    for (uint64_t bits = 0; bits < (uint64_t(1) << 32); ++bits)
      checker.check(fromBits<float>(static_cast<uint32_t>(bits)));
    return;
  }
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
  const std::pair<MathFunction, std::vector<float>> hard[] = {
      {MathFunction::Exp2, {0x1.853a6ep-9f, -0x1.e7526ep-6f}},
      {MathFunction::Log,
       {0x1.827a74p-7f, 0x1.2f1fd6p+3f, 0x1.bacb4ap+25f, 0x1.b121a6p+76f,
        0x1.6351d8p+95f}},
      {MathFunction::Log10, {0x1.fddcf4p-98f}},
  };
  for (auto &[function, inputs] : hard) {
    Checker checker(function);
    for (float x : inputs)
      checker.check(x);
  }
}

TEST(MathNames, RoundTrip) {
  for (MathFunction function : allFunctions())
    EXPECT_EQ(mathFunction(nameOf(function)), function);
  EXPECT_EQ(mathFunction("exp"), MathFunction::Exp);
  EXPECT_EQ(mathFunction("nonsense"), std::nullopt);
}
