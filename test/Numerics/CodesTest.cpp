// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Codes of numbers against APFloat, tables of the formats' definitions and the
// bits of f32 and f64.
#include "prec/Numerics/Codes.h"
#include "Inputs.h"
#include "Table.h"
#include "prec/Numerics/Round.h"

#include "llvm/ADT/APFloat.h"
#include <gtest/gtest.h>

using namespace mlir::prec;
using namespace mlir::prec::oracle;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Both ways, in both carriers if both hold the format.
void same(const char *name, uint64_t code, double number) {
  Format format = *Format::parse(name);
  for (Carrier carrier : {Carrier::F32, Carrier::F64}) {
    if (!format.whyNotIn(carrier).empty())
      continue;
    const double got = decode(code, format, carrier);
    const uint64_t above = ~uint64_t(0) << format.width(carrier);
    EXPECT_EQ(bitsOf(decode(code | above, format, carrier)), bitsOf(got))
        << name << " code " << code << " with bits above it";
    EXPECT_TRUE(std::isnan(number) ? std::isnan(got)
                                   : bitsOf(got) == bitsOf(number))
        << name << " code " << code << ": got " << got << ", expected "
        << number;
    EXPECT_EQ(encode(number, format, carrier), code) << name << " " << number;
  }
}
} // namespace

// Every code; a format has one NaN of ours, perhaps several of APFloat's.
TEST(Codes, SmallFloatsOfApfloat) {
  using llvm::APFloat;
  const std::pair<const char *, const llvm::fltSemantics *> formats[] = {
      {"f16", &APFloat::IEEEhalf()},
      {"bf16", &APFloat::BFloat()},
      {"f8e5m2", &APFloat::Float8E5M2()},
      {"f8e4m3", &APFloat::Float8E4M3()},
      {"f8e3m4", &APFloat::Float8E3M4()},
      {"f8e4m3fn", &APFloat::Float8E4M3FN()},
      {"f8e5m2fnuz", &APFloat::Float8E5M2FNUZ()},
      {"f8e4m3fnuz", &APFloat::Float8E4M3FNUZ()},
      {"f8e4m3b11fnuz", &APFloat::Float8E4M3B11FNUZ()},
      {"f8e8m0fnu", &APFloat::Float8E8M0FNU()},
      {"f6e3m2fn", &APFloat::Float6E3M2FN()},
      {"f6e2m3fn", &APFloat::Float6E2M3FN()},
      {"f4e2m1fn", &APFloat::Float4E2M1FN()}};
  for (auto [name, semantics] : formats) {
    const unsigned width = APFloat::getSizeInBits(*semantics);
    const Format format = *Format::parse(name);
    for (uint64_t code = 0; code >> width == 0; ++code) {
      const APFloat value(*semantics, llvm::APInt(width, code));
      if (!value.isNaN()) {
        same(name, code, value.convertToDouble());
        continue;
      }
      EXPECT_TRUE(std::isnan(decode(code, format, Carrier::F64)))
          << name << " code " << code;
    }
    if (format.nans == Format::NaNs::Yes) {
      const uint64_t nan = encode(NAN, format, Carrier::F64);
      const APFloat value(*semantics, llvm::APInt(width, nan));
      EXPECT_TRUE(value.isNaN() && !value.isSignaling()) << name << " " << nan;
    }
  }
}

// The carriers' own codes are their bits, and mN has the uppermost of them.
TEST(Codes, BitsOfTheCarrier) {
  Words words(31);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = i < 4096 ? uint64_t(i) << 52 : words();
    const auto wide = fromBits<double>(bits);
    const auto narrow = fromBits<float>(uint32_t(bits >> 32));
    if (std::isnan(wide) || std::isnan(narrow))
      continue;
    for (const char *name : {"f64", "m52"}) {
      const Format format = *Format::parse(name);
      EXPECT_EQ(encode(wide, format, Carrier::F64), bits);
      EXPECT_EQ(bitsOf(decode(bits, format, Carrier::F64)), bits);
    }
    for (const char *name : {"f32", "m23", "bits32"}) {
      const Format format = *Format::parse(name);
      EXPECT_EQ(encode(double(narrow), format, Carrier::F32), bits >> 32);
      EXPECT_EQ(bitsOf(decode(bits >> 32, format, Carrier::F32)),
                bitsOf(double(narrow)));
    }
    const Format format = Format::mantissa(9);
    const uint64_t cut = bits & ~uint64_t(0) << 43;
    EXPECT_EQ(encode(fromBits<double>(cut), format, Carrier::F64), cut >> 43);
    EXPECT_EQ(bitsOf(decode(cut >> 43, format, Carrier::F64)), cut);
  }
}

// IEEE P3109: NaN has the code of negative zero, or the last one of an unsigned
// format; infinity the one before the last of its sign.
TEST(Codes, SpecialsOfP3109) {
  for (int precision : {1, 3, 7}) {
    const std::string p = std::to_string(precision);
    same(("binary8p" + p + "se").c_str(), 0x80, NAN);
    same(("binary8p" + p + "se").c_str(), 0x7f, infinity);
    same(("binary8p" + p + "se").c_str(), 0xff, -infinity);
    same(("binary8p" + p + "sf").c_str(), 0x80, NAN);
    same(("binary8p" + p + "ue").c_str(), 0xff, NAN);
    same(("binary8p" + p + "ue").c_str(), 0xfe, infinity);
    same(("binary8p" + p + "uf").c_str(), 0xff, NAN);
  }
}

// Without a fraction no code is left for NaN.
TEST(Codes, NoFraction) {
  same("e5m0", 31, infinity);
  same("e5m0", 63, -infinity);
  same("e5m0", 16, 2);
  EXPECT_EQ(encode(NAN, *Format::parse("e5m0"), Carrier::F32), 31u);
}

TEST(Codes, SignsAndGrids) {
  same("binary", 0, -1);
  same("binary", 1, 1);
  for (int64_t code = 0; code < 256; ++code) {
    same("uint8<0.5,128>", code, double(code - 128) * 0.5);
    same("fixed<3,5>-wrap", code, double(code < 128 ? code : code - 256) / 32);
  }
  for (int64_t code = -8; code < 8; ++code)
    same("int4<2,3>", code & 15, double(code - 3) * 2);
  for (int64_t code = -2048; code < 2048; ++code) {
    const Format format = *Format::parse("int12<0.1>");
    const float narrow = float(code) * 0.1f;
    const double wide = double(code) * 0.1;
    EXPECT_EQ(decode(code & 4095, format, Carrier::F32), double(narrow));
    EXPECT_EQ(decode(code & 4095, format, Carrier::F64), wide);
    EXPECT_EQ(encode(double(narrow), format, Carrier::F32), code & 4095);
    EXPECT_EQ(encode(wide, format, Carrier::F64), code & 4095);
  }
}

TEST(Codes, WidePosits) {
  Words words(32);
  for (int width : {2, 3, 17, 24, 32})
    for (int es = 0; es <= 3; ++es) {
      const std::string name =
          "posit<" + std::to_string(width) + "," + std::to_string(es) + ">";
      const uint64_t nar = uint64_t(1) << (width - 1);
      same(name.c_str(), 0, 0);
      same(name.c_str(), nar, NAN);
      for (int i = 0; i < 2000; ++i) {
        // Short and long regimes.
        const uint64_t code =
            std::max<uint64_t>((words() & (nar - 1)) >> (words() % width), 1);
        for (uint64_t either : {code, nar - code}) {
          same(name.c_str(), either, positValue(either, width, es));
          same(name.c_str(), 2 * nar - either, -positValue(either, width, es));
        }
      }
    }
}

// Codes: all of them decode to the table's numbers and encode back.
TEST(Codes, EveryCodeOfTheTables) {
  std::vector<Table> tables = {
      gridTable("fixed<4,4>", -128, 127, 0x1p-4), gridTable("uint5", 0, 31, 1),
      gridTable("int8<0.25>", -128, 127, 0.25), powerTable("pow2<-8,0>", -8, 0),
      powerTable("pow2<-3,4>", -3, 4)};
  for (int es = 0; es <= 3; ++es)
    tables.push_back(positTable(9, es));
  for (int precision = 1; precision <= 7; ++precision)
    for (bool isSigned : {true, false})
      tables.push_back(p3109Table(8, precision, isSigned, true));
  for (const Table &table : tables) {
    Format format = *Format::parse(table.name);
    for (size_t code = 0; code < table.numbers.size(); ++code) {
      EXPECT_EQ(decode(code, format, Carrier::F64), table.numbers[code])
          << table.name << " code " << code;
      EXPECT_EQ(encode(table.numbers[code], format, Carrier::F64), code)
          << table.name;
    }
    uint64_t mask = (uint64_t(1) << format.width(Carrier::F64)) - 1;
    // A sign bit, or two's complement.
    bool isFloat = format.family == Format::Family::P3109 ||
                   format.family == Format::Family::Power;
    for (size_t k = 1; k < table.negatives.size() || k < 2; ++k) {
      if (!format.isSigned)
        break;
      double number =
          -(table.negatives.empty() ? table.numbers[k] : table.negatives[k]);
      uint64_t want = isFloat ? k | (mask + 1) / 2 : (0 - k) & mask;
      EXPECT_EQ(encode(number, format, Carrier::F64), want) << table.name;
      EXPECT_EQ(decode(want, format, Carrier::F64), number) << table.name;
    }
  }
}

// What the folders ask, by looking at all numbers. -0 is none of zero's.
TEST(Codes, NegativesAndMagnitudes) {
  for (const char *name :
       {"e4m3",           "f8e4m3fn",    "f8e4m3fnuz",  "f4e2m1fn",
        "int8",           "int8-sym",    "uint4",       "ternary",
        "uint8<0.5,128>", "int4<2,3>",   "int4<1,-3>",  "uint4<1,15>",
        "uint4<1,8>",     "uint4<1,7>",  "pow2<-3,4>",  "posit<8,1>",
        "f8e8m0fnu",      "binary6p3se", "binary6p3uf", "fixed<2,2>",
        "ufixed<2,2>"}) {
    const Format format = *Format::parse(name);
    std::vector<uint64_t> numbers;
    for (uint64_t code = 0; code >> format.width(Carrier::F64) == 0; ++code)
      if (double number = decode(code, format, Carrier::F64);
          round(number, format, RoundingMode()) == number)
        numbers.push_back(bitsOf(number));
    auto has = [&](double number) {
      return std::count(numbers.begin(), numbers.end(), bitsOf(number)) != 0;
    };
    bool isSymmetric = true, hasMagnitudes = true;
    for (uint64_t bits : numbers) {
      isSymmetric &= has(-fromBits<double>(bits));
      hasMagnitudes &= has(std::fabs(fromBits<double>(bits)));
    }
    EXPECT_EQ(format.isSymmetric(), isSymmetric) << name;
    EXPECT_EQ(format.hasMagnitudes(), hasMagnitudes) << name;
  }
}

TEST(Codes, Packing) {
  const uint64_t codes[] = {0x5, 0x3, 0x7, 0x1, 0x6};
  std::vector<uint8_t> bytes = packCodes(codes, 3);
  // 5 + 3*8 + 7*64 + 1*512 + 6*4096 = 0x63dd
  EXPECT_EQ(bytes, (std::vector<uint8_t>{0xdd, 0x63}));
  EXPECT_EQ(unpackCodes(bytes, 3, 5),
            (std::vector<uint64_t>{0x5, 0x3, 0x7, 0x1, 0x6}));
  EXPECT_TRUE(packCodes({}, 3).empty());
}

// Code i has the bits from i * width on, the lowest first.
TEST(Codes, PackingOfEveryWidth) {
  Words words(33);
  for (unsigned width = 1; width <= 64; ++width)
    for (size_t count : {1, 7, 8, 13}) {
      std::vector<uint64_t> codes;
      std::vector<bool> bits;
      for (size_t i = 0; i < count; ++i) {
        codes.push_back(words() >> (64 - width));
        for (unsigned bit = 0; bit < width; ++bit)
          bits.push_back(codes[i] >> bit & 1);
      }
      std::vector<uint8_t> bytes = packCodes(codes, width);
      ASSERT_EQ(bytes.size(), (bits.size() + 7) / 8);
      bits.resize(8 * bytes.size());
      for (size_t i = 0; i < bits.size(); ++i)
        ASSERT_EQ(bytes[i / 8] >> (i % 8) & 1, bits[i]);
      EXPECT_EQ(unpackCodes(bytes, width, count), codes);
    }
}

// The least unsigned integer that holds a code.
TEST(Codes, Bytes) {
  for (auto [name, bytes] : {std::pair("binary", 1u),
                             {"f8e4m3fn", 1u},
                             {"int9", 2u},
                             {"e5m10", 2u},
                             {"int17", 4u},
                             {"fixed<20,13>", 8u},
                             {"bits32", 4u},
                             {"f64", 8u}})
    EXPECT_EQ(bytesOfCode(*Format::parse(name), Carrier::F64), bytes) << name;
}
