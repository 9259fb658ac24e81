// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes a format down from its descriptor; numbers come from its codes and its
// rounding.
#include "prec/Numerics/Describe.h"
#include "prec/Numerics/Codes.h"
#include "prec/Numerics/Round.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

using namespace mlir::prec;
using Family = Format::Family;

template <typename Number> static std::string shortest(Number number) {
  if (std::isnan(number))
    return "nan";
  char buffer[40];
  auto [end, status] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, end);
}

std::string mlir::prec::shortestText(float number) { return shortest(number); }
std::string mlir::prec::shortestText(double number) { return shortest(number); }

static std::string codeText(uint64_t code, int width) {
  std::string digits;
  for (int at = (width + 3) / 4 - 1; at >= 0; --at)
    digits += "0123456789abcdef"[code >> (4 * at) & 15];
  return "0x" + digits;
}

namespace {
class Page {
public:
  explicit Page(const Format &format)
      : format(format.element()), whole(format),
        carrier(format.whyNotIn(Carrier::F64).empty() ? Carrier::F64
                                                      : Carrier::F32),
        width(this->format.width(carrier)) {}

  std::string run();

private:
  void line(std::string_view key, const std::string &value) {
    text += std::string(key) + ": " + value + "\n";
  }
  std::string layout() const;
  std::string carriers() const;
  double rounded(double x, RoundingMode mode) const {
    return round(x, format, mode);
  }
  std::string withCode(double x) const {
    return shortestText(x) + " (" +
           codeText(encode(x, format, carrier), width) + ")";
  }
  void range();
  void specials();
  void sharing();
  void table();

  Format format, whole;
  Carrier carrier;
  int width;
  std::string text;
};
} // namespace

std::string Page::layout() const {
  auto count = [](int number, std::string_view what) {
    return std::to_string(number) + " " + std::string(what);
  };
  switch (format.family) {
  case Family::Fixed:
  case Family::Integer: {
    std::string scale;
    if (format.scale != 1)
      scale = " times " + shortestText(format.scale);
    if (format.zeroPoint)
      scale = " minus " + std::to_string(format.zeroPoint) + "," + scale;
    return std::string(format.isSigned ? "two's complement" : "unsigned") +
           ", codes " + std::to_string(format.low) + ".." +
           std::to_string(format.high) + scale +
           (format.fractionBits
                ? " times 2^-" + std::to_string(format.fractionBits)
                : "");
  }
  case Family::Power:
    return "sign, exponent from " + std::to_string(format.low) + " to " +
           std::to_string(format.high) + ", zero";
  case Family::Posit:
    return "sign, regime, " + count(format.exponentBits, "exponent bits") +
           ", fraction";
  case Family::Sign:
    return "sign";
  case Family::Exponent:
    return "8 exponent bits, bias 127";
  default:
    break;
  }
  int exponent = format.family == Family::Mantissa
                     ? int(layoutOf(carrier).exponentBits)
                     : format.exponentBits;
  return std::string(format.isSigned ? "sign, " : "") +
         count(exponent, "exponent bits") + ", " +
         count(format.fractionBits, "fraction bits") + ", bias " +
         std::to_string((1 << (exponent - 1)) - 1 + format.biasOffset);
}

std::string Page::carriers() const {
  std::string names;
  for (Carrier each : {Carrier::F32, Carrier::F64})
    if (whole.whyNotIn(each).empty())
      names += (names.empty() ? "" : ", ") + std::string(nameOf(each));
  return names.empty() ? "none" : names;
}

void Page::range() {
  using Limits = std::numeric_limits<double>;
  const double most = Limits::max();
  double largest = rounded(most, RoundingMode::Kind::TowardZero);
  double lowest = rounded(-most, RoundingMode::Kind::TowardZero);
  line("largest", withCode(largest));
  if (format.family != Family::Exponent)
    line("lowest", withCode(lowest));
  double least = rounded(Limits::denorm_min(), RoundingMode::Kind::Away);
  if (format.family != Family::Sign)
    line("least positive", withCode(least));
  RoundFacts facts = roundFacts(format, carrier);
  bool isFloat =
      format.family == Family::Float || format.family == Family::Mantissa ||
      format.family == Family::Word || format.family == Family::P3109;
  if (isFloat) {
    line("least normal",
         withCode(std::ldexp(1.0, facts.leastNormal - facts.carrier.bias())));
    line("subnormals", format.subnormals == Format::Subnormals::Kept ? "yes"
                       : format.subnormals == Format::Subnormals::Flushed
                           ? "become zero"
                           : "none");
  }
  // The distance from 1 to the next number, where 1 is one.
  if (rounded(1, RoundingMode()) == 1 && largest > 1) {
    double above = std::nextafter(1.0, 2.0);
    line("epsilon", shortestText(rounded(above, RoundingMode::Kind::Away) - 1));
  }
}

void Page::specials() {
  auto codes = [&](double special) {
    return codeText(encode(special, format, carrier), width);
  };
  using Limits = std::numeric_limits<double>;
  bool hasZero =
      format.family != Family::Sign && format.family != Family::Exponent;
  line("zero", hasZero ? codes(0) : "none");
  line("negative zero",
       format.hasNegativeZero && hasZero ? codes(-0.0) : "none");
  std::string infinities = "none";
  if (format.infinities == Format::Infinities::Yes)
    infinities = codes(Limits::infinity()) +
                 (format.isSigned ? ", " + codes(-Limits::infinity()) : "");
  line("infinities", infinities);
  std::string nans = "none";
  if (format.nans == Format::NaNs::Yes) {
    uint64_t code = encode(Limits::quiet_NaN(), format, carrier);
    nans = codeText(code, width);
    if (format.isSigned && format.hasNegativeZero) // the sign's bit is free
      nans += ", " + codeText(code | uint64_t(1) << (width - 1), width);
    if (format.reservesLastExponent)
      nans += ", with other fractions too";
  }
  line("nan", nans);
  const double most = Limits::max();
  auto becomes = [&](double x, RoundingMode::Kind mode) {
    return shortestText(rounded(x, mode));
  };
  line("overflow",
       becomes(most, RoundingMode::Kind::NearestEven) + " (nearest-even), " +
           becomes(most, RoundingMode::Kind::TowardZero) + " (toward-zero)");
  line("infinity becomes",
       becomes(Limits::infinity(), RoundingMode::Kind::NearestEven) +
           " (nearest-even), " +
           becomes(Limits::infinity(), RoundingMode::Kind::TowardZero) +
           " (toward-zero)");
  line("nan becomes",
       becomes(Limits::quiet_NaN(), RoundingMode::Kind::NearestEven));
}

void Page::sharing() {
  static constexpr std::string_view rules[] = {"floor", "ceil", "round",
                                               "even"};
  switch (whole.sharing) {
  case Format::Sharing::None:
    return;
  case Format::Sharing::Exponent:
    line("shared scale", "2^-127..2^127 for " + std::to_string(whole.block) +
                             " elements of the last axis, the last block "
                             "short; rule " +
                             std::string(rules[size_t(whole.scaleRule)]));
    line("nan or infinity in a block", "the block becomes nan");
    break;
  case Format::Sharing::TwoLevel:
    line("shared scale", "f8e4m3fn for " + std::to_string(whole.block) +
                             " elements of the last axis, times an f32 for "
                             "the array");
    line("nan or infinity in a block", "the block becomes nan");
    break;
  case Format::Sharing::Bias:
    line("shared scale", "the exponent bias, so that the greatest exponent is "
                         "the array's; the least number is zero");
    break;
  case Format::Sharing::Maximum:
    line("shared scale",
         "greatest magnitude of the array / " + std::to_string(whole.high));
    break;
  case Format::Sharing::Mean:
    line("shared scale", "mean magnitude of the array");
    break;
  }
  text += "elements, in units of their scale:\n";
}

void Page::table() {
  if (width > 8 || whole.sharing == Format::Sharing::Bias)
    return;
  text += "codes:\n";
  for (uint64_t code = 0; code < uint64_t(1) << width; ++code)
    text += codeText(code, width) + " " +
            shortestText(decode(code, format, carrier)) + "\n";
}

std::string Page::run() {
  line("format", whole.str());
  for (const Format::Name &name : Format::names())
    if (name.canonical == whole.str())
      line("meaning", std::string(name.text));
  line("carriers", carriers());
  sharing();
  if (whole.isRuntime()) {
    line("widths", "given at run time, " +
                       std::to_string(whole.numRuntimeParameters()) +
                       " of them");
    return text;
  }
  line("bits", std::to_string(width));
  line("layout", layout());
  if (format.whyNotIn(carrier).empty() && carrier == Carrier::F64) {
    range();
    specials();
    table();
  }
  return text;
}

std::string mlir::prec::describeFormat(const Format &format) {
  return Page(format).run();
}

std::string mlir::prec::listFormats() {
  size_t column = 0;
  for (const Format::Name &row : Format::names())
    column = std::max({column, row.word.size() + 2, row.canonical.size() + 2});
  std::string text;
  auto padded = [&](std::string_view word) {
    return std::string(word) + std::string(column - word.size(), ' ');
  };
  for (const Format::Name &row : Format::names())
    text +=
        padded(row.word) + padded(row.canonical) + std::string(row.text) + "\n";
  return text + "and the patterns " + std::string(Format::patterns()) + "\n";
}
