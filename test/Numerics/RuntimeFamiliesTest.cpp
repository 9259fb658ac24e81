// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Families whose numbers are known at run time: against tables of the numbers
// that they then have, and in all modes against the written format.
#include "TableCheck.h"
#include "prec/Numerics/RoundArray.h"

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using Kind = RoundingMode::Kind;

namespace {
template <class T> class RuntimeFamilies : public TableCheck<T> {
protected:
  static constexpr Carrier carrier =
      sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;

  /// The table's numbers under the name of a format with `?`.
  static void checkAs(const char *name, Table table,
                      const std::vector<double> &numbers) {
    table.name = name;
    TableCheck<T>::check(table, wordsOf<T>(*Format::parse(name), numbers));
  }

  /// All modes, deterministic and not, as the written format.
  static void compare(const char *name, const std::vector<double> &numbers) {
    Format format = *Format::parse(name);
    std::string error;
    std::optional<Format> written = format.with(numbers, carrier, &error);
    ASSERT_TRUE(written) << error;
    ASSERT_EQ(written->whyNotIn(carrier), "");
    std::vector<BitsOf<T>> words = wordsOf<T>(format, numbers);
    Words random(7);
    std::vector<T> values = specials<T>();
    for (int e = -150; e <= 127; ++e)
      for (int i = 0; i < 12; ++i)
        values.push_back(T(std::ldexp(1 + double(random() % 4096) / 4096, e)) *
                         T(i % 2 ? 1 : -1));
    for (int code = -130; code <= 130; ++code) // numbers, middles, neighbours
      for (double place : {0.0, 0.5, 0.25})
        around(values, (code + place) * written->scale);
    for (const RoundingMode::Row &row : RoundingMode::table())
      for (unsigned r : {3u, 16u, 32u}) {
        RoundingMode mode(row.kind, row.isStochastic ? r : 0);
        Rounder<T> own(*written, mode), runtime(format, mode, words);
        for (T x : values) {
          uint32_t word = random();
          ASSERT_EQ(bitsOf(runtime(x, word)), bitsOf(own(x, word)))
              << name << " as " << written->str() << " " << mode.str() << " of "
              << std::hexfloat << x;
        }
        if (!row.isStochastic)
          break;
      }
  }
};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(RuntimeFamilies, Carriers);
} // namespace

// R-RUNTIME: fixed point of any number of bits on both sides of the point.
TYPED_TEST(RuntimeFamilies, Fixed) {
  for (int bits : {3, 4, 8, 16})
    for (int fraction = 0; fraction <= bits; fraction += 1 + bits / 8) {
      const double whole = bits - fraction, f = fraction;
      double step = std::ldexp(1.0, -fraction);
      int64_t codes = int64_t(1) << bits;
      std::string open = std::to_string(bits - fraction) + ",?";
      if (whole > 0) {
        Table table = gridTable("", -codes / 2, codes / 2 - 1, step);
        this->checkAs("fixed<?,?>", table, {whole, f});
        this->checkAs(("fixed<" + open + ">").c_str(), table, {f});
        this->compare("fixed<?,?>", {whole, f});
      }
      Table table = gridTable("", 0, codes - 1, step);
      this->checkAs("ufixed<?,?>", table, {whole, f});
      this->checkAs(("ufixed<?," + std::to_string(fraction) + ">").c_str(),
                    table, {whole});
      this->compare("ufixed<?,?>", {whole, f});
    }
  // As many bits as the carrier holds.
  this->compare("fixed<?,?>", sizeof(TypeParam) == 4
                                  ? std::vector<double>{5, 20}
                                  : std::vector<double>{14, 40});
}

// Numbers outside the legal range mean the nearest that is legal.
TYPED_TEST(RuntimeFamilies, NumbersAreClamped) {
  constexpr double far = 2147483647;
  auto fixed = [&](int whole, int fraction) {
    int64_t half = int64_t(1) << (whole + fraction - 1);
    return gridTable("", -half, half - 1, std::ldexp(1.0, -fraction));
  };
  this->checkAs("fixed<?,?>", fixed(1, 2), {-far, 2});
  this->checkAs("fixed<?,?>", fixed(3, 0), {1, -far});
  this->checkAs("fixed<?,?>", fixed(3, 0), {1, 0});
  this->checkAs("posit<?,?>", positTable(2, 0), {-far, -far});
  this->checkAs("posit<?,1>", positTable(2, 1), {0});
  this->checkAs("pow2<?,?>", powerTable("", 3, 3), {3, -9});
  this->checkAs("int8<2,?>", gridTable("", 0, 255, 2), {-1000});
  this->checkAs("int?", gridTable("", -1, 0, 1), {-far});
  this->checkAs("int?-sym", gridTable("", -1, 1, 1), {-far});
  this->checkAs("int?<2,?>", gridTable("", 0, 15, 2), {4, -far});
  this->checkAs("int?<2,?>", gridTable("", -15, 0, 2), {4, far});
  this->checkAs("int?<2,100>", gridTable("", -15, 0, 2), {4});
  this->checkAs("int8<2,?>", gridTable("", -255, 0, 2), {1000});
  if (sizeof(TypeParam) == 4) {
    this->checkAs("posit<?,5>", positTable(5, 5), {16});
    this->checkAs("pow2<?,0>", powerTable("", -126, 0), {-far});
    this->checkAs("int4<?>", gridTable("", -8, 7, 0x1p-67), {1e-300});
  }
}

// R-POSIT.
TYPED_TEST(RuntimeFamilies, Posits) {
  for (int width : {2, 3, 4, 6, 8, 10, 16})
    for (int es = 0; es <= 5; ++es) {
      Table table = positTable(width, es);
      if (!Format::parse(table.name)->whyNotIn(this->carrier).empty())
        continue;
      const double n = width, e = es;
      this->checkAs("posit<?,?>", table, {n, e});
      this->checkAs(("posit<?," + std::to_string(es) + ">").c_str(), table,
                    {n});
      this->checkAs(("posit<" + std::to_string(width) + ",?>").c_str(), table,
                    {e});
      this->compare("posit<?,?>", {n, e});
    }
}

// R-POWER, of odd and even least exponents.
TYPED_TEST(RuntimeFamilies, Powers) {
  for (auto [low, high] : {std::pair(-8, 0),
                           {-3, 4},
                           {0, 0},
                           {-126, 127},
                           {-125, -120},
                           {-7, -2},
                           {5, 6}}) {
    Table table = powerTable("", low, high);
    this->checkAs("pow2<?,?>", table, {double(low), double(high)});
    this->checkAs(("pow2<?," + std::to_string(high) + ">").c_str(), table,
                  {double(low)});
    this->checkAs(("pow2<" + std::to_string(low) + ",?>").c_str(), table,
                  {double(high)});
    this->compare("pow2<?,?>", {double(low), double(high)});
  }
  // Twice the least one is no number of the carrier.
  const double last = std::numeric_limits<TypeParam>::max_exponent - 1;
  this->compare("pow2<?,?>", {last, last});
}

// R-SCALE, R-INTEGER: powers of two against tables, with and without a zero
// point; others as they are written, which SpecialFamiliesTest compares with
// the exact middle.
TYPED_TEST(RuntimeFamilies, Scales) {
  for (double scale : {1.0, 0.25, 4.0, 0x1p-20}) {
    this->checkAs("int8<?>", gridTable("", -128, 127, scale), {scale});
    this->checkAs("int8<?>-sym", gridTable("", -127, 127, scale), {scale});
    this->checkAs("uint4<?,?>", gridTable("", -5, 10, scale), {scale, 5});
    this->checkAs("int8<?,3>", gridTable("", -131, 124, scale), {scale});
    this->compare("int8<?>", {scale});
  }
  this->checkAs("int8<0.5,?>", gridTable("", -125, 130, 0.5), {-3});
  for (double scale :
       {0.1, 0.3, 1.0 / 3, 7e-9, 3.7, double(0.1f), 0x1.fffffep-3,
        0x1.00000080000001p5, 0x1.0000018p5, 0x1.ffffffffp-7}) {
    this->compare("int8<?>", {scale});
    this->compare("uint8<?,?>", {scale, 128});
    this->compare("int5<?,?>", {scale, -3});
    this->compare("int12<?>-sym", {scale});
  }
  this->compare("int8<0.1,?>", {77});
  this->compare("int2<?,1>", {0.7});
}

// R-INTEGER: any number of bits, at scales that are powers of two against
// tables, at others as they are written.
TYPED_TEST(RuntimeFamilies, Integers) {
  for (int bits = 1; bits <= 10; ++bits) {
    const double n = bits;
    const int64_t half = int64_t(1) << (bits - 1);
    this->checkAs("int?", gridTable("", -half, half - 1, 1), {n});
    this->checkAs("uint?", gridTable("", 0, 2 * half - 1, 1), {n});
    this->checkAs("int?<0.25>", gridTable("", -half, half - 1, 0.25), {n});
    this->checkAs("uint?<?>", gridTable("", 0, 2 * half - 1, 4), {n, 4});
    this->checkAs("int?<2^?>", gridTable("", -half, half - 1, 0x1p-7), {n, -7});
    this->checkAs("int?<?,?>", gridTable("", -half, half - 1, 2), {n, 2, 0});
    this->checkAs("int?<?,?>", gridTable("", -2 * half + 1, 0, 2),
                  {n, 2, double(half - 1)});
    this->checkAs("uint?<2,1>", gridTable("", -1, 2 * half - 2, 2), {n});
    if (bits > 1) {
      this->checkAs("int?-sym", gridTable("", -half + 1, half - 1, 1), {n});
      this->checkAs("int?<?>-sym", gridTable("", -half + 1, half - 1, 8),
                    {n, 8});
    }
    this->compare("int?", {n});
    this->compare("int?<2^?>", {n, -3});
    for (double scale : {0.1, 1.0 / 3, 7e-9, 0x1.fffffep-3}) {
      this->compare("int?<?>", {n, scale});
      this->compare("uint?<?,?>", {n, scale, double(half)});
    }
    this->compare("uint?<0.3,1>", {n});
  }
  // As many bits as the carrier has room for.
  const bool isSingle = sizeof(TypeParam) == 4;
  for (double n : {13., 16., 17., 24., 25., 32.}) {
    if (n <= (isSingle ? 25 : 32))
      this->compare("int?", {n});
    if (n <= (isSingle ? 24 : 32)) {
      this->compare("uint?<2^?>", {n, 2});
      this->compare("uint?<0.5,7>", {n});
    }
    if (n <= (isSingle ? 17 : 32))
      this->compare("int?<?>", {n, 0.3});
    if (n <= (isSingle ? 16 : 32))
      this->compare("uint?<?,?>", {n, 0.7, 999});
  }
}

// R-RUNTIME: a place and a number of bits.
TYPED_TEST(RuntimeFamilies, FixedOfAnyBits) {
  for (int bits : {3, 4, 7, 10})
    for (int whole : {-20, -1, 0, 1, 3, 12, 40}) {
      const double n = bits, i = whole;
      int64_t codes = int64_t(1) << bits;
      double step = std::ldexp(1.0, whole - bits);
      this->checkAs("fixed<?/?>",
                    gridTable("", -codes / 2, codes / 2 - 1, step), {i, n});
      this->checkAs("ufixed<?/?>", gridTable("", 0, codes - 1, step), {i, n});
    }
  const bool isSingle = sizeof(TypeParam) == 4;
  this->compare("fixed<?/?>", {5, 12});
  this->compare("fixed<?/?>", {9, isSingle ? 25. : 54.});
  this->compare("ufixed<?/?>", {9, isSingle ? 24. : 53.});
}

// R-WRAP: codes modulo any number of bits, at any place.
TYPED_TEST(RuntimeFamilies, WrappedCodes) {
  for (double n : {3., 4., 8., 15.}) {
    this->compare("int?-wrap", {n});
    this->compare("uint?<0.25>-wrap", {n});
    this->compare("int?<2^?>-wrap", {n, 5});
    for (double f : {0., 1., 7.}) {
      this->compare("fixed<?,?>-wrap", {n, f});
      this->compare("ufixed<?,3>-wrap", {n});
      this->compare("fixed<4,?>-wrap", {f});
      this->compare("fixed<?/?>-wrap", {f + 1, n + f});
      this->compare("fixed<?/12>-wrap", {f + 1});
      this->compare("ufixed<?/12>-wrap", {f});
    }
  }
  this->compare("int8<2^?>-wrap", {-9});
}

// R-P3109: every K up to 8, every precision, both domains.
TYPED_TEST(RuntimeFamilies, P3109) {
  for (bool isSigned : {true, false})
    for (bool isExtended : {true, false})
      for (int width = 3; width <= 9; ++width)
        for (int precision = 1; precision <= width - isSigned; ++precision) {
          Table table = p3109Table(width, precision, isSigned, isExtended);
          std::optional<Format> written = Format::parse(table.name);
          if (!written->whyNotIn(this->carrier).empty())
            continue;
          const double k = width, p = precision;
          std::string end =
              std::string(isSigned ? "s" : "u") + (isExtended ? "e" : "f");
          this->checkAs(("binary?p?" + end).c_str(), table, {k, p});
          this->checkAs(("binary?p" + std::to_string(precision) + end).c_str(),
                        table, {k});
          this->checkAs(("binary" + std::to_string(width) + "p?" + end).c_str(),
                        table, {p});
          this->compare(("binary?p?" + end).c_str(), {k, p});
          this->compare(("binary?p?" + end + "-sat").c_str(), {k, p});
        }
  this->compare("binary?p?se", {16, 11});
  this->checkAs("binary?p?se", p3109Table(3, 2, true, true), {-9, 99});
}

// R-FLUSH, R-ABSENT: floats of any width without subnormals.
TYPED_TEST(RuntimeFamilies, FlushedFloats) {
  for (const char *end : {"-ftz", "-nosub", "-ftz-sat", "-nosub-sat"})
    for (double e : {2., 3., 5., 7.})
      for (double m : {0., 1., 3., 10., 22.}) {
        this->compare((std::string("e?m?") + end).c_str(), {e, m});
        this->compare((std::string("e5m?") + end).c_str(), {m});
        this->compare((std::string("e?m2") + end).c_str(), {e});
      }
  // As many exponent bits as leave half of the least number.
  this->compare("e?m2-nosub", {61});
  this->compare("m?-ftz", {4});
  this->compare("bits?-ftz", {14});
}

// Formats with a shared scale round as the written one.
TYPED_TEST(RuntimeFamilies, SharedScales) {
  using T = TypeParam;
  struct Case {
    const char *name, *written;
    std::vector<uint32_t> numbers;
  };
  const Case cases[] = {{"mx<e4m3,?>", "mx<e4m3,16>", {16}},
                        {"mx<e?m?,?,even>", "mx<e2m3,8,even>", {2, 3, 8}},
                        {"mx<e4m3,?>", "mx<e4m3,1>", {uint32_t(-5)}},
                        {"bfp<?,?>", "bfp<8,32>", {8, 32}},
                        {"bfp<?,16,ceil>", "bfp<2,16,ceil>", {0}},
                        {"bfp<8,?>", "bfp<8,65536>", {1u << 30}},
                        {"adaptivfloat<?,?>", "adaptivfloat<8,4>", {8, 4}},
                        {"adaptivfloat<?,3>", "adaptivfloat<6,3>", {6}},
                        {"adaptivfloat<8,?>", "adaptivfloat<8,2>", {2}},
                        {"adaptivfloat<8,?>", "adaptivfloat<8,6>", {7}},
                        {"adaptivfloat<?,7>", "adaptivfloat<9,7>", {4}},
                        {"int?<max>", "int8<max>", {8}},
                        {"uint?<max>", "uint1<max>", {uint32_t(-3)}}};
  Words random(3);
  std::vector<T> in(6 * 70), want(in.size()), got(in.size());
  for (T &x : in)
    x = T(std::ldexp(double(int(random() % 4001)) - 2000,
                     int(random() % 30) - 25));
  for (const Case &each : cases)
    for (RoundingMode mode : {RoundingMode(), RoundingMode(Kind::Stochastic, 5),
                              RoundingMode::runtimeStochastic()}) {
      std::vector<uint32_t> numbers = each.numbers;
      if (mode.isRuntime)
        numbers.push_back(5);
      RoundArray runtime(*Format::parse(each.name), mode, 3, 4, numbers);
      RoundArray written(*Format::parse(each.written), mode.with(5), 3, 4);
      runtime(std::span<const T>(in), std::span<T>(got), 70);
      written(std::span<const T>(in), std::span<T>(want), 70);
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(bitsOf(got[i]), bitsOf(want[i])) << each.name << " " << i;
    }
}
