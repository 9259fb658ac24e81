// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions of one f64 against MPFR: the largest errors that
// docs/numerics.md states, how often a result is not the nearest number, and
// every binade of the reduction by pi/2.
#include "Inputs.h"
#include "MathReference.h"

#include <gtest/gtest.h>

#include <iomanip>
#include <iostream>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
class MathWide : public testing::TestWithParam<MathFunction> {};
INSTANTIATE_TEST_SUITE_P(All, MathWide, testing::ValuesIn(allFunctions()),
                         [](const auto &info) {
                           return std::string(nameOf(info.param));
                         });

/// What docs/numerics.md states: the largest error in units of the last place,
/// and how many percent of `wideInputs` have not the nearest number.
struct Stated {
  double error, missed;
};
Stated statedOf(MathFunction function) {
  switch (function) {
  case MathFunction::Sqrt:
    return {0.5, 0};
  case MathFunction::Cbrt:
    return {1, 8.5};
  case MathFunction::Exp:
    return {1, 5.1};
  case MathFunction::Exp2:
    return {1, 5.3};
  case MathFunction::Log:
    return {1, 3.4};
  case MathFunction::Log10:
    return {1, 3.4};
  case MathFunction::Log1p:
    return {1, 3.6};
  case MathFunction::Acos:
    return {1.25, 6.8};
  case MathFunction::Cos:
    return {1.25, 3.3};
  case MathFunction::Log2:
    return {1.25, 3.6};
  case MathFunction::Sin:
    return {1.25, 3.4};
  case MathFunction::Cosh:
    return {1.5, 10.8};
  case MathFunction::Erf:
    return {1.5, 2.7};
  case MathFunction::Rsqrt:
    return {1.5, 16.3};
  case MathFunction::Asinh:
    return {2, 16.5};
  case MathFunction::Atan:
    return {2, 4.9};
  case MathFunction::Expm1:
    return {2, 6.6};
  case MathFunction::Asin:
    return {2.5, 6.3};
  case MathFunction::Atanh:
    return {2.5, 12.8};
  case MathFunction::Sinh:
    return {2.5, 23.1};
  case MathFunction::Acosh:
    return {3, 0.9};
  case MathFunction::Tan:
    return {3, 28.1};
  case MathFunction::Tanh:
    return {3, 19.9};
  case MathFunction::Erfc:
    return {5, 16.4};
  }
  return {};
}

std::vector<double> wideInputs() {
  std::vector<double> values = specials<double>();
  // Borders of overflow and underflow, the argument nearest to a multiple of
  // pi/2, branch points, NaNs with payload.
  for (double x : {709.78,
                   709.79,
                   710.47,
                   710.48,
                   -745.13,
                   -745.14,
                   -708.4,
                   1023.99,
                   1024.0,
                   -1074.5,
                   -1075.1,
                   -1022.5,
                   0x1.6ac5b262ca1ffp+849,
                   0.5,
                   1.0,
                   0.84,
                   26.54,
                   27.3,
                   1e22,
                   0x1p1023,
                   0x1p30,
                   0x1p31,
                   0x1p-60,
                   22.0,
                   40.0,
                   0x1.a827999fcef32p-2,
                   0x1.3504f333f9de6p1})
    around(values, x);
  // Where a search by climbing found the largest error of a function.
  for (double x :
       {0x1.0e8a670387b4bp-1, 0x1.01ea58f51dbfdp+0,  0x1.ace17becf950cp-1,
        0x1.0a2e960093ad6p-1, 0x1.ac86c6ade573fp-2,  0x1.ff8b5200c329p-6,
        0x1.70b3737958d4dp-2, 0x1.dd2e7e4ccf885p+3,  0x1.e90dded6640d2p+1,
        0x1.aebc30223f517p-1, 0x1.8bc7da393aebbp+0,  0x1.1d907dd2b1746p+2,
        0x1.047389a1fdc1cp-1, 0x1.99ea95a893c3p-2,   0x1.66db0b1dc0b5bp-1,
        0x1.65f07749059e9p-2, -0x1.2d91e8df48039p-2, 0x1.6954d0d0a93bdp+0,
        0x1.0024704585f9dp+2, 0x1.8f2eff41d3f2bp-1,  0x1.a387e4b3e53b1p-2,
        0x1.8ea0628a35536p-1, 0x1.b21f66aa7c3bep-3})
    around(values, x);
  for (uint64_t bits : {0x7ff8000000000fffu, 0x7ff00000deadbeefu})
    values.push_back(fromBits<double>(bits));
  Words words(77);
  for (double x : everyBinade<double>(words, 2, 1))
    values.push_back(x);
  for (unsigned i = 0; i < 6000; ++i) { // 2^-14 <= |x| < 2^10
    uint64_t bits = 0x3f10000000000000 + words() % (uint64_t(24) << 52);
    values.push_back(fromBits<double>(bits | (words() & 1) << 63));
    values.push_back(std::ldexp(double(words() >> 11), -53));
  }
  return values;
}

/// MPFR's result, and how far another is from it.
class Exactly {
public:
  explicit Exactly(MathFunction function) : exact(referenceOf(function).exact) {
    mpfr_init2(argument, 53);
    mpfr_inits2(160, result, error, nullptr);
  }
  ~Exactly() { mpfr_clears(argument, result, error, nullptr); }

  double operator()(double x) {
    mpfr_set_d(argument, x, MPFR_RNDN);
    exact(result, argument, MPFR_RNDN);
    return mpfr_get_d(result, MPFR_RNDN);
  }

  /// In units of the last place of `want`, the nearest number.
  double errorOf(double got, double want) {
    if (std::isnan(want) ? std::isnan(got) : bitsOf(got) == bitsOf(want))
      return 0;
    if (!std::isfinite(want) || !std::isfinite(got) || want == 0)
      return std::numeric_limits<double>::infinity();
    mpfr_sub_d(error, result, got, MPFR_RNDN);
    mpfr_mul_2si(error, error, -std::max(std::ilogb(want) - 52, -1074),
                 MPFR_RNDN);
    return std::fabs(mpfr_get_d(error, MPFR_RNDN));
  }

private:
  MpfrFunction exact;
  mpfr_t argument, result, error;
};

/// Numbers of every binade beside multiples of pi/2: the greatest denominators
/// below 2^53 of the continued fraction of 2^e / (pi/2), times 2^e.
std::vector<double> besideQuadrants() {
  std::vector<double> values;
  mpfr_t rest, whole;
  for (int e = -52; e <= 971; ++e) {
    mpfr_inits2(1280, rest, whole, nullptr);
    mpfr_const_pi(whole, MPFR_RNDN);
    mpfr_ui_div(rest, 2, whole, MPFR_RNDN);
    mpfr_mul_2si(rest, rest, e, MPFR_RNDN);
    mpfr_frac(rest, rest, MPFR_RNDN);
    mpfr_prec_round(rest, 200, MPFR_RNDN);
    for (double before = 0, q = 1; q < 0x1p53;) {
      if (q >= 0x1p40)
        values.push_back(std::ldexp(q, e));
      mpfr_ui_div(rest, 1, rest, MPFR_RNDN);
      mpfr_floor(whole, rest);
      mpfr_sub(rest, rest, whole, MPFR_RNDN);
      // Exact below 2^53.
      const double next = mpfr_get_d(whole, MPFR_RNDN) * q + before;
      before = q;
      q = next;
    }
    mpfr_clears(rest, whole, nullptr);
  }
  return values;
}
} // namespace

// M-WIDE: f64 functions stay within the stated error; what is infinite, zero or
// NaN in MPFR is so here.
TEST_P(MathWide, Error) {
  static const std::vector<double> values = wideInputs();
  const Stated stated = statedOf(GetParam());
  Exactly exactly(GetParam());
  double worst = 0;
  unsigned failures = 0, missed = 0;
  for (double x : values) {
    const double got = evaluateMath(GetParam(), x), want = exactly(x);
    const double off = exactly.errorOf(got, want);
    missed += off > 0;
    worst = std::max(worst, off);
    if (off > stated.error && ++failures <= 5)
      ADD_FAILURE() << nameOf(GetParam()) << "(" << std::hexfloat << x
                    << "): got " << got << ", expected " << want;
  }
  const double share = 100.0 * missed / double(values.size());
  std::cout << nameOf(GetParam()) << ": largest error " << std::setprecision(4)
            << worst << " units of the last place, " << share
            << " % not the nearest number\n";
  EXPECT_LE(share, stated.missed);
}

// What reduces |x| by multiples of pi/2 needs all of its pieces where the rest
// is least: the error stays what it is elsewhere.
TEST(MathWide, BesideQuadrants) {
  const std::vector<double> values = besideQuadrants();
  EXPECT_GT(values.size(), 7000u);
  for (MathFunction function :
       {MathFunction::Sin, MathFunction::Cos, MathFunction::Tan}) {
    Exactly exactly(function);
    double worst = 0, least = 1;
    for (double x : values) {
      const double want = exactly(x);
      least = std::min(least, std::fabs(want));
      worst = std::max(worst, exactly.errorOf(evaluateMath(function, x), want));
    }
    EXPECT_LT(least, 0x1p-59); // they are what they are meant to be
    EXPECT_LE(worst, statedOf(function).error) << nameOf(function);
  }
}

// Functions of slope 1 at zero have small arguments, subnormal ones too, as
// nearest numbers.
TEST(MathWide, SmallArguments) {
  Words words(78);
  for (MathFunction function :
       {MathFunction::Asin, MathFunction::Asinh, MathFunction::Atan,
        MathFunction::Atanh, MathFunction::Expm1, MathFunction::Log1p,
        MathFunction::Sin, MathFunction::Sinh, MathFunction::Tan,
        MathFunction::Tanh}) {
    Exactly exactly(function);
    for (unsigned i = 0; i < 2000; ++i) {
      const uint64_t bits = // below 2^-56
          (words() % (uint64_t(0x3c7) << 52)) >> (i % 2 * (words() % 52));
      const double x = fromBits<double>(bits | (words() & 1) << 63);
      ASSERT_EQ(bitsOf(evaluateMath(function, x)), bitsOf(exactly(x)))
          << nameOf(function) << "(" << std::hexfloat << x << ")";
    }
  }
}
