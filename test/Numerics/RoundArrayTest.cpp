// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays of formats without a shared scale: each element is rounded by itself,
// with the random word of its position (docs/numerics.md, B-KEY), and has the
// code of what came out.
#include "prec/Numerics/RoundArray.h"
#include "Inputs.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
template <class T> void compare(const char *name, RoundingMode mode) {
  constexpr Carrier carrier = sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
  const Format format = *Format::parse(name);
  Words words(1);
  std::vector<T> x(1000), got(x.size());
  for (T &value : x)
    value = T(std::ldexp(double(int64_t(words()) >> 11),
                         -52 + int(words() % 24) - 12));
  // hash64("round", "forward", "", 0, "argument:input") of the page's Python.
  const uint64_t key = mix64(3, 0xbfcdef7ad99a2db4, 4);
  RoundArray round(format, mode, 3, 4);
  round(std::span<const T>(x), std::span<T>(got), x.size());
  const auto codes = round.encoded(std::span<const T>(x), x.size()).codes;
  ASSERT_EQ(codes.size(), x.size());
  Rounder<T> one(format, mode);
  for (size_t i = 0; i < x.size(); ++i) {
    const T want = one(x[i], h32(key, i));
    ASSERT_EQ(bitsOf(got[i]), bitsOf(want)) << name << " of " << x[i];
    ASSERT_EQ(codes[i], encode(double(want), format, carrier)) << name;
  }
}
} // namespace

TEST(RoundArray, EachElement) {
  for (const char *name :
       {"e4m3", "int8", "posit<8,1>", "binary8p3ue", "uint4<0.3,5>"})
    for (RoundingMode::Kind kind :
         {RoundingMode::Kind::NearestEven, RoundingMode::Kind::Stochastic}) {
      compare<float>(name, kind);
      compare<double>(name, kind);
    }
}

// R-AXIS, of formats with one scale: each index of the axis is rounded as an
// array of its own.
TEST(RoundArray, AxisOfOneScale) {
  Words words(2);
  std::vector<float> x(2 * 3 * 5), got(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = std::ldexp(float(words() % 97) - 48, int(i / 5 % 3) * 4);
  for (const std::string name :
       {"binary<mean>", "adaptivfloat<8,4>", "int8<max>"}) {
    RoundArray(*Format::parse(name + "-axis1"), RoundingMode())(
        std::span<const float>(x), std::span<float>(got), 3, 5);
    RoundArray one(*Format::parse(name), RoundingMode());
    for (size_t j = 0; j < 3; ++j) {
      std::vector<float> slice;
      for (size_t o : {0, 1})
        slice.insert(slice.end(), &x[(o * 3 + j) * 5], &x[(o * 3 + j) * 5] + 5);
      one(std::span<const float>(slice), std::span<float>(slice), slice.size());
      for (size_t i = 0; i < slice.size(); ++i)
        ASSERT_EQ(bitsOf(got[(i / 5 * 3 + j) * 5 + i % 5]), bitsOf(slice[i]))
            << name << ", index " << j << ", element " << i;
    }
  }
}

// R-MAXIMUM, R-SCALE: of the products k * scale the nearest to x, and the next
// toward zero: below and above the number of codes for which quotients are
// products with the reciprocal.
TEST(RoundArray, ManyCodes) {
  for (int bits : {16, 18, 19, 20, 24}) {
    const std::string name = "int" + std::to_string(bits) + "<max>";
    const Format format = *Format::parse(name);
    ASSERT_EQ(format.whyNotIn(Carrier::F32), "") << name;
    Words words{uint64_t(bits)};
    std::vector<float> x(4000), nearest(x.size()), toZero(x.size());
    for (float &value : x)
      value = float(double(int64_t(words()) >> 11) * 0x1p-52);
    x[0] = 1.7f;
    const std::span<const float> in(x);
    RoundArray(format, RoundingMode())(in, nearest, x.size());
    RoundArray(format, RoundingMode::Kind::TowardZero)(in, toZero, x.size());
    const float scale = 1.7f / float((1 << (bits - 1)) - 1);
    for (size_t i = 0; i < x.size(); ++i) {
      const float size = std::fabs(x[i]);
      auto k = float(int(double(size) / double(scale)) + 2);
      while (k * scale > size)
        --k;
      // The distances of neighbours are exact.
      const float below = k * scale, above = (k + 1) * scale;
      const float down = size - below, up = above - size;
      const bool isUp = up < down || (up == down && int(k) % 2 != 0);
      ASSERT_EQ(std::fabs(toZero[i]), below) << name << " of " << x[i];
      ASSERT_EQ(std::fabs(nearest[i]), isUp ? above : below)
          << name << " of " << x[i];
    }
  }
}

// The size of the axis and the product of those after it.
TEST(RoundArray, Extents) {
  using Shape = std::vector<int64_t>;
  auto of = [](const char *name, const Shape &shape) {
    auto extents = RoundArray::extentsOf(*Format::parse(name), shape);
    return extents ? Shape{int64_t(extents->axis), int64_t(extents->inner)}
                   : Shape();
  };
  EXPECT_EQ(of("e4m3", {2, 3, 5}), Shape({5, 1}));
  EXPECT_EQ(of("mxfp4", {}), Shape({1, 1}));
  EXPECT_EQ(of("mxfp4-axis0", {2, 3, 5}), Shape({2, 15}));
  EXPECT_EQ(of("mxfp4-axis1", {2, 3, 5}), Shape({3, 5}));
  EXPECT_EQ(of("mxfp4-axis2", {2, 3, 5}), Shape({5, 1}));
  EXPECT_EQ(of("mxfp4-axis3", {2, 3, 5}), Shape());
}
