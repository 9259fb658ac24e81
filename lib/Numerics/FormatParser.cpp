// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the formats that are patterns rather than words.
#include "FormatParser.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

using namespace mlir::prec;

bool FormatParser::takeWord(std::string_view word) {
  if (!rest.starts_with(word))
    return false;
  rest.remove_prefix(word.size());
  return true;
}

std::optional<int64_t> FormatParser::takeNumber(bool isSigned) {
  bool isNegative = isSigned && takeWord("-");
  size_t length = 0;
  int64_t value = 0;
  while (length < rest.size() && length < 10 && // zero points of 32 bits
         std::isdigit(static_cast<unsigned char>(rest[length])))
    value = value * 10 + (rest[length++] - '0');
  if (length == 0 || (length > 1 && rest.front() == '0'))
    return std::nullopt;
  rest.remove_prefix(length);
  return isNegative ? -value : value;
}

std::optional<int> FormatParser::takeWidth() {
  if (takeWord("?"))
    return Format::runtime;
  std::optional<int64_t> number = takeNumber();
  if (!number || *number > std::numeric_limits<int>::max())
    return std::nullopt;
  return int(*number);
}

std::optional<double> FormatParser::takeReal() {
  double value = 0;
  auto [end, status] =
      std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (status != std::errc())
    return std::nullopt;
  rest.remove_prefix(end - rest.data());
  return value;
}

std::optional<int64_t> FormatParser::takeKnownOrNot(bool isSigned) {
  return takeWord("?") ? Format::runtimeCode : takeNumber(isSigned);
}

/// A width that may be known at run time only.
static int widthOf(int64_t number) {
  return number == Format::runtimeCode ? Format::runtime : int(number);
}

bool FormatParser::takePair(int64_t &a, int64_t &b, bool isSigned) {
  if (!takeWord("<"))
    return false;
  std::optional<int64_t> first = takeKnownOrNot(isSigned);
  if (!first || !takeWord(","))
    return false;
  std::optional<int64_t> second = takeKnownOrNot(isSigned);
  if (!second || rest != ">")
    return false;
  a = *first;
  b = *second;
  return true;
}

bool FormatParser::inRange(std::string_view what, int64_t value, int64_t low,
                           int64_t high) {
  if (value == Format::runtime || value == Format::runtimeCode ||
      (value >= low && value <= high))
    return true;
  if (problem.empty())
    problem = "format '" + std::string(text) + "' has " +
              std::to_string(value) + " " + std::string(what) + ", expected " +
              std::to_string(low) + ".." + std::to_string(high);
  return false;
}

std::optional<Format> FormatParser::floats() {
  if (takeWord("bits")) {
    auto bits = takeWidth();
    if (!bits || !rest.empty())
      return std::nullopt;
    inRange("bits", *bits, 9, 61);
    return Format::word(*bits);
  }
  if (takeWord("m")) {
    auto fraction = takeWidth();
    if (!fraction || !rest.empty())
      return std::nullopt;
    inRange("fraction bits", *fraction, 0, 52);
    return Format::mantissa(*fraction);
  }
  if (!takeWord("e"))
    return std::nullopt;
  auto exponent = takeWidth();
  if (!exponent || !takeWord("m"))
    return std::nullopt;
  auto fraction = takeWidth();
  if (!fraction || !rest.empty())
    return std::nullopt;
  inRange("exponent bits", *exponent, 2, 11);
  inRange("fraction bits", *fraction, 0, 52);
  return Format::ieee(*exponent, *fraction);
}

std::optional<Format> FormatParser::p3109() {
  std::optional<int64_t> width = takeKnownOrNot();
  if (!width || !takeWord("p"))
    return std::nullopt;
  std::optional<int64_t> precision = takeKnownOrNot();
  if (!precision || rest.size() != 2)
    return std::nullopt;
  bool isSigned = rest[0] == 's', isExtended = rest[1] == 'e';
  if ((!isSigned && rest[0] != 'u') || (!isExtended && rest[1] != 'f'))
    return std::nullopt;
  const bool isKnown = *width != Format::runtimeCode;
  if (!inRange("bits", *width, 3, 16) ||
      !inRange("bits of precision", *precision, 1,
               (isKnown ? *width : 16) - isSigned))
    return Format();
  if (!isKnown || *precision == Format::runtimeCode)
    return Format::runtimeP3109(*width, widthOf(*precision), isSigned,
                                isExtended);
  return Format::p3109(int(*width), int(*precision), isSigned, isExtended);
}

std::optional<Format> FormatParser::fixed(bool isSigned) {
  constexpr int64_t one = 1;
  if (takeWord("<?/")) {
    std::optional<int64_t> bits = takeKnownOrNot();
    if (!bits || rest != ">")
      return std::nullopt;
    if (*bits == Format::runtimeCode) {
      Format format =
          Format::runtimeFixed(Format::runtime, Format::runtime, isSigned);
      format.countsBits = true;
      return format;
    }
    if (!inRange("bits", *bits, 3, isSigned ? 54 : 53))
      return Format();
    return Format::grid(Format::Family::Fixed,
                        isSigned ? -(one << (*bits - 1)) : 0,
                        (one << (*bits - isSigned)) - 1, Format::runtime);
  }
  int64_t whole, fraction;
  if (!takePair(whole, fraction))
    return std::nullopt;
  if (!inRange(isSigned ? "integer bits (the sign counts)" : "integer bits",
               whole, isSigned, 54) ||
      !inRange("fraction bits", fraction, 0, 53))
    return Format();
  if (whole == Format::runtimeCode || fraction == Format::runtimeCode)
    return Format::runtimeFixed(widthOf(whole), widthOf(fraction), isSigned);
  if (!inRange("bits", whole + fraction, 1, isSigned ? 54 : 53))
    return Format();
  int64_t low = isSigned ? -(one << (whole + fraction - 1)) : 0;
  int64_t high = (one << (whole + fraction - isSigned)) - 1;
  return Format::grid(Format::Family::Fixed, low, high, int(fraction));
}

std::optional<Format> FormatParser::integer(bool isSigned) {
  std::optional<int64_t> width = takeKnownOrNot();
  if (!width)
    return std::nullopt;
  if (!inRange("bits", *width, 1, 32))
    return Format();
  const bool hasBits = *width != Format::runtimeCode;
  Format format = hasBits ? Format::integer(int(*width), isSigned)
                          : Format::runtimeInteger(isSigned);
  if (rest.empty())
    return format;
  if (rest == "<max>") {
    if (hasBits && format.high == 0)
      problem = "format '" + std::string(text) +
                "' has no positive code to scale the maximum to";
    return Format::shared(format, Format::Sharing::Maximum, 0);
  }
  if (!takeWord("<"))
    return std::nullopt;
  if (rest == "2^?>") {
    if (inRange("bits", *width, 3, 32))
      format.fractionBits = Format::runtime;
    return format;
  }
  const bool isKnown = !takeWord("?");
  std::optional<double> scale = isKnown ? takeReal() : 0;
  if (!scale)
    return std::nullopt;
  if (isKnown && (!(*scale > 0) || !std::isfinite(*scale))) {
    problem = "format '" + std::string(text) +
              "' has a scale that is not a positive number";
    return Format();
  }
  format.scale = *scale;
  if (takeWord(",")) {
    std::optional<int64_t> zero = takeKnownOrNot(/*isSigned=*/true);
    if (!zero)
      return std::nullopt;
    if (*zero != Format::runtimeCode && hasBits &&
        (*zero < format.low || *zero > format.high))
      problem = "format '" + std::string(text) + "' has the zero point " +
                std::to_string(*zero) + ", expected a code, " +
                std::to_string(format.low) + ".." + std::to_string(format.high);
    format.zeroPoint = *zero;
  }
  return rest == ">" ? std::optional<Format>(format) : std::nullopt;
}

std::optional<Format> FormatParser::shared() {
  using Sharing = Format::Sharing;
  bool isFloat = takeWord("mx<");
  if (!isFloat && !takeWord("bfp<"))
    return std::nullopt;
  // The element's format may hold a comma of its own: count from the end.
  if (!rest.ends_with('>'))
    return std::nullopt;
  rest.remove_suffix(1);
  Format::ScaleRule rule = Format::ScaleRule::Floor;
  constexpr std::pair<std::string_view, Format::ScaleRule> rules[] = {
      {",floor", Format::ScaleRule::Floor},
      {",ceil", Format::ScaleRule::Ceil},
      {",round", Format::ScaleRule::Round},
      {",even", Format::ScaleRule::Even}};
  for (auto [word, value] : rules)
    if (rest.ends_with(word)) {
      rest.remove_suffix(word.size());
      rule = value;
    }
  size_t comma = rest.rfind(',');
  if (comma == std::string_view::npos)
    return std::nullopt;
  std::string_view element = rest.substr(0, comma);
  rest.remove_prefix(comma + 1);
  std::optional<int64_t> block = takeKnownOrNot();
  if (!block || !rest.empty())
    return std::nullopt;
  inRange("elements in a block", *block, 1, 65536);
  int size = widthOf(*block);
  if (!isFloat) {
    rest = element;
    std::optional<int64_t> bits = takeKnownOrNot();
    if (!bits || !rest.empty())
      return std::nullopt;
    if (!inRange("bits", *bits, 2, 24))
      return Format();
    if (*bits == Format::runtimeCode)
      return Format::shared(Format::runtimeFixed(0, Format::runtime, true),
                            Sharing::Exponent, size, rule);
    int64_t top = (int64_t(1) << (*bits - 1)) - 1;
    return Format::shared(
        Format::grid(Format::Family::Fixed, -top, top, int(*bits) - 2),
        Sharing::Exponent, size, rule);
  }
  std::string error;
  std::optional<Format> inner = Format::parse(element, &error);
  if (!inner) {
    problem = error;
    return Format();
  }
  bool isPlain = inner->family == Format::Family::Float &&
                 inner->isElementwise() &&
                 inner->overflow == Format::Overflow::Ieee &&
                 inner->subnormals == Format::Subnormals::Kept;
  if (!isPlain || inner->fractionBits == 0 || inner->exponentBits > 5 ||
      inner->fractionBits > 7)
    problem = "format '" + std::string(text) + "' has elements of '" +
              std::string(element) +
              "', expected floats of 2..5 exponent and 1..7 fraction bits";
  return Format::shared(*inner, Sharing::Exponent, size, rule);
}

std::optional<Format> FormatParser::run() {
  int64_t a, b;
  if (takeWord("binary")) {
    if (rest == "<mean>")
      return Format::shared(Format::sign(), Format::Sharing::Mean, 0);
    return p3109();
  }
  if (takeWord("fixed"))
    return fixed(true);
  if (takeWord("ufixed"))
    return fixed(false);
  if (takeWord("int"))
    return integer(true);
  if (takeWord("uint"))
    return integer(false);
  if (rest.starts_with("mx<") || rest.starts_with("bfp<"))
    return shared();
  if (takeWord("posit")) {
    if (!takePair(a, b))
      return std::nullopt;
    if (!inRange("bits", a, 2, 32) || !inRange("exponent bits", b, 0, 5))
      return Format();
    Format format = Format::posit(0, widthOf(b));
    format.high = a;
    return format;
  }
  if (takeWord("pow2")) {
    if (!takePair(a, b, /*isSigned=*/true))
      return std::nullopt;
    if (!inRange("as its least exponent", a, -1022, 1023) ||
        !inRange("as its greatest exponent", b, -1022, 1023))
      return Format();
    if (a > b && b != Format::runtimeCode)
      problem = "format '" + std::string(text) + "' has exponents " +
                std::to_string(a) + ".." + std::to_string(b) +
                ", expected LOW <= HIGH within -1022..1023";
    return Format::power(a, b);
  }
  if (takeWord("adaptivfloat")) {
    if (!takePair(a, b))
      return std::nullopt;
    bool isKnown = a != Format::runtimeCode && b != Format::runtimeCode;
    if (!inRange("bits", a, 3, 16) || !inRange("exponent bits", b, 1, 7) ||
        (isKnown && !inRange("fraction bits", a - b - 1, 1, 13)))
      return Format();
    // Of an unknown number of exponent bits the fraction is not known either;
    // there stand all bits.
    Format element =
        Format::finite(widthOf(b), isKnown ? int(a - b - 1) : widthOf(a));
    element.subnormals = Format::Subnormals::Absent;
    element.hasNegativeZero = false;
    return Format::shared(element, Format::Sharing::Bias, 0);
  }
  return floats();
}
