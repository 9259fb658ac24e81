// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Deterministic rounding against LLVM's APFloat: every threshold of the formats
// that it knows; with PREC_EXHAUSTIVE=1 all 2^32 inputs against the step
// function of MPFR.
#include "EveryInput.h"
#include "Inputs.h"
#include "prec/Numerics/Round.h"

#include <gtest/gtest.h>
#include <llvm/ADT/APFloat.h>

#include <cstdlib>

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using llvm::APFloat;
using Kind = RoundingMode::Kind;

namespace {
struct Known {
  const char *name;
  int exponent, fraction;
  const llvm::fltSemantics &(*semantics)();
};
const Known known[] = {
    {"f16", 5, 10, &APFloat::IEEEhalf},
    {"bf16", 8, 7, &APFloat::BFloat},
    {"f8e5m2", 5, 2, &APFloat::Float8E5M2},
    {"f8e4m3", 4, 3, &APFloat::Float8E4M3},
    {"f8e3m4", 3, 4, &APFloat::Float8E3M4},
};
const std::pair<Kind, APFloat::roundingMode> modes[] = {
    {Kind::NearestEven, APFloat::rmNearestTiesToEven},
    {Kind::NearestAway, APFloat::rmNearestTiesToAway},
    {Kind::TowardZero, APFloat::rmTowardZero},
    {Kind::Up, APFloat::rmTowardPositive},
    {Kind::Down, APFloat::rmTowardNegative},
};

float apfloat(float x, const Known &format, APFloat::roundingMode mode) {
  APFloat value(x);
  bool loses = false;
  value.convert(format.semantics(), mode, &loses);
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &loses);
  return value.convertToFloat();
}

/// All non-negative numbers of a format of at most 16 bits, as f32.
std::vector<float> numbers(const Known &format) {
  std::vector<float> all;
  Ieee ieee = Ieee::of(format.exponent, format.fraction);
  unsigned perBinade = 1u << format.fraction;
  for (unsigned i = 0; i < perBinade; ++i)
    all.push_back(static_cast<float>(i * ieee.quantum()));
  for (int e = ieee.least; e <= ieee.greatest; ++e)
    for (unsigned i = 0; i < perBinade; ++i)
      all.push_back(
          static_cast<float>(std::ldexp(perBinade + i, e - format.fraction)));
  return all;
}
} // namespace

// R-TIES, R-OVERFLOW, R-SUBNORMAL: at every number and midpoint of each format.
TEST(Apfloat, EveryThreshold) {
  for (const Known &format : known)
    for (auto [kind, apMode] : modes) {
      Rounder<float> rounder(*Format::parse(format.name), kind);
      std::vector<float> all = numbers(format);
      unsigned failures = 0;
      for (size_t i = 0; i < all.size(); ++i) {
        std::vector<float> values;
        // Beyond the largest number the midpoint to the next power of two.
        double next = i + 1 < all.size()
                          ? all[i + 1]
                          : 2.0 * all[i] - static_cast<double>(all[i - 1]);
        around(values, all[i]);
        around(values, (static_cast<double>(all[i]) + next) / 2);
        for (float x : values)
          if (bitsOf(rounder(x)) != bitsOf(apfloat(x, format, apMode)) &&
              ++failures <= 5)
            ADD_FAILURE() << format.name << " of " << std::hexfloat << x
                          << ": got " << rounder(x) << ", APFloat "
                          << apfloat(x, format, apMode);
      }
    }
}

// The small floats without infinities: nearest-even in APFloat, NaN excepted
// where the format has none.
TEST(Apfloat, SmallFloatsNearestEven) {
  const std::pair<const char *, const llvm::fltSemantics &(*)()> formats[] = {
      {"f8e4m3fn", &APFloat::Float8E4M3FN},
      {"f8e4m3fnuz", &APFloat::Float8E4M3FNUZ},
      {"f8e5m2fnuz", &APFloat::Float8E5M2FNUZ},
      {"f8e4m3b11fnuz", &APFloat::Float8E4M3B11FNUZ},
      {"f6e2m3fn", &APFloat::Float6E2M3FN},
      {"f6e3m2fn", &APFloat::Float6E3M2FN},
      {"f4e2m1fn", &APFloat::Float4E2M1FN}};
  Words words(41);
  for (auto [name, semantics] : formats) {
    Rounder<float> rounder(*Format::parse(name), Kind::NearestEven);
    std::vector<float> values = everyBinade<float>(words, 64, 1);
    // Eighths of powers of two around every number and midpoint.
    for (int e = -30; e <= 20; ++e)
      for (int i = 32; i < 64; ++i)
        around(values, std::ldexp(i, e - 5));
    values.push_back(0.0f);
    values.push_back(-0.0f);
    for (float x : values) {
      if (!std::isfinite(x))
        continue;
      Known known = {name, 0, 0, semantics};
      float want = apfloat(x, known, APFloat::rmNearestTiesToEven);
      if (std::isnan(want))
        want = std::numeric_limits<float>::quiet_NaN();
      ASSERT_EQ(bitsOf(rounder(x)), bitsOf(want))
          << name << " of " << x << ": APFloat " << want;
    }
  }
}

// All 2^32 inputs against the thresholds that MPFR gives, in every mode.
TEST(Exhaustive, EveryF32) {
  const char *flag = std::getenv("PREC_EXHAUSTIVE");
  if (!flag || *flag != '1')
    GTEST_SKIP() << "set PREC_EXHAUSTIVE=1";
  for (const Known &format : known) {
    Ieee ieee = Ieee::of(format.exponent, format.fraction);
    std::vector<float> all = numbers(format);
    all.push_back(std::numeric_limits<float>::infinity());
    for (const RoundingMode::Row &row : RoundingMode::table()) {
      if (row.isStochastic)
        continue;
      EveryInput every(*Format::parse(format.name), row.kind);
      for (uint32_t sign : {0u, 0x80000000u}) {
        uint64_t failures = 0;
        for (size_t i = 0; i + 1 < all.size(); ++i) {
          // MPFR's result is monotone: the first input that leaves the lower
          // number, by bisection.
          uint32_t low = bitsOf(all[i]), end = bitsOf(all[i + 1]);
          auto want = [&](uint32_t bits) {
            return bitsOf(static_cast<float>(
                rounded(fromBits<float>(bits | sign), ieee, row.kind)));
          };
          uint32_t below = want(low), last = low, first = end;
          while (first - last > 1) {
            uint32_t middle = last + (first - last) / 2;
            (want(middle) == below ? last : first) = middle;
          }
          uint32_t above = first < end ? want(first) : below;
          failures += every.failures(low, first, sign, below);
          failures += every.failures(first, end, sign, above);
        }
        failures += every.failures(0x7f800001, 0x80000000, sign, 0x7fc00000);
        EXPECT_EQ(failures, 0u) << format.name << " " << row.word;
      }
    }
  }
}
