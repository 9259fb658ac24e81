// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pages about formats against APFloat, and what the formats' definitions say.
#include "prec/Numerics/Describe.h"
#include "prec/Numerics/Format.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

using namespace mlir::prec;
using llvm::APFloat;

namespace {
/// The lines of a page, by what stands before the colon or, in the table of
/// codes, before the blank.
std::map<std::string, std::string> pageOf(const std::string &name) {
  std::map<std::string, std::string> lines;
  std::istringstream page(describeFormat(*Format::parse(name)));
  for (std::string line; std::getline(page, line);) {
    const bool isCode = line.starts_with("0x");
    const size_t at = isCode ? line.find(' ') : line.find(':');
    const size_t value = std::min(at + (isCode ? 1 : 2), line.size());
    lines.emplace(line.substr(0, at), line.substr(value));
  }
  return lines;
}

std::string text(double number) {
  char buffer[40];
  return std::string(buffer,
                     std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}
std::string text(const APFloat &number) {
  return number.isNaN() ? "nan" : text(number.convertToDouble());
}
std::string code(const APFloat &number) {
  const unsigned digits =
      (APFloat::getSizeInBits(number.getSemantics()) + 3) / 4;
  std::string hex = llvm::toString(number.bitcastToAPInt(), 16, false);
  for (char &c : hex)
    c = char(std::tolower(c));
  return "0x" + std::string(digits - hex.size(), '0') + hex;
}
std::string both(const APFloat &number) {
  return text(number) + " (" + code(number) + ")";
}
} // namespace

TEST(Describe, FloatsOfApfloat) {
  const std::pair<const char *, const llvm::fltSemantics *> formats[] = {
      {"f16", &APFloat::IEEEhalf()},
      {"bf16", &APFloat::BFloat()},
      {"f64", &APFloat::IEEEdouble()},
      {"f8e5m2", &APFloat::Float8E5M2()},
      {"f8e3m4", &APFloat::Float8E3M4()},
      {"f8e4m3fn", &APFloat::Float8E4M3FN()},
      {"f8e5m2fnuz", &APFloat::Float8E5M2FNUZ()},
      {"f8e4m3b11fnuz", &APFloat::Float8E4M3B11FNUZ()},
      {"f6e3m2fn", &APFloat::Float6E3M2FN()},
      {"f4e2m1fn", &APFloat::Float4E2M1FN()}};
  for (auto [name, semantics] : formats) {
    auto page = pageOf(name);
    const unsigned width = APFloat::getSizeInBits(*semantics);
    const unsigned fraction = APFloat::semanticsPrecision(*semantics) - 1;
    EXPECT_EQ(page["carriers"], width > 32 ? "f64" : "f32, f64") << name;
    EXPECT_EQ(page["bits"], std::to_string(width)) << name;
    const APFloat least = APFloat::getSmallestNormalized(*semantics);
    EXPECT_EQ(page["layout"],
              "sign, " + std::to_string(width - 1 - fraction) +
                  " exponent bits, " + std::to_string(fraction) +
                  " fraction bits, bias " + std::to_string(1 - ilogb(least)))
        << name;
    EXPECT_EQ(page["largest"], both(APFloat::getLargest(*semantics))) << name;
    EXPECT_EQ(page["lowest"], both(APFloat::getLargest(*semantics, true)))
        << name;
    EXPECT_EQ(page["least positive"], both(APFloat::getSmallest(*semantics)))
        << name;
    EXPECT_EQ(page["least normal"], both(least)) << name;
    EXPECT_EQ(page["subnormals"], "yes") << name;
    EXPECT_EQ(page["epsilon"], text(std::ldexp(1, -int(fraction)))) << name;
    EXPECT_EQ(page["zero"], code(APFloat::getZero(*semantics))) << name;
    const APFloat negative = APFloat::getZero(*semantics, true);
    EXPECT_EQ(page["negative zero"],
              negative.isNegative() ? code(negative) : "none")
        << name;
    EXPECT_EQ(page["infinities"],
              APFloat::semanticsHasInf(*semantics)
                  ? code(APFloat::getInf(*semantics)) + ", " +
                        code(APFloat::getInf(*semantics, true))
                  : "none")
        << name;
    if (!APFloat::semanticsHasNaN(*semantics)) {
      EXPECT_EQ(page["nan"], "none") << name;
      EXPECT_EQ(page["nan becomes"], "0") << name;
    } else {
      const std::string nan = code(APFloat::getQNaN(*semantics));
      EXPECT_TRUE(page["nan"].starts_with(nan)) << name << page["nan"];
      EXPECT_EQ(page["nan becomes"], "nan") << name;
    }
    for (uint64_t bits = 0; width <= 8 && bits >> width == 0; ++bits) {
      const APFloat number(*semantics, llvm::APInt(width, bits));
      // The bits of a NaN that is not quiet are printed as they are.
      EXPECT_EQ(page[code(number)], text(number)) << name << " " << bits;
    }
    EXPECT_EQ(page.count("codes"), width <= 8) << name;
  }
}

// By the formats' definitions.
TEST(Describe, Lines) {
  const struct {
    const char *format, *key, *value;
  } rows[] = {
      {"f8e4m3fn", "nan", "0x7f, 0xff"},
      {"f8e5m2", "nan", "0x7e, 0xfe, with other fractions too"},
      {"f8e4m3fnuz", "nan", "0x80"},
      {"f8e5m2", "overflow", "inf (nearest-even), 57344 (toward-zero)"},
      {"f8e5m2", "infinity becomes", "inf (nearest-even), inf (toward-zero)"},
      {"f8e5m2-sat", "overflow", "57344 (nearest-even), 57344 (toward-zero)"},
      {"f4e2m1fn", "overflow", "6 (nearest-even), 6 (toward-zero)"},
      {"f4e2m1fn", "infinity becomes", "6 (nearest-even), 6 (toward-zero)"},
      {"e4m3-ftz", "subnormals", "become zero"},
      {"e4m3-nosub", "subnormals", "none"},
      {"m7", "layout", "sign, 11 exponent bits, 7 fraction bits, bias 1023"},
      {"m7", "bits", "19"},
      {"binary8p3ue", "layout", "6 exponent bits, 2 fraction bits, bias 32"},
      {"binary8p3ue", "infinities", "0xfe"},
      {"binary8p3ue", "nan", "0xff"},
      {"pow2<-3,4>", "bits", "5"},
      {"pow2<-3,4>", "layout", "sign, exponent from -3 to 4, zero"},
      {"pow2<-3,4>", "largest", "16 (0x08)"},
      {"pow2<-3,4>", "lowest", "-16 (0x18)"},
      {"pow2<-3,4>", "least positive", "0.125 (0x01)"},
      {"pow2<-3,4>", "epsilon", "1"},
      {"pow2<-3,4>", "zero", "0x00"},
      {"pow2<-3,4>", "negative zero", "none"},
      {"posit<8,2>", "layout", "sign, regime, 2 exponent bits, fraction"},
      {"posit<8,2>", "largest", "16777216 (0x7f)"},
      {"posit<8,2>", "least positive", "5.960464477539063e-08 (0x01)"},
      {"posit<8,2>", "epsilon", "0.125"},
      {"posit<8,2>", "nan", "0x80"},
      {"int4<2,3>", "layout", "two's complement, codes -8..7 minus 3, times 2"},
      {"int4<2,3>", "largest", "8 (0x7)"},
      {"int4<2,3>", "lowest", "-22 (0x8)"},
      {"int4<2,3>", "zero", "0x3"},
      {"uint4", "layout", "unsigned, codes 0..15"},
      {"uint4", "lowest", "0 (0x0)"},
      {"fixed<3,5>", "layout", "two's complement, codes -128..127 times 2^-5"},
      {"int30", "carriers", "f64"},
      {"binary", "layout", "sign"},
      {"binary", "bits", "1"},
      {"binary", "lowest", "-1 (0x0)"},
      {"binary", "zero", "none"},
      {"binary", "negative zero", "none"},
      {"binary", "0x0", "-1"},
      {"f8e8m0fnu", "layout", "8 exponent bits, bias 127"},
      {"f8e8m0fnu", "largest", "1.7014118346046923e+38 (0xfe)"},
      {"f8e8m0fnu", "least positive", "5.877471754111438e-39 (0x00)"},
      {"f8e8m0fnu", "zero", "none"},
      {"f8e8m0fnu", "nan", "0xff"},
      {"mxfp4", "bits", "4"},
      {"nvfp4", "shared scale",
       "f8e4m3fn for 16 elements of the last axis, times an f32 for the array"},
      {"nvfp4", "nan or infinity in a block", "the block becomes nan"},
      {"int8<max>", "shared scale", "greatest magnitude of the array / 127"},
      {"binary<mean>", "shared scale", "mean magnitude of the array"},
      {"adaptivfloat<8,4>", "shared scale",
       "the exponent bias, so that the greatest exponent is the array's; the "
       "least number is zero"},
      {"fixed<?,?>", "widths", "given at run time, 2 of them"},
  };
  for (const auto &row : rows)
    EXPECT_EQ(pageOf(row.format)[row.key], row.value)
        << row.format << ", " << row.key;
  const std::pair<const char *, const char *> absent[] = {
      {"fixed<1,7>", "epsilon"},      // 1 is no number
      {"binary", "epsilon"},          // 1 is the largest
      {"binary", "least positive"},   // zero is none
      {"f8e8m0fnu", "lowest"},        // the same
      {"posit<8,2>", "subnormals"},   // only floats have them
      {"posit<9,2>", "codes"},        // too many
      {"adaptivfloat<8,4>", "codes"}, // they depend on the array
      {"fixed<?,?>", "bits"},         {"uint4", "shared scale"}};
  for (auto [format, key] : absent)
    EXPECT_FALSE(pageOf(format).contains(key)) << format << ", " << key;
}

// Columns begin under each other, and each name stands with its meaning.
TEST(Describe, List) {
  std::istringstream list(listFormats());
  const size_t column = [&] {
    size_t most = 0;
    for (const Format::Name &name : Format::names())
      most = std::max({most, name.word.size(), name.canonical.size()});
    return most + 2;
  }();
  std::string line;
  for (const Format::Name &name : Format::names()) {
    ASSERT_TRUE(std::getline(list, line));
    EXPECT_EQ(line.find(' '), name.word.size()) << line;
    EXPECT_EQ(line.substr(column, name.canonical.size() + 1),
              std::string(name.canonical) + " ")
        << line;
    EXPECT_EQ(line.substr(2 * column), name.text) << line;
  }
  ASSERT_TRUE(std::getline(list, line));
  EXPECT_EQ(line, "and the patterns " + std::string(Format::patterns()));
}
