// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of random bits that are known at run time only: as the written ones,
// which StochasticTest compares with exact integers.
#include "TableCheck.h"

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
template <class T> class RuntimeRandomBits : public testing::Test {
protected:
  static void check(const char *name, unsigned most) {
    const Format format = *Format::parse(name);
    Words random(11);
    std::vector<T> values = specials<T>();
    for (int e = -45; e <= 12; ++e)
      for (int i = 0; i < 40; ++i)
        values.push_back(
            T(std::ldexp(1 + double(uint32_t(random())) / 0x1p32, e)) *
            T(i % 2 ? 1 : -1));
    for (unsigned r = 1; r <= most; ++r) {
      const BitsOf<T> words[] = {BitsOf<T>(r)};
      const auto mode = RoundingMode::runtimeStochastic(most);
      Rounder<T> runtime(format, mode, words), own(format, mode.with(r));
      for (T x : values)
        for (uint64_t wide : {random(), uint64_t(0), ~uint64_t(0),
                              random() << 16, random() << 16 | 0xffff}) {
          const auto word = uint32_t(wide);
          ASSERT_EQ(bitsOf(runtime(x, word)), bitsOf(own(x, word)))
              << name << " with " << r << " of " << most << " bits of "
              << std::hexfloat << x << " by " << word;
        }
    }
  }
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(RuntimeRandomBits, Carriers);
} // namespace

// S-CENTRE: of halves of words and of whole ones.
TYPED_TEST(RuntimeRandomBits, EveryNumber) {
  for (unsigned most : {16u, 32u})
    for (const char *name :
         {"m7", "m20", "e5m10", "e4m3", "e3m0", "fixed<3,5>", "int8<0.3>",
          "fixed<3,5>-wrap", "posit<8,1>", "binary", "f8e8m0fnu", "e2m3-ftz"})
      this->check(name, most);
}

// What is beyond them means the nearest legal number.
TYPED_TEST(RuntimeRandomBits, NumbersAreClamped) {
  using T = TypeParam;
  const Format format = *Format::parse("e4m3");
  for (unsigned most : {16u, 32u})
    for (auto [given, legal] : {std::pair<uint32_t, unsigned>(0, 1),
                                {33, most},
                                {~uint32_t(0), most}}) {
      const BitsOf<T> words[] = {BitsOf<T>(given)};
      const auto mode = RoundingMode::runtimeStochastic(most);
      Rounder<T> runtime(format, mode, words), own(format, mode.with(legal));
      Words random(5);
      for (int i = 0; i < 4000; ++i) {
        const auto word = uint32_t(random());
        const T x = T(random() % 4096) / 64;
        ASSERT_EQ(bitsOf(runtime(x, word)), bitsOf(own(x, word)))
            << x << " with " << given;
      }
    }
}
