// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The array loops give the bits of one rounding at a time, which the other
// tests compare with oracles: on every instruction set of this machine, in
// every family and mode.
#include "prec/Numerics/RoundLoop.h"
#include "Inputs.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/RoundArray.h"
#include "prec/Numerics/Rounding.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
using Kind = RoundingMode::Kind;
template <class T> class RoundLoop : public testing::Test {};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(RoundLoop, Carriers);

template <class T> constexpr Carrier carrierOf() {
  return sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
}

std::vector<RoundingMode> everyMode() {
  std::vector<RoundingMode> modes;
  for (const RoundingMode::Row &row : RoundingMode::table()) {
    if (!row.isStochastic)
      modes.push_back(row.kind);
    for (unsigned r : {1, 8, 16, 17, 24, 32})
      if (row.isStochastic)
        modes.emplace_back(row.kind, r);
  }
  return modes;
}

/// At least one of every family, fact and suffix.
const char *const formats[] = {"m0",          "m7",
                               "m10",         "m23",
                               "bits16",      "bf16",
                               "tf32",        "f16",
                               "e4m3",        "e5m2",
                               "e2m1",        "e3m0",
                               "e8m0",        "e6m9",
                               "e8m7-sat",    "e5m2-ftz",
                               "e5m10-nosub", "f8e4m3fn",
                               "e8m7-ftz",    "f32-ftz",
                               "f8e4m3fnuz",  "f8e4m3b11fnuz",
                               "f6e2m3fn",    "f4e2m1fn",
                               "f8e8m0fnu",   "binary8p3se",
                               "binary8p1uf", "binary6p2ue",
                               "fixed<4,4>",  "fixed<3,5>-wrap",
                               "int?",        "fixed<?,?>-wrap",
                               "fixed<?/?>",  "binary?p?se",
                               "int?<?,?>",   "e?m?-nosub",
                               "fixed<?,?>",  "int8<?,?>",
                               "posit<?,?>",  "pow2<?,?>",
                               "ufixed<4,2>", "ufixed<2,3>-wrap",
                               "int8",        "int8-sym",
                               "uint4",       "int8-wrap",
                               "int8<0.1>",   "int4<0.3,3>",
                               "int8<0.25>",  "uint7<1.7>",
                               "binary",      "ternary",
                               "pow2<-8,0>",  "posit<8,0>",
                               "posit<8,1>",  "posit<16,2>",
                               "e?m?",        "fixed<?/10>",
                               "ufixed<?/6>", "e5m?",
                               "m?",          "bits?",
                               "pow2<-103,0>"};

template <class T> std::vector<T> inputs() {
  Words words(41);
  std::vector<T> values = specials<T>();
  for (int exponent = -6; exponent <= 9; ++exponent)
    for (double by : {1.0, 1.25, 1.5, 1.75, 1.875})
      around(values, std::ldexp(by, exponent));
  for (int i = 0; i < 24; ++i)
    around(values, i * 0.05);
  for (T x : everyBinade<T>(words, 4, sizeof(T) == 8 ? 9 : 1))
    values.push_back(x);
  return values;
}

template <class T> class Compare {
public:
  Compare(std::string name, const RoundCall<T> &call)
      : name(std::move(name)), call(call) {}

  /// Compares all loops with roundWord on `call.in`.
  void run(const T *scales = nullptr, size_t block = 0, bool arePowers = true) {
    using Word = typename RoundCall<T>::Word;
    MachineOps<Word> ops;
    std::vector<T> want(call.size), got;
    for (size_t i = 0; i < call.size; ++i) {
      const T scale = scales ? scales[i / block] : T(1);
      T unit = call.in[i] / scale;
      if (arePowers && unit == 0 && call.in[i] != 0)
        unit = std::copysign(std::numeric_limits<T>::denorm_min(), unit);
      T rounded =
          fromBits<T>(roundWord(ops, bitsOf(unit), call.parameters, call.mode,
                                Word(h32(call.key, call.firstPosition + i))));
      if (!arePowers)
        rounded = std::copysign(rounded, call.in[i]);
      want[i] = scale * rounded;
    }
    for (LoopTarget target : loopTargets()) {
      got.assign(call.in, call.in + call.size);
      RoundCall<T> own{got.data(),         got.data(), call.size,
                       call.parameters,    call.mode,  call.key,
                       call.firstPosition, scales,     block,
                       arePowers};
      roundLoop(own, target);
      for (size_t i = 0; i < call.size; ++i) {
        const bool isScales = !arePowers && std::isnan(want[i]);
        if (isScales ? std::isnan(got[i]) : bitsOf(got[i]) == bitsOf(want[i]))
          continue;
        ADD_FAILURE() << name << " " << call.mode.str() << " target "
                      << int(target) << ", element " << i << " (bits "
                      << std::hex << bitsOf(call.in[i]) << "): got "
                      << bitsOf(got[i]) << ", expected " << bitsOf(want[i]);
        break;
      }
    }
  }

private:
  std::string name;
  RoundCall<T> call;
};
} // namespace

TYPED_TEST(RoundLoop, SameBitsOnEveryTarget) {
  using T = TypeParam;
  using Word = typename RoundCall<T>::Word;
  const std::vector<T> values = inputs<T>();
  MachineOps<Word> ops;
  for (const char *name : formats) {
    std::optional<Format> format = Format::parse(name);
    ASSERT_TRUE(format) << name;
    if (!format->whyNotIn(carrierOf<T>()).empty())
      continue;
    for (Word bits : {3, 5}) {
      std::vector<Word> runtime(format->numRuntimeWords(), bits);
      auto p = makeRoundParameters(ops, *format, carrierOf<T>(),
                                   std::span<const Word>(runtime));
      for (RoundingMode mode : everyMode())
        Compare<T>(name, RoundCall<T>{values.data(), nullptr, values.size(), p,
                                      mode, 0x123456789abcdef, 5})
            .run();
      if (runtime.empty())
        break;
    }
  }
}

// Any size, and positions that cross 2^32.
TYPED_TEST(RoundLoop, SizesAndPositions) {
  using T = TypeParam;
  const std::vector<T> values = inputs<T>();
  MachineOps<typename RoundCall<T>::Word> ops;
  auto p = makeRoundParameters(ops, *Format::parse("e4m3"), carrierOf<T>());
  for (size_t size = 0; size <= 140; ++size)
    for (uint64_t first : {uint64_t(0), (uint64_t(1) << 32) - 50,
                           (uint64_t(7) << 32) - 1, ~uint64_t(0) >> 20})
      Compare<T>("e4m3", RoundCall<T>{values.data() + 100, nullptr, size, p,
                                      Kind::Stochastic, 99, first})
          .run();
}

// Blocks that are divided by scales first, up to the least and the greatest
// one, and positions that cross 2^32 within a block and at its end.
TYPED_TEST(RoundLoop, Scales) {
  using T = TypeParam;
  const std::vector<T> values = inputs<T>();
  const int most = std::numeric_limits<T>::max_exponent - 2;
  Words words(5);
  std::vector<T> scales;
  for (size_t i = 0; i < values.size(); ++i) {
    int exponent = int(words() % 161) - 80;
    if (i % 8 == 0)
      exponent = i % 16 ? most : -most;
    scales.push_back(std::ldexp(T(1), exponent));
  }
  MachineOps<typename RoundCall<T>::Word> ops;
  for (const char *name :
       {"f8e4m3fn", "f4e2m1fn", "e5m2-sat", "int8", "int8-sym", "e3m0"}) {
    auto p = makeRoundParameters(ops, *Format::parse(name), carrierOf<T>());
    auto rounded = [&](RoundingMode mode, uint64_t position, size_t block) {
      Compare<T>(name, RoundCall<T>{values.data(), nullptr, values.size(), p,
                                    mode, 3, position})
          .run(scales.data(), block);
    };
    for (RoundingMode mode : everyMode())
      rounded(mode, 0, 1);
    for (size_t block : {7, 16, 32, 50, 1000000})
      for (uint64_t before : {0, 160, 165, 1000000})
        rounded(Kind::Stochastic, (uint64_t(1) << 32) - before, block);
  }
}

// Blocks that are divided by any numbers, zero and NaN too.
TYPED_TEST(RoundLoop, AnyScales) {
  using T = TypeParam;
  const std::vector<T> values = inputs<T>();
  Words words(7);
  std::vector<T> scales;
  for (size_t i = 0; i < values.size(); ++i)
    scales.push_back(i % 11 == 3   ? T(0)
                     : i % 11 == 7 ? std::numeric_limits<T>::quiet_NaN()
                                   : std::ldexp(T(1 + words() % 999) / 7,
                                                int(words() % 41) - 20));
  MachineOps<typename RoundCall<T>::Word> ops;
  for (const char *name : {"f4e2m1fn", "e4m3-sat", "int8", "int4<0.3>"}) {
    auto p = makeRoundParameters(ops, *Format::parse(name), carrierOf<T>());
    for (size_t block : {1, 16, 33})
      for (RoundingMode mode : everyMode())
        Compare<T>(name, RoundCall<T>{values.data(), nullptr, values.size(), p,
                                      mode, 3, 11})
            .run(scales.data(), block, false);
  }
}

// The greatest magnitude of each block, of all sizes.
TYPED_TEST(RoundLoop, BlockMaxima) {
  using T = TypeParam;
  const std::vector<T> values = inputs<T>();
  for (size_t block : {1, 3, 8, 16, 31, 32, 33, 64, 100}) {
    std::vector<T> got(values.size() / block + 2, T(-1));
    blockMaxima(values, block, got.data());
    for (size_t b = 0; b * block < values.size(); ++b) {
      BitsOf<T> most = 0;
      for (size_t i = b * block; i < std::min((b + 1) * block, values.size());
           ++i)
        most = std::max(most, bitsOf(std::fabs(values[i])));
      EXPECT_EQ(bitsOf(got[b]), most) << "block " << b << " of " << block;
    }
    EXPECT_EQ(got[(values.size() + block - 1) / block], T(-1)); // not written
  }
}

// Blocks are rounded in f32 where their numbers are normal in it: the bits are
// those of f64, which holds the same values and the same random words.
TEST(RoundLoopBlocks, NarrowIsWide) {
  Words words(6);
  for (const char *name : {"mxfp8e4m3", "mxfp8e5m2", "mxfp4", "mxint8",
                           "bfp<8,16>", "mx<e5m7,8>"}) {
    Format format = *Format::parse(name);
    for (RoundingMode mode : everyMode())
      for (int exponent : {0, -60, 100, 127, -100, -118, -126, -140}) {
        std::vector<float> x, narrow(333);
        std::vector<double> wide;
        for (size_t i = 0; i < narrow.size(); ++i) {
          double value = std::ldexp(double(int64_t(words()) >> 38),
                                    exponent - 26 - int(words() % 12));
          x.push_back(
              i % 5 ? float(value)
                    : float(std::ldexp(double(words() % 64), exponent - 6)));
          wide.push_back(x.back());
        }
        RoundArray round(format, mode, 1, 2);
        round(std::span<const float>(x), std::span<float>(narrow), 111);
        round(std::span<const double>(wide), std::span<double>(wide), 111);
        for (size_t i = 0; i < x.size(); ++i)
          ASSERT_EQ(bitsOf(narrow[i]), bitsOf(float(wide[i])))
              << name << " " << mode.str() << " of " << x[i];
      }
  }
}

// A block of f64's subnormals has the least scale in every rule.
TEST(RoundLoopBlocks, Subnormals) {
  const std::vector<double> x(32, 0x1p-1060);
  for (const char *name : {"mx<e2m1,32>", "mx<e2m1,32,ceil>",
                           "mx<e2m1,32,round>", "mx<e2m1,32,even>"}) {
    RoundArray round(*Format::parse(name), RoundingMode());
    EXPECT_EQ(round.encoded(std::span<const double>(x), 32).scales,
              std::vector<double>{0})
        << name;
  }
}

// What the rounding of multiples takes for granted of a grid that wraps.
TEST(RoundLoopParameters, Multiples) {
  MachineOps<uint64_t> ops;
  for (Carrier carrier : {Carrier::F32, Carrier::F64})
    for (int exponent = -60; exponent <= 60; ++exponent) {
      Format format = Format::grid(Format::Family::Fixed, -1, 1, 0);
      format.scale = std::ldexp(1.0, exponent);
      format.overflow = Format::Overflow::Wrap;
      auto want = makeRoundParameters(ops, format, carrier);
      const int64_t quantum = layoutOf(carrier).bias() + exponent;
      auto got = multipleParameters(ops, layoutOf(carrier), uint64_t(quantum));
      EXPECT_EQ(got.discard, want.discard);
      EXPECT_EQ(got.leastNormal, want.leastNormal);
      EXPECT_EQ(got.leastQuantum, want.leastQuantum);
      EXPECT_EQ(got.discardOffset, want.discardOffset);
      EXPECT_EQ(got.tinyLimit, want.tinyLimit);
      EXPECT_EQ(got.impliedBit, want.impliedBit);
      const RoundFacts &a = got.facts, &b = want.facts;
      EXPECT_EQ(a.isGradual, b.isGradual);
      EXPECT_EQ(a.hasTiny, b.hasTiny);
      EXPECT_EQ(a.isBounded, b.isBounded);
      EXPECT_EQ(a.mayKeepAll, b.mayKeepAll);
      EXPECT_EQ(a.isIdentity, b.isIdentity);
      EXPECT_EQ(a.hasOddBias, b.hasOddBias);
      EXPECT_EQ(a.fractionBits, b.fractionBits);
    }
}
