// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// pow and atan2 against MPFR: special cases as C's Annex F has them, the
// largest errors and the numbers of misses that docs/numerics.md states.
#include "prec/Numerics/MathBinary.h"
#include "Inputs.h"

#include <gtest/gtest.h>

#include <iostream>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
using MpfrFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

/// The error of results in units of the last place; bits where a result is
/// special.
template <class T> class Measure {
public:
  Measure(const char *name, T (*function)(T, T), MpfrFunction exact)
      : name(name), function(function), exact(exact) {
    mpfr_inits2(53, a, b, nullptr);
    mpfr_inits2(200, result, error, nullptr);
  }
  ~Measure() {
    mpfr_clears(a, b, result, error, nullptr);
    std::cout << name << ": largest error " << worst
              << " units of the last place, " << missed << " of " << count
              << " not correctly rounded\n";
  }

  unsigned missed = 0; ///< results that are not the nearest number

  void check(T x, T y, double most) {
    using Limits = std::numeric_limits<T>;
    T got = function(x, y);
    mpfr_set_d(a, double(x), MPFR_RNDN);
    mpfr_set_d(b, double(y), MPFR_RNDN);
    exact(result, a, b, MPFR_RNDN);
    T want = sizeof(T) == 4 ? T(mpfr_get_flt(result, MPFR_RNDN))
                            : T(mpfr_get_d(result, MPFR_RNDN));
    ++count;
    if (std::isnan(want) ? std::isnan(got) : bitsOf(got) == bitsOf(want)) {
      if (std::isnan(want) || std::isinf(want) || want == 0)
        return;
    } else {
      ++missed;
    }
    double off = Limits::infinity();
    if (std::isfinite(got) && std::signbit(got) == std::signbit(want) &&
        mpfr_number_p(result)) {
      int least = Limits::min_exponent - Limits::digits;
      int step =
          want == 0 || std::isinf(want)
              ? (want == 0 ? least : Limits::max_exponent - Limits::digits)
              : std::max(std::ilogb(want) - Limits::digits + 1, least);
      mpfr_sub_d(error, result, double(got), MPFR_RNDN);
      mpfr_mul_2si(error, error, -step, MPFR_RNDN);
      off = std::fabs(mpfr_get_d(error, MPFR_RNDN));
    }
    worst = std::max(worst, off);
    if (off > most && ++failures <= 5)
      ADD_FAILURE() << name << "(" << std::hexfloat << x << ", " << y
                    << "): got " << got << ", expected " << want;
  }

private:
  const char *name;
  T (*function)(T, T);
  MpfrFunction exact;
  mpfr_t a, b, result, error;
  double worst = 0;
  unsigned count = 0, failures = 0;
};

template <class T> std::vector<T> arguments() {
  std::vector<T> values = specials<T>();
  for (double x : {0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 7.0, 0.1, 1e10, 1e-10, 0x1p23,
                   0x1p24, 0x1p52, 0x1p53, 0x1p54, 9007199254740991.0,
                   4503599627370497.0, 1e300, 1e-300})
    around(values, x);
  return values;
}
template <class T> T number(Words &words, int exponents) {
  T significand = 1 + std::ldexp(T(words() >> 12), -52);
  int exponent = int(words() % unsigned(2 * exponents + 1)) - exponents;
  T x = std::ldexp(significand, exponent);
  return words() & 1 ? x : -x;
}

template <class T>
void testAtan2(const char *name, double most, unsigned missed) {
  Measure<T> measure(name, evaluateAtan2, mpfr_atan2);
  for (T y : arguments<T>())
    for (T x : arguments<T>())
      measure.check(y, x, most);
  Words words(3);
  for (unsigned i = 0; i < 100000; ++i) {
    const int range[] = {2, 30, std::numeric_limits<T>::max_exponent - 2};
    T y = number<T>(words, range[i % 3]), x = number<T>(words, range[i % 3]);
    measure.check(y, x, most);
    measure.check(std::nextafter(x, T(0)), x, most); // around pi/4
  }
  EXPECT_LE(measure.missed, missed);
}

template <class T>
void testPower(const char *name, double most, unsigned missed) {
  Measure<T> measure(name, evaluatePower, mpfr_pow);
  for (T x : arguments<T>())
    for (T y : arguments<T>())
      measure.check(x, y, most);
  Words words(4);
  const double top = std::numeric_limits<T>::max_exponent;
  for (unsigned i = 0; i < 100000; ++i) {
    T x = number<T>(words, i % 2 ? 3 : int(top) - 2);
    if (i % 4 == 1) // near 1
      x = 1 + std::ldexp(T(int64_t(words()) >> 11), -52 - int(words() % 50));
    x = std::fabs(x);
    // Results over the whole range, a little beyond its ends too.
    double share = double(words() >> 11) * 0x1p-53 * 2.2 - 1.1;
    double power = x == 1 ? share : share * top / std::log2(double(x));
    measure.check(x, T(power), most);
    measure.check(-x, std::round(T(power)), most);
  }
  EXPECT_LE(measure.missed, missed);
}

/// MPFR's log x less the two parts, relative to it.
class LogarithmError {
public:
  LogarithmError() { mpfr_inits2(200, log, error, nullptr); }
  ~LogarithmError() { mpfr_clears(log, error, nullptr); }

  double operator()(double x) {
    MachineOps<uint64_t> ops;
    const auto [high, low] = Binary<MachineOps<uint64_t>>(ops).logPair(x);
    mpfr_set_d(log, x, MPFR_RNDN);
    mpfr_log(log, log, MPFR_RNDN);
    mpfr_sub_d(error, log, high, MPFR_RNDN);
    mpfr_sub_d(error, error, low, MPFR_RNDN);
    mpfr_div(error, error, log, MPFR_RNDN);
    return std::fabs(mpfr_get_d(error, MPFR_RNDN));
  }

private:
  mpfr_t log, error;
};
} // namespace

// The logarithm that powers of f64 are made of. The series' largest arguments
// are beside the ends of the significands' range, sqrt(1/2) and sqrt(2).
TEST(MathTwo, LogarithmPair) {
  LogarithmError error;
  Words words(5);
  double worst = 0;
  for (unsigned i = 0; i < 50000; ++i) {
    double x = std::fabs(number<double>(words, 1000));
    if (i % 4 == 1) // near 1
      x = 1 + std::ldexp(double(int64_t(words()) >> 11), -54 - int(i % 48));
    else if (i % 4 > 1)
      x = std::ldexp(std::sqrt(i % 4 == 2 ? 0.5 : 2.0) *
                         (1 + std::ldexp(double(int64_t(words()) >> 11), -59)),
                     i % 8 < 4 ? 0 : int(i % 7));
    if (x != 1)
      worst = std::max(worst, error(x));
  }
  std::cout << "logarithm in two parts: largest error 2^" << std::log2(worst)
            << " of it\n";
  EXPECT_LT(worst, 0x1.1p-62);
}

// M-TWO: atan2(y, x) and pow(x, y).
TEST(MathTwo, Atan2F32) { testAtan2<float>("atan2 of f32", 0.50001, 0); }
TEST(MathTwo, Atan2F64) { testAtan2<double>("atan2 of f64", 2.1, 26300); }
TEST(MathTwo, PowerF32) { testPower<float>("pow of f32", 0.50001, 2); }
TEST(MathTwo, PowerF64) { testPower<double>("pow of f64", 1.25, 17000); }
