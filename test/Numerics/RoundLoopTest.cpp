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
  void run() {
    std::vector<T> want(call.size);
    for (size_t i = 0; i < call.size; ++i)
      want[i] = rounded(call.in[i], i);
    for (LoopTarget target : loopTargets()) {
      std::vector<T> got(call.in, call.in + call.size);
      roundLoop(inPlace(got), target);
      same(got, want, call.size, target);
    }
  }

  /// Compares roundBlocks on all targets with roundWord of elements that are
  /// divided by their block's scale, scaleOf(greatest magnitude of the block),
  /// up to a block for which that is none.
  template <class ScaleOf> void runBlocks(ScaleOf scaleOf) {
    std::vector<T> want(call.in, call.in + call.size);
    size_t ordinary = 0;
    while (ordinary < call.size) {
      const size_t end = std::min(ordinary + call.block, call.size);
      T most = 0;
      for (size_t i = ordinary; i < end; ++i)
        most = std::isnan(call.in[i]) ? T(NAN)
                                      : std::max(most, std::fabs(call.in[i]));
      const std::optional<T> scale = scaleOf(most);
      const uint64_t last = call.firstPosition + end - 1;
      if (!scale || last >> 32 != call.firstPosition >> 32)
        break;
      for (size_t i = ordinary; i < end; ++i) {
        T unit = call.in[i] / *scale;
        if (call.exponents && unit == 0 && call.in[i] != 0)
          unit = std::copysign(std::numeric_limits<T>::denorm_min(), unit);
        want[i] = rounded(unit, i) * *scale;
      }
      ordinary = end;
    }
    for (LoopTarget target : loopTargets()) {
      std::vector<T> got(call.in, call.in + call.size);
      EXPECT_EQ(roundBlocks(inPlace(got), target), ordinary)
          << name << " " << call.mode.str() << " target " << int(target)
          << ", blocks of " << call.block;
      same(got, want, call.size, target);
    }
  }

private:
  T rounded(T x, size_t i) {
    using Word = typename RoundCall<T>::Word;
    MachineOps<Word> ops;
    return fromBits<T>(roundWord(ops, bitsOf(x), call.parameters, call.mode,
                                 Word(h32(call.key, call.firstPosition + i))));
  }

  RoundCall<T> inPlace(std::vector<T> &values) {
    return {values.data(),  values.data(), call.size,          call.parameters,
            call.mode,      call.key,      call.firstPosition, call.block,
            call.exponents, call.twoLevels};
  }

  void same(const std::vector<T> &got, const std::vector<T> &want, size_t size,
            LoopTarget target) {
    for (size_t i = 0; i < size; ++i) {
      if (bitsOf(got[i]) == bitsOf(want[i]))
        continue;
      ADD_FAILURE() << name << " " << call.mode.str() << " target "
                    << int(target) << ", blocks of " << call.block
                    << ", element " << i << " (bits " << std::hex
                    << bitsOf(call.in[i]) << "): got " << bitsOf(got[i])
                    << ", expected " << bitsOf(want[i]);
      break;
    }
  }

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

namespace {
/// Numbers of many sizes, block by block, zeros, and now and then a block
/// without an ordinary scale.
template <class T>
std::vector<T> blocksOf(size_t size, size_t block, bool hasOthers) {
  const int most = std::numeric_limits<T>::max_exponent - 1;
  Words words(size + block);
  std::vector<T> result;
  for (size_t i = 0, top = 0; i < size; ++i) {
    if (i % block == 0)
      top = words() % 8 == 0 ? most - words() % 3 : most / 2 + words() % 90;
    const bool isZero = i / block % 7 == 3 || words() % 5 == 0;
    const T x = std::ldexp(T(1 + double(words() >> 12) * 0x1p-52),
                           int(top) - most / 2 - int(words() % 30));
    result.push_back(std::copysign(isZero ? T(0) : x, words() & 1 ? x : -x));
  }
  const T others[] = {T(INFINITY), T(NAN), std::numeric_limits<T>::max(),
                      std::numeric_limits<T>::denorm_min()};
  for (size_t i = 0; hasOthers && i < 4; ++i) {
    const size_t first = size * (i + 1) / 6 / block * block;
    std::fill_n(result.begin() + first, std::min(block, size - first), T(0));
    result[first + words() % std::min(block, size - first)] = others[i];
  }
  return result;
}
} // namespace

// Blocks with a shared exponent, from any one on: the loop ends before those
// without an ordinary scale. SharedScaleTest compares the rules with ilogb.
TYPED_TEST(RoundLoop, Exponents) {
  using T = TypeParam;
  using Word = typename RoundCall<T>::Word;
  constexpr CarrierLayout carrier = layoutOf(carrierOf<T>());
  MachineOps<Word> ops;
  for (const char *name : {"mx<e4m3,32>", "mx<e2m1,32,ceil>", "bfp<8,16>",
                           "mx<e3m2,5,even>", "bfp<5,100,round>"}) {
    Format format = *Format::parse(name), element = format.element();
    element.overflow = Format::Overflow::Saturate;
    auto p = makeRoundParameters(ops, element, carrierOf<T>());
    const auto exponents = sharedExponent<Word>(format, carrierOf<T>());
    const auto block = size_t(format.block);
    auto scaleOf = [&](T most) -> std::optional<T> {
      if (most == 0)
        return T(1);
      const Word exponent = exponents(ops, carrier, bitsOf(most));
      if (!std::isnormal(most) || exponent < 1 ||
          exponent >= 2 * Word(carrier.bias()))
        return std::nullopt;
      return fromBits<T>(exponent << carrier.fractionBits);
    };
    for (bool hasOthers : {false, true}) {
      const auto x = blocksOf<T>(40 * block + 7, block, hasOthers);
      for (RoundingMode mode : everyMode())
        for (size_t from : {size_t(0), block, 39 * block, 8 * block})
          for (uint64_t position : {uint64_t(5), (uint64_t(1) << 32) - 300})
            Compare<T>(name,
                       RoundCall<T>{x.data() + from, nullptr, x.size() - from,
                                    p, mode, 3, position, block, &exponents})
                .runBlocks(scaleOf);
    }
  }
}

TYPED_TEST(RoundLoop, TwoLevels) {
  using T = TypeParam;
  using Word = typename RoundCall<T>::Word;
  MachineOps<Word> ops;
  Format element = *Format::parse("f4e2m1fn-sat");
  auto p = makeRoundParameters(ops, element, carrierOf<T>());
  for (T global : {T(1) / 3, T(0x1p-70), T(0x1.8p90)}) {
    const TwoLevelScale<Word> twoLevels{
        makeRoundParameters(ops, twoLevelScaleFormat(), carrierOf<T>()),
        bitsOf(global)};
    auto scaleOf = [&](T most) -> std::optional<T> {
      if (most == 0)
        return T(1);
      const T scale =
          round(T(most / 6 / global), twoLevelScaleFormat(), RoundingMode()) *
          global;
      return std::isfinite(most) && most < 16 * scale ? std::optional(scale)
                                                      : std::nullopt;
    };
    for (size_t block : {16, 32, 5})
      for (bool hasOthers : {false, true}) {
        const auto x = blocksOf<T>(40 * block + 3, block, hasOthers);
        for (RoundingMode mode : everyMode())
          for (size_t from : {size_t(0), block, 8 * block})
            Compare<T>("nvfp4",
                       RoundCall<T>{x.data() + from, nullptr, x.size() - from,
                                    p, mode, 3, 11, block, nullptr, &twoLevels})
                .runBlocks(scaleOf);
      }
  }
}

// Of all sizes, and of those without a number that is not zero.
TYPED_TEST(RoundLoop, Magnitudes) {
  using T = TypeParam;
  const std::vector<T> values = inputs<T>();
  for (size_t size = 0; size < 150; ++size)
    for (size_t first = 0; first < values.size(); first += 97) {
      std::span<const T> some(values);
      some = some.subspan(first, std::min(size, values.size() - first));
      BitsOf<T> most = 0, least = bitsOf(std::numeric_limits<T>::infinity());
      for (T x : some) {
        most = std::max(most, bitsOf(std::fabs(x)));
        if (x != 0)
          least = std::min(least, bitsOf(std::fabs(x)));
      }
      EXPECT_EQ(bitsOf(greatestMagnitude(some)), most) << size;
      EXPECT_EQ(bitsOf(leastMagnitude(some)), least) << size;
    }
  const std::vector<T> zeros(100, T(-0.0));
  EXPECT_EQ(leastMagnitude(std::span<const T>(zeros)),
            std::numeric_limits<T>::infinity());
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
