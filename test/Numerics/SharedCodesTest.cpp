// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The codes and scales of formats that share a scale mean what the array is
// rounded to (R-MX, R-NVFP4, R-ADAPTIVE, R-BLOCK, R-MEAN).
#include "SharedValues.h"
#include "prec/Numerics/Codes.h"
#include "prec/Numerics/RoundArray.h"

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
template <class T> class SharedCodes : public testing::Test {};
TYPED_TEST_SUITE(SharedCodes, Carriers);
/// Numbers of several sizes in rows of 70, so that blocks are whole and short.
template <class T> std::vector<T> rows() {
  return values<T>(2100, 3, 9, false);
}

template <class T>
std::pair<RoundArray::Encoded, std::vector<T>>
encodedAndRounded(const char *name, const std::vector<T> &x) {
  RoundArray round(*Format::parse(name), RoundingMode());
  std::vector<T> rounded(x.size());
  round(std::span<const T>(x), std::span<T>(rounded), 70);
  return {round.encoded(std::span<const T>(x), 70), rounded};
}
} // namespace

/// R-MX: with s the shared exponent, floor(log2 amax) - 8, each block's scale
/// is s + 127 and its elements are the codes of f8e4m3fn for x 2^-s; all blocks
/// of an array have the same s, which goes through every binade.
TYPED_TEST(SharedCodes, CodesOfBlocks) {
  using T = TypeParam;
  Format format = *Format::parse("mxfp8e4m3"),
         element = *Format::parse("e4m3fn");
  Rounder<double> rounded(element, RoundingMode());
  for (int s = -100; s <= 100; ++s) {
    std::vector<T> x;
    for (int i = 0; i < 96; ++i) // magnitudes up to 448, in each block one
      x.push_back(T(std::ldexp(i % 32 == 7 ? -300.0 : 3.7 * i, s)));
    RoundArray::Encoded got =
        RoundArray(format, RoundingMode()).encoded(std::span<const T>(x), 96);
    ASSERT_EQ(got.scales, std::vector<double>(3, s + 127));
    ASSERT_EQ(got.codes.size(), x.size());
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(got.codes[i], encode(rounded(std::ldexp(double(x[i]), -s), 0),
                                     element, Carrier::F64))
          << "shared exponent " << s << ", element " << i;
  }
}

// What the codes mean by the formats' definitions is what the array is rounded
// to. AdaptivFloat: sign, exponent from the least one on, fraction; 0 is zero.
TYPED_TEST(SharedCodes, CodesOfAdaptive) {
  using T = TypeParam;
  for (const char *name :
       {"adaptivfloat<8,4>", "adaptivfloat<4,2>", "adaptivfloat<6,3>"}) {
    const Format format = *Format::parse(name);
    const int e = format.exponentBits, m = format.fractionBits;
    const std::vector<T> x = rows<T>();
    auto [got, rounded] = encodedAndRounded<T>(name, x);
    ASSERT_EQ(got.scales.size(), 1u);
    ASSERT_EQ(got.codes.size(), x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const uint64_t rest = got.codes[i] & ((uint64_t(1) << (e + m)) - 1);
      double number = 1 + std::ldexp(double(rest & ((1 << m) - 1)), -m);
      number =
          rest ? std::ldexp(number, int(got.scales[0]) + int(rest >> m)) : 0;
      ASSERT_EQ(got.codes[i] >> (e + m) ? -number : number, double(rounded[i]))
          << name << " element " << i << ", " << x[i];
    }
  }
}

// R-BLOCK: a block with an infinity or a NaN has the scale NaN, code 255, and
// elements that say so if they can.
TYPED_TEST(SharedCodes, CodesOfBlocksThatAreNotFinite) {
  using T = TypeParam;
  for (auto [name, element] : {std::pair("mxfp4", 0u), {"mxfp8", 0x7fu}}) {
    std::vector<T> x(96, T(1.5));
    x[3] = T(infinity);
    x[70] = std::numeric_limits<T>::quiet_NaN();
    RoundArray::Encoded got = RoundArray(*Format::parse(name), RoundingMode())
                                  .encoded(std::span<const T>(x), 96);
    EXPECT_EQ(got.scales[0], 255);
    EXPECT_NE(got.scales[1], 255);
    EXPECT_EQ(got.scales[2], 255);
    for (size_t i = 0; i < 96; ++i)
      EXPECT_EQ(got.codes[i] == element, i / 32 != 1) << name << " " << i;
  }
}

// NVFP4: the array's scale, then one f8e4m3fn for each block.
TYPED_TEST(SharedCodes, CodesOfTwoLevels) {
  using T = TypeParam;
  std::vector<T> x = rows<T>();
  std::fill_n(x.begin() + 140, 16, T(0));
  x[300] = T(infinity);
  auto [got, rounded] = encodedAndRounded<T>("nvfp4", x);
  const Format block = *Format::parse("f8e4m3fn"),
               element = *Format::parse("f4e2m1fn");
  ASSERT_EQ(got.scales.size(), 1 + 30u * 5);
  for (size_t i = 0; i < x.size(); ++i) {
    const auto code = uint64_t(got.scales[1 + i / 70 * 5 + i % 70 / 16]);
    const T scale = T(decode(code, block, Carrier::F64)) * T(got.scales[0]);
    const T want = T(decode(got.codes[i], element, Carrier::F64)) * scale;
    if (std::isnan(want))
      ASSERT_TRUE(std::isnan(rounded[i])) << i;
    else
      ASSERT_EQ(bitsOf(want), bitsOf(rounded[i])) << "element " << i;
  }
}

// One scale for the array: the greatest finite magnitude has the greatest code;
// signs have the mean magnitude of the finite elements.
TYPED_TEST(SharedCodes, OneScale) {
  using T = TypeParam;
  std::vector<T> x = rows<T>();
  x[300] = T(infinity);
  x[1500] = T(-infinity);
  auto [integers, byMaximum] = encodedAndRounded<T>("int8<max>", x);
  ASSERT_EQ(integers.scales,
            std::vector<double>{
                double(T(greatestOf(std::span<const T>(x))) / T(127))});
  auto [signs, byMean] = encodedAndRounded<T>("binary<mean>", x);
  double sum = 0;
  for (T value : x)
    if (std::isfinite(value))
      sum += std::fabs(double(value));
  ASSERT_EQ(signs.scales,
            std::vector<double>{double(T(sum / double(x.size() - 2)))});
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(T(int8_t(integers.codes[i])) * T(integers.scales[0]),
              byMaximum[i]);
    EXPECT_EQ(signs.codes[i], x[i] >= 0);
    EXPECT_EQ(byMean[i], T(x[i] >= 0 ? signs.scales[0] : -signs.scales[0]));
  }
}

// The mean of no finite elements is zero.
TYPED_TEST(SharedCodes, NothingFinite) {
  using T = TypeParam;
  auto [got, rounded] =
      encodedAndRounded<T>("binary<mean>", std::vector<T>(70, T(infinity)));
  EXPECT_EQ(got.scales, std::vector<double>{0});
  EXPECT_EQ(rounded, std::vector<T>(70));
}

// Without a scale: every element's own code.
TYPED_TEST(SharedCodes, NoScale) {
  using T = TypeParam;
  auto [got, rounded] = encodedAndRounded<T>("e4m3", rows<T>());
  EXPECT_TRUE(got.scales.empty());
  for (size_t i = 0; i < rounded.size(); ++i)
    EXPECT_EQ(bitsOf(T(decode(got.codes[i], Format::ieee(4, 3), Carrier::F64))),
              bitsOf(rounded[i]));
}
