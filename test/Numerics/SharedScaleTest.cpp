// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks, NVFP4 and AdaptivFloat in vectors give the bits of their rules
// (R-BLOCK, R-NVFP4, R-ADAPTIVE) taken element by element with one rounding at
// a time (R-AXIS: of the moved array); test_round_array.py compares the rules
// with NumPy.
#include "SharedValues.h"
#include "prec/Numerics/RoundArray.h"

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
constexpr uint64_t key = 0x123456789abcdef;

const RoundingMode modes[] = {RoundingMode::Kind::NearestEven,
                              RoundingMode::Kind::TowardZero,
                              RoundingMode::Kind::Up,
                              RoundingMode::Kind::Down,
                              RoundingMode::Kind::ToOdd,
                              RoundingMode::Kind::Away,
                              {RoundingMode::Kind::Stochastic, 8},
                              {RoundingMode::Kind::Stochastic, 24},
                              {RoundingMode::Kind::Stochastic, 32},
                              RoundingMode::Kind::StochasticEqual};

template <class T>
std::vector<T> adaptive(const Format &format, RoundingMode mode,
                        const std::vector<T> &values) {
  const int m = format.fractionBits, binades = 1 << format.exponentBits;
  const int lowest = std::numeric_limits<T>::min_exponent - 1;
  const double most = greatestOf(std::span<const T>(values));
  const int top =
      std::max(most == 0 ? lowest : std::ilogb(most), lowest + binades - 1);
  const double smallest =
      std::ldexp(1 + std::ldexp(1.0, -m), top - binades + 1);
  const double largest = std::ldexp(2 - std::ldexp(1.0, -m), top);
  Rounder<double> normal(Format::mantissa(m), mode),
      place(Format::integer(2, true), mode);
  std::vector<T> results;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto x = double(values[i]);
    const uint32_t word = h32(key, i);
    double y = std::clamp(normal(x, word), -largest, largest);
    if (std::fabs(x) < smallest)
      y = place(x / smallest, word) * smallest;
    if (std::isinf(x))
      y = std::copysign(largest, x);
    results.push_back(T(std::isnan(x) || most == 0 ? 0 : y));
  }
  return results;
}

template <class T>
std::vector<T> twoLevels(RoundingMode mode, const std::vector<T> &values,
                         size_t lastAxis) {
  auto global = float(greatestOf(std::span<const T>(values)) / (448 * 6));
  if (!(global >= std::numeric_limits<float>::min()))
    global = 1;
  global = std::min(global, std::numeric_limits<float>::max());
  Format block = *Format::parse("f8e4m3fn-sat"),
         element = *Format::parse("f4e2m1fn-sat");
  Rounder<T> unitOf(element, mode);
  std::vector<T> results(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / lastAxis * lastAxis,
                 begin = row + (i - row) / 16 * 16,
                 end = std::min(begin + 16, row + lastAxis);
    T most = 0;
    bool isFinite = true;
    for (size_t j = begin; j < end; ++j) {
      isFinite &= std::isfinite(values[j]);
      most = std::max(most, std::fabs(values[j]));
    }
    if (!isFinite) {
      results[i] = std::numeric_limits<T>::quiet_NaN();
      continue;
    }
    T scale = round(T(most / 6 / T(global)), block, RoundingMode()) * T(global);
    T unit = scale > 0 ? unitOf(values[i] / scale, h32(key, i)) : T(0);
    results[i] = std::copysign(unit, values[i]) * scale;
  }
  return results;
}

template <class T>
void same(const std::vector<T> &want, const std::vector<T> &x,
          const Format &format, RoundingMode mode, size_t lastAxis) {
  std::vector<T> got = x; // in place
  RoundArray(format, mode, RoundArray::Key{key})(std::span<const T>(got),
                                                 std::span<T>(got), lastAxis);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(bitsOf(got[i]), bitsOf(want[i]))
        << format.str() << " " << mode.str() << ", element " << i << ", "
        << x[i] << ": got " << got[i] << ", expected " << want[i];
}

template <class T> class SharedScale : public testing::Test {};
TYPED_TEST_SUITE(SharedScale, Carriers);
} // namespace

TYPED_TEST(SharedScale, Adaptive) {
  using T = TypeParam;
  for (const char *name :
       {"adaptivfloat<8,4>", "adaptivfloat<4,2>", "adaptivfloat<6,3>"})
    for (RoundingMode mode : modes)
      for (int top : {0, 3, 127, -100, -120, -140})
        for (int range : {2, 5, 20})
          for (bool hasSpecials : {false, true}) {
            // Stretches of 1024 elements, and what is left.
            std::vector<T> x = values<T>(2500, top, range, hasSpecials);
            Format format = *Format::parse(name);
            same(adaptive(format, mode, x), x, format, mode, x.size());
          }
  for (T filler : {T(0), T(-0.0), T(1), T(infinity)}) {
    std::vector<T> x(1500, filler);
    Format format = *Format::parse("adaptivfloat<8,4>");
    same(adaptive(format, RoundingMode(), x), x, format, RoundingMode(), 1500);
  }
}

namespace {
/// log2 of a block's greatest magnitude as a whole number: below, above, the
/// nearest, or below what is nearest to the magnitude with `fraction` bits.
int exponentBy(Format::ScaleRule rule, double most, int fraction) {
  switch (rule) {
  case Format::ScaleRule::Floor:
    return std::ilogb(most);
  case Format::ScaleRule::Ceil:
    return int(std::ceil(std::log2(most)));
  case Format::ScaleRule::Round:
    return int(std::round(std::log2(most)));
  case Format::ScaleRule::Even:
    break;
  }
  const int quantum = std::ilogb(most) - fraction;
  return std::ilogb(std::nearbyint(std::ldexp(most, -quantum))) + quantum;
}

/// R-BLOCK, element by element in f64: x 2^-s is rounded, s = exponentBy
/// - top. What is far below the quantum rounds alike, so a stand-in takes the
/// place of what f64 does not hold.
template <class T>
std::vector<T> blocks(const Format &format, int top, RoundingMode mode,
                      const std::vector<T> &values, size_t lastAxis,
                      int fraction = 0) {
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  Rounder<double> unitOf(element, mode);
  const auto size = size_t(format.block);
  std::vector<T> results(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / lastAxis * lastAxis,
                 begin = row + (i - row) / size * size,
                 end = std::min(begin + size, row + lastAxis);
    double most = 0;
    bool isFinite = true;
    for (size_t j = begin; j < end; ++j) {
      isFinite &= std::isfinite(values[j]);
      most = std::max(most, std::fabs(double(values[j])));
    }
    const int limit = sizeof(T) == 4 ? 127 : 1023;
    const int s =
        most == 0
            ? -127
            : std::clamp(std::min(exponentBy(format.scaleRule, most, fraction),
                                  limit) -
                             top,
                         -127, 127);
    const auto x = double(values[i]);
    double unit = std::ldexp(x, -s);
    if (x != 0 && std::fabs(unit) < 0x1p-200)
      unit = std::copysign(0x1p-200, x);
    results[i] = isFinite ? T(std::ldexp(unitOf(unit, h32(key, i)), s))
                          : std::numeric_limits<T>::quiet_NaN();
  }
  return results;
}
} // namespace

TYPED_TEST(SharedScale, Blocks) {
  using T = TypeParam;
  const int most = std::numeric_limits<T>::max_exponent - 1,
            least = std::numeric_limits<T>::min_exponent - 1;
  for (auto [name, top] : {std::pair("mxfp8", 8),
                           {"mxfp8e5m2", 15},
                           {"mxfp4", 2},
                           {"mxint8", 0},
                           {"bfp<8,16>", 0},
                           {"mx<e5m7,1000>", 15},
                           {"bfp<4,2000>", 0}}) {
    const std::optional<Format> format = Format::parse(name);
    ASSERT_TRUE(format) << name;
    for (RoundingMode mode : modes)
      for (int greatest : {0, 100, most, -90, -118, -126, least})
        for (int range : {3, 2000}) {
          auto x = values<T>(4200, greatest, range, range > 3 && greatest == 0);
          std::fill_n(x.begin() + 600, 70, T(-0.0));
          // Whole blocks, short last ones, rows shorter than a block.
          for (size_t lastAxis : {4200, 2100, 30})
            same(blocks(*format, top, mode, x, lastAxis), x, *format, mode,
                 lastAxis);
        }
  }
}

TYPED_TEST(SharedScale, ScaleRules) {
  using T = TypeParam;
  const int most = std::numeric_limits<T>::max_exponent - 1;
  struct Case {
    const char *name;
    int top, fraction;
  };
  for (auto [name, top, fraction] :
       {Case{"mx<e4m3,4,ceil>", 7, 3}, Case{"mx<e4m3,4,even>", 7, 3},
        Case{"bfp<8,4,ceil>", 0, 6}, Case{"bfp<8,4,round>", 0, 6},
        Case{"bfp<8,4,even>", 0, 6}})
    for (int greatest : {0, most, -118}) {
      auto x = values<T>(4200, greatest, 3, false);
      const std::optional<Format> format = Format::parse(name);
      ASSERT_TRUE(format) << name;
      same(blocks(*format, top, RoundingMode(), x, 4200, fraction), x, *format,
           RoundingMode(), 4200);
    }
}

TYPED_TEST(SharedScale, TwoLevels) {
  using T = TypeParam;
  Format format = *Format::parse("nvfp4");
  for (RoundingMode mode : modes)
    for (int top : {0, 100, -90, -140, std::numeric_limits<T>::max_exponent})
      for (int range : {3, 12})
        for (bool hasSpecials : {false, true})
          // Whole blocks, short last ones, rows shorter than a block.
          for (size_t lastAxis : {2100, 1050, 35, 5, 1}) {
            std::vector<T> x = values<T>(2100, top, range, hasSpecials);
            same(twoLevels(mode, x, lastAxis), x, format, mode, lastAxis);
          }
}

// R-AXIS: as the format without it on the array whose axis was moved to the
// end, or, where each index has a scale, on what each one has.
TYPED_TEST(SharedScale, Axis) {
  using T = TypeParam;
  const int64_t shape[] = {3, 40, 7};
  const std::vector<T> x = values<T>(3 * 40 * 7, 3, 9, false);
  auto roundBy = [](const std::string &name, RoundingMode mode,
                    std::vector<T> values, RoundArray::Extents extents) {
    RoundArray(*Format::parse(name), mode, RoundArray::Key{key})(
        std::span<const T>(values), std::span<T>(values), extents.axis,
        extents.inner);
    return values;
  };
  for (std::string name : {"mxfp4", "int8<max>"})
    for (int axis : {0, 1, 2}) {
      const bool isBlock = name == "mxfp4";
      const RoundingMode mode =
          isBlock ? RoundingMode::Kind::Stochastic : RoundingMode();
      const std::string alongAxis = name + "-axis" + std::to_string(axis);
      auto extents = RoundArray::extentsOf(*Format::parse(alongAxis), shape);
      ASSERT_TRUE(extents);
      std::vector<size_t> places(x.size()); // with the axis last, or first
      const size_t inner = axis == 0   ? 280
                           : axis == 1 ? 7
                                       : 1,
                   size = size_t(shape[axis]), rest = x.size() / size;
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t at = i / inner % size,
                     other = i / inner / size * inner + i % inner;
        places[isBlock ? other * size + at : at * rest + other] = i;
      }
      std::vector<T> want(x.size());
      const size_t part = isBlock ? x.size() : rest;
      for (size_t first = 0; first < x.size(); first += part) {
        std::vector<T> some;
        for (size_t i = first; i < first + part; ++i)
          some.push_back(x[places[i]]);
        some = roundBy(name, mode, some, {size, 1});
        for (size_t i = 0; i < part; ++i)
          want[places[first + i]] = some[i];
      }
      EXPECT_EQ(roundBy(alongAxis, mode, x, *extents), want) << alongAxis;
      extents = RoundArray::extentsOf(*Format::parse(alongAxis), {});
      EXPECT_EQ(roundBy(alongAxis, mode, {x[0]}, *extents),
                roundBy(name, mode, {x[0]}, {1, 1}));
    }
}
