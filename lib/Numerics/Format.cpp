// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parser and printer of number formats.
#include "prec/Numerics/Format.h"
#include "prec/Numerics/Spelling.h"

#include <cctype>

using namespace mlir::prec;

namespace {
constexpr int maxExponentBits = 11, minExponentBits = 2;
constexpr int maxFractionBits = 52;
constexpr int minWordBits = 9, maxWordBits = 61;
constexpr std::string_view patternText =
    "eXmY with X = 2..11 exponent and Y = 0..52 fraction bits, mN with N = "
    "0..52, bitsN with N = 9..61; a width may be ?; -sat appended saturates";

/// Takes "12" or "?" off the front of `text`; no sign, no leading zero.
std::optional<int> takeWidth(std::string_view &text) {
  if (text.starts_with('?')) {
    text.remove_prefix(1);
    return Format::runtime;
  }
  size_t length = 0;
  int value = 0;
  while (length < text.size() && length < 4 &&
         std::isdigit(static_cast<unsigned char>(text[length])))
    value = value * 10 + (text[length++] - '0');
  if (length == 0 || (length > 1 && text.front() == '0'))
    return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool takeWord(std::string_view &text, std::string_view word) {
  if (!text.starts_with(word))
    return false;
  text.remove_prefix(word.size());
  return true;
}

std::string widthText(int width, int offset = 0) {
  return width == Format::runtime ? "?" : std::to_string(width + offset);
}

/// Empty if `width` is `?` or in [low, high].
std::string outside(std::string_view text, std::string_view what, int width,
                    int low, int high) {
  if (width == Format::runtime || (width >= low && width <= high))
    return "";
  return "format '" + std::string(text) + "' has " + std::to_string(width) +
         " " + std::string(what) + ", expected " + std::to_string(low) + ".." +
         std::to_string(high);
}
} // namespace

std::string_view Format::patterns() { return patternText; }

namespace {
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

const std::vector<Format::Name> &Format::names() {
  static const std::vector<Name> rows = {
#define PREC_FORMAT_NAME(word, canonical, text) {word, canonical, text},
#define PREC_FORMAT_ROW(word, format, text) {word, word, text},
#include "prec/Numerics/FormatNames.def"
#undef PREC_FORMAT_NAME
  };
  return rows;
}

std::optional<Format> Format::parse(std::string_view text, std::string *error) {
  constexpr std::string_view saturating = "-sat";
  std::string_view plain = text;
  if (plain.ends_with(saturating))
    plain.remove_suffix(saturating.size());
  if (plain.size() < text.size() && !plain.ends_with(saturating)) {
    std::optional<Format> format = parse(plain, error);
    if (format)
      format->overflow = Overflow::Saturate;
    return format;
  }
  for (const Row &row : rows)
    if (text == row.word || text == row.word.substr(2))
      return row.format;
  for (const Name &name : names())
    if (text == name.word)
      return parse(name.canonical, error);

  std::optional<Format> format;
  std::string problem;
  std::string_view rest = text;
  if (takeWord(rest, "bits")) {
    if (auto bits = takeWidth(rest); bits && rest.empty()) {
      problem = outside(text, "bits", *bits, minWordBits, maxWordBits);
      format = word(*bits);
    }
  } else if (takeWord(rest, "m")) {
    if (auto fraction = takeWidth(rest); fraction && rest.empty()) {
      problem = outside(text, "fraction bits", *fraction, 0, maxFractionBits);
      format = mantissa(*fraction);
    }
  } else if (takeWord(rest, "e")) {
    auto exponent = takeWidth(rest);
    if (exponent && takeWord(rest, "m"))
      if (auto fraction = takeWidth(rest); fraction && rest.empty()) {
        problem = outside(text, "exponent bits", *exponent, minExponentBits,
                          maxExponentBits);
        if (problem.empty())
          problem =
              outside(text, "fraction bits", *fraction, 0, maxFractionBits);
        format = ieee(*exponent, *fraction);
      }
  }
  if (format && problem.empty())
    return format;
  if (error && !problem.empty()) {
    *error = problem;
  } else if (error) {
    std::vector<std::string_view> legal;
    for (const Name &name : names())
      legal.push_back(name.word);
    *error = unknownWord("format", text, legal, patternText);
  }
  return std::nullopt;
}

std::string Format::str() const {
  if (overflow == Overflow::Saturate) {
    Format plain = *this;
    plain.overflow = Overflow::Ieee;
    return plain.str() + "-sat";
  }
  for (const Row &row : rows)
    if (*this == row.format)
      return std::string(row.word);
  switch (family) {
  case Family::Mantissa:
    return "m" + widthText(fractionBits);
  case Family::Word:
    return "bits" + widthText(fractionBits, minWordBits);
  case Family::Float:
    return "e" + widthText(exponentBits) + "m" + widthText(fractionBits);
  }
  return "";
}

std::string Format::whyNotIn(Carrier carrier) const {
  CarrierLayout layout = layoutOf(carrier);
  auto tooWide = [&](int width, unsigned limit, std::string_view what) {
    if (width == runtime || width <= static_cast<int>(limit))
      return std::string();
    return "format '" + str() + "' has " + std::to_string(width) + " " +
           std::string(what) + ", " + std::string(nameOf(carrier)) +
           " carries at most " + std::to_string(limit);
  };
  std::string problem =
      tooWide(exponentBits, layout.exponentBits, "exponent bits");
  if (problem.empty())
    problem = tooWide(fractionBits, layout.fractionBits, "fraction bits");
  return problem;
}
