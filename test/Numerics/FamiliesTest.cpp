// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fixed point, integers, powers of two, P3109 floats and posits against tables
// of their numbers: every number, every half way and their neighbours, in all
// deterministic modes, on both carriers.
#include "EveryInput.h"
#include "TableCheck.h"

#include <cstdlib>

using namespace mlir::prec;
using namespace mlir::prec::oracle;
using Kind = RoundingMode::Kind;

namespace {
template <class T> class Families : public TableCheck<T> {};
using Carriers = testing::Types<float, double>;
TYPED_TEST_SUITE(Families, Carriers);

std::string fixedName(int whole, int fraction, bool isSigned) {
  return std::string(isSigned ? "fixed<" : "ufixed<") + std::to_string(whole) +
         "," + std::to_string(fraction) + ">";
}
} // namespace

// R-FIXED: every split of up to 8 bits, some of 12 and 16.
TYPED_TEST(Families, Fixed) {
  for (int bits : {1, 2, 3, 5, 8, 16})
    for (int fraction = 0; fraction <= bits; ++fraction) {
      int whole = bits - fraction;
      if (bits > 8 && fraction % 8)
        continue;
      double step = std::ldexp(1.0, -fraction);
      int64_t codes = int64_t(1) << bits;
      if (whole > 0)
        this->check(gridTable(fixedName(whole, fraction, true), -codes / 2,
                              codes / 2 - 1, step));
      this->check(
          gridTable(fixedName(whole, fraction, false), 0, codes - 1, step));
    }
}

// R-RUNTIME: the place of the point is known at run time, beyond both ends of
// the word too; numbers outside -61..61 mean the nearest of these.
TYPED_TEST(Families, MovedFixed) {
  for (int bits : {3, 4, 8})
    for (int whole : {-61, -60, -9, -1, 0, 1, 3, 8, 20, 61}) {
      double step = std::ldexp(1.0, whole - bits);
      int64_t codes = int64_t(1) << bits;
      std::string name = "fixed<?/" + std::to_string(bits) + ">";
      std::vector<int32_t> given = {whole};
      if (whole == -61)
        given.insert(given.end(), {-62, -1000, INT32_MIN});
      if (whole == 61)
        given.insert(given.end(), {62, 1000, INT32_MAX});
      for (int32_t number : given) {
        this->check(gridTable(name, -codes / 2, codes / 2 - 1, step),
                    {uint32_t(number)});
        this->check(gridTable("u" + name, 0, codes - 1, step),
                    {uint32_t(number)});
      }
    }
}

// R-INTEGER: all widths up to 12, with and without the lowest code.
TYPED_TEST(Families, Integers) {
  for (int bits = 1; bits <= 12; ++bits) {
    int64_t codes = int64_t(1) << bits;
    std::string width = std::to_string(bits);
    this->check(gridTable("int" + width, -codes / 2, codes / 2 - 1, 1));
    this->check(gridTable("uint" + width, 0, codes - 1, 1));
    if (bits > 1)
      this->check(
          gridTable("int" + width + "-sym", 1 - codes / 2, codes / 2 - 1, 1));
  }
  this->check(gridTable("ternary", -1, 1, 1));
  this->check(gridTable("int8<0.25>", -128, 127, 0.25));
  this->check(gridTable("int8<4>", -128, 127, 4));
  this->check(gridTable("uint8<0.5,128>", -128, 127, 0.5));
  this->check(gridTable("int4<2,3>", -11, 4, 2));
}

// R-POWER.
TYPED_TEST(Families, Powers) {
  this->check(powerTable("pow2<-8,0>", -8, 0));
  this->check(powerTable("pow2<-3,4>", -3, 4));
  this->check(powerTable("pow2<0,0>", 0, 0));
  this->check(powerTable("pow2<-126,127>", -126, 127));
}

// R-P3109: every K up to 8 and some beyond, every precision, both domains.
TYPED_TEST(Families, P3109) {
  for (int width : {3, 4, 5, 6, 7, 8, 10, 12})
    for (bool isSigned : {true, false})
      for (bool isExtended : {true, false})
        for (int precision = 1; precision <= width - isSigned; ++precision) {
          Table table = p3109Table(width, precision, isSigned, isExtended);
          if (!Format::parse(table.name)
                   ->whyNotIn(sizeof(TypeParam) == 4 ? Carrier::F32
                                                     : Carrier::F64)
                   .empty())
            continue;
          this->check(table);
        }
}

// R-POSIT: all posits of up to 10 bits that the carrier holds, some of 16.
TYPED_TEST(Families, Posits) {
  for (int width : {2, 3, 4, 5, 6, 7, 8, 10, 12, 16})
    for (int es = 0; es <= 5; ++es) {
      Table table = positTable(width, es);
      Format format = *Format::parse(table.name);
      if (format.whyNotIn(sizeof(TypeParam) == 4 ? Carrier::F32 : Carrier::F64)
              .empty())
        this->check(table);
    }
}

// All 2^32 inputs against the steps of the table, whose results are monotone:
// runs of equal results are found by galloping and bisection.
TEST(Exhaustive, EveryF32OfFamilies) {
  const char *flag = std::getenv("PREC_EXHAUSTIVE");
  if (!flag || *flag != '1')
    GTEST_SKIP() << "set PREC_EXHAUSTIVE=1";
  for (const Table &table :
       {gridTable("fixed<4,4>", -128, 127, 0x1p-4),
        gridTable("int8", -128, 127, 1),
        gridTable("int8<0.1>", -128, 127, 0.1F),
        powerTable("pow2<-8,0>", -8, 0), positTable(8, 0), positTable(8, 2),
        p3109Table(8, 3, true, true), p3109Table(8, 4, true, false)})
    for (Kind kind : {Kind::NearestEven, Kind::TowardZero, Kind::ToOdd}) {
      EveryInput every(*Format::parse(table.name), kind);
      auto want = [&](uint32_t bits) {
        auto x = fromBits<float>(bits);
        auto y = static_cast<float>(
            roundByTable(table, static_cast<double>(x), kind));
        return std::isnan(y) ? 0x7fc00000 : bitsOf(y);
      };
      uint64_t failures = 0;
      for (uint32_t sign : {0u, 0x80000000u})
        for (uint32_t bits = 0, end = 0x7f800001; bits < end;) {
          uint32_t result = want(bits | sign), last = bits, stride = 1;
          while (last + stride < end &&
                 want((last + stride) | sign) == result) {
            last += stride;
            stride *= 2;
          }
          for (; stride > 0; stride /= 2)
            if (last + stride < end && want((last + stride) | sign) == result)
              last += stride;
          failures += every.failures(bits, last + 1, sign, result);
          bits = last + 1;
        }
      EXPECT_EQ(failures, 0u) << table.name << " " << RoundingMode(kind).str();
    }
}
