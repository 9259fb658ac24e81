// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parser and printer of number formats.
#include "FormatParser.h"
#include "prec/Numerics/Spelling.h"

#include <charconv>

using namespace mlir::prec;

namespace {
constexpr std::string_view patternText =
    "eXmY with X = 2..11 exponent and Y = 0..52 fraction bits, mN with N = "
    "0..52, bitsN with N = 9..61, fixed<IL,FL> and ufixed<IL,FL> with IL + FL "
    "= 1..54 bits, fixed<?/N> and ufixed<?/N> with N = 3..54 bits, intN and "
    "uintN with N = 1..32, intN<scale> and intN<scale,zero>, intN<2^?> with N "
    "= 3..32, intN<max>, posit<N,ES> with N = 2..32 and ES = 0..5, "
    "pow2<LOW,HIGH>, binaryKpP with K = 3..16 and se, sf, ue or uf, "
    "binary<mean>, mx<F,BLOCK>, bfp<BITS,BLOCK>, adaptivfloat<BITS,E>; a "
    "number known at run time is ?; suffixes -sat, -wrap, -sym, -ftz, -nosub, "
    "-axisN";

/// A format that no widths describe.
struct Row {
  std::string_view word;
  Format format;
};
constexpr Row rows[] = {
#define PREC_FORMAT_NAME(word, canonical, text)
#define PREC_FORMAT_ROW(word, format, text) {word, format},
#include "prec/Numerics/FormatNames.def"
#undef PREC_FORMAT_NAME
};
} // namespace

std::string_view Format::patterns() { return patternText; }

const std::vector<Format::Name> &Format::names() {
  static const std::vector<Name> rows = {
#define PREC_FORMAT_NAME(word, canonical, text) {word, canonical, text},
#define PREC_FORMAT_ROW(word, format, text) {word, word, text},
#include "prec/Numerics/FormatNames.def"
#undef PREC_FORMAT_NAME
  };
  return rows;
}

/// Applies a suffix; empty, or why it does not suit the format.
static std::string applySuffix(std::string_view suffix, Format &format) {
  using Family = Format::Family;
  bool isFloat = !format.isGrid() && format.family != Family::Power &&
                 format.family != Family::Posit &&
                 format.family != Family::Sign &&
                 format.family != Family::Exponent;
  if (!format.isElementwise())
    return "formats with a shared scale take no suffix but -axisN";
  if (suffix == "-sat") {
    if (format.overflow != Format::Overflow::Ieee)
      return "it saturates by itself";
    format.overflow = Format::Overflow::Saturate;
  } else if (suffix == "-wrap") {
    if (!format.isGrid() || !format.hasPlainScale() || format.zeroPoint != 0 ||
        format.isBalanced ||
        std::popcount(uint64_t(format.high - format.low + 1)) != 1)
      return "only fixed point and integers with all their codes, without a "
             "scale, wrap";
    format.overflow = Format::Overflow::Wrap;
  } else if (suffix == "-sym") {
    const bool hasBits = format.hasRuntimeBits();
    if (format.family != Family::Integer || !format.isSigned ||
        (hasBits ? format.isBalanced
                 : format.low != -format.high - 1 || format.high == 0))
      return "only signed integers of at least 2 bits have a lowest code to "
             "leave out";
    if (hasBits)
      format.isBalanced = true;
    else
      ++format.low;
  } else if (suffix == "-ftz" || suffix == "-nosub") {
    if (!isFloat)
      return "only floats have subnormals to leave out";
    format.subnormals = suffix == "-ftz" ? Format::Subnormals::Flushed
                                         : Format::Subnormals::Absent;
  }
  return "";
}

std::optional<Format> Format::parse(std::string_view text, std::string *error) {
  auto fail = [&](std::string message) {
    if (error)
      *error = std::move(message);
    return std::nullopt;
  };
  constexpr std::string_view axisWord = "-axis";
  if (size_t at = text.rfind(axisWord); at != text.npos && at > 0) {
    std::optional<Format> format = parse(text.substr(0, at), error);
    if (!format)
      return std::nullopt;
    std::string_view number = text.substr(at + axisWord.size());
    int axis = Format::none;
    auto [end, status] =
        std::from_chars(number.data(), number.data() + number.size(), axis);
    if (status != std::errc() || end != number.data() + number.size() ||
        axis < 0 || axis > maxAxis)
      return fail("format '" + std::string(text) + "' has the axis '" +
                  std::string(number) + "', expected 0.." +
                  std::to_string(maxAxis));
    if (format->isElementwise())
      return fail("format '" + std::string(text) +
                  "' has an axis, but its elements share no scale");
    format->axis = axis;
    return format;
  }
  constexpr std::string_view suffixes[] = {"-sat", "-wrap", "-sym", "-ftz",
                                           "-nosub"};
  for (std::string_view suffix : suffixes) {
    if (!text.ends_with(suffix) || text.size() == suffix.size())
      continue;
    std::string_view plain = text.substr(0, text.size() - suffix.size());
    // One suffix of a kind.
    if (plain.ends_with(suffix) ||
        (suffix == "-ftz" && plain.ends_with("-nosub")) ||
        (suffix == "-nosub" && plain.ends_with("-ftz")))
      break;
    std::optional<Format> format = parse(plain, error);
    if (!format)
      return std::nullopt;
    if (std::string why = applySuffix(suffix, *format); !why.empty())
      return fail("format '" + std::string(text) + "' has the suffix '" +
                  std::string(suffix) + "': " + why);
    return format;
  }
  for (const Row &row : rows)
    if (text == row.word ||
        (row.word.front() == 'f' && text == row.word.substr(2)))
      return row.format;
  for (const Name &name : names())
    if (text == name.word)
      return parse(name.canonical, error);

  FormatParser parser(text);
  std::optional<Format> format = parser.run();
  if (format && parser.problem.empty())
    return format;
  if (!parser.problem.empty())
    return fail(parser.problem);
  if (text.find('?') != text.npos)
    return fail(
        "format '" + std::string(text) +
        "' has a '?' for a number that is part of the compiled code; "
        "those known at run time are the numbers of eXmY, mN, bitsN, "
        "fixed<IL,FL>, fixed<IL/BITS>, intN, intN<scale,zero>, intN<2^?>, "
        "intN<max>, binaryKpP, posit<N,ES>, pow2<LOW,HIGH>, mx<F,BLOCK>, "
        "bfp<BITS,BLOCK>, adaptivfloat<BITS,E>; for others write a rule for "
        "each number");
  std::vector<std::string_view> legal;
  for (const Name &name : names())
    legal.push_back(name.word);
  return fail(unknownWord("format", text, legal, patternText));
}

static std::string widthText(int width, int offset = 0) {
  return width == Format::runtime ? "?" : std::to_string(width + offset);
}

static std::string codeText(int64_t number) {
  return number == Format::runtimeCode ? "?" : std::to_string(number);
}

static std::string pair(std::string_view word, const std::string &a,
                        const std::string &b) {
  return std::string(word) + "<" + a + "," + b + ">";
}

static std::string numberText(double number) {
  char buffer[40];
  auto [end, status] = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, end);
}

/// `<scale>`, `<scale,zero>`, or nothing if that is `<1>`.
static std::string scaleText(const Format &format) {
  if (format.scale == 1 && format.zeroPoint == 0)
    return "";
  std::string scale = format.hasRuntimeScale() ? "?" : numberText(format.scale);
  return "<" + scale +
         (format.zeroPoint ? "," + codeText(format.zeroPoint) : "") + ">";
}

static std::string gridText(const Format &format) {
  std::string sign = format.isSigned ? "" : "u";
  const int fraction = format.fractionBits;
  if (format.family == Format::Family::Fixed && format.countsBits)
    return sign + "fixed<?/?>";
  if (format.family == Format::Family::Fixed && format.low == format.high)
    return pair(sign + "fixed", widthText(format.exponentBits),
                widthText(fraction));
  int bits = format.width(Carrier::F64);
  if (format.family == Format::Family::Fixed && format.isRuntime())
    return sign + "fixed<?/" + std::to_string(bits) + ">";
  if (format.family == Format::Family::Fixed)
    return pair(sign + "fixed", std::to_string(bits - fraction),
                std::to_string(fraction));
  std::string text =
      sign + "int" + (format.hasRuntimeBits() ? "?" : std::to_string(bits));
  if (format.sharing == Format::Sharing::Maximum)
    text += "<max>";
  else
    text += fraction == Format::runtime ? "<2^?>" : scaleText(format);
  if (format.isBalanced || (format.isSigned && format.low == -format.high &&
                            !format.hasRuntimeBits()))
    text += "-sym";
  return text;
}

static std::string sharedText(const Format &format) {
  static constexpr std::string_view rules[] = {"", ",ceil", ",round", ",even"};
  std::string rule(rules[size_t(format.scaleRule)]);
  Format element = format.element();
  std::string block = widthText(format.block);
  auto bits = [&] { return std::to_string(element.width(Carrier::F64)); };
  switch (format.sharing) {
  case Format::Sharing::Exponent:
    if (element.isGrid())
      return pair("bfp", element.isRuntime() ? "?" : bits(), block + rule);
    return pair("mx", element.str(), block + rule);
  case Format::Sharing::Bias: {
    // Beside a `?` the other number stands where all bits do.
    bool isKnown = !element.isRuntime();
    int fraction = element.fractionBits;
    return pair("adaptivfloat", isKnown ? bits() : widthText(fraction),
                widthText(element.exponentBits));
  }
  case Format::Sharing::Mean:
    return "binary<mean>";
  default:
    return gridText(format);
  }
}

std::string Format::str() const {
  for (const Row &row : rows)
    if (*this == row.format)
      return std::string(row.word);
  Format plain = *this;
  if (axis != none) {
    plain.axis = none;
    return plain.str() + "-axis" + std::to_string(axis);
  }
  if (!isElementwise())
    return sharedText(*this);
  if (overflow == Overflow::Wrap) {
    plain.overflow = Overflow::Saturate;
    return plain.str() + "-wrap";
  }
  bool saturatesAnyway = isGrid() || family == Family::Power;
  if (overflow == Overflow::Saturate && !saturatesAnyway) {
    plain.overflow = Overflow::Ieee;
    return plain.str() + "-sat";
  }
  if (subnormals != Subnormals::Kept) {
    plain.subnormals = Subnormals::Kept;
    return plain.str() +
           (subnormals == Subnormals::Flushed ? "-ftz" : "-nosub");
  }
  switch (family) {
  case Family::Mantissa:
    return "m" + widthText(fractionBits);
  case Family::Word:
    return "bits" + widthText(fractionBits, 9);
  case Family::P3109:
    return "binary" + codeText(isRuntimeP3109() ? high : width(Carrier::F64)) +
           "p" + widthText(fractionBits, 1) + (isSigned ? "s" : "u") +
           (infinities == Infinities::Yes ? "e" : "f");
  case Family::Power:
    return pair("pow2", codeText(low), codeText(high));
  case Family::Posit:
    return pair("posit", codeText(high), widthText(exponentBits));
  case Family::Fixed:
  case Family::Integer:
    return gridText(*this);
  case Family::Float:
  case Family::Sign:
  case Family::Exponent:
    break;
  }
  return "e" + widthText(exponentBits) + "m" + widthText(fractionBits);
}
