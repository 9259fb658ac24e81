// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the `?` of a format stand for, and the format without them.
#include "prec/Numerics/Format.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>

using namespace mlir::prec;
using Number = Format::RuntimeNumber;

/// Of widths more are given than any format has: they mean the most there is.
static constexpr double mostGiven = 61;

static void addShared(const Format &format, std::vector<Number> &numbers) {
  const Format element = format.element();
  const bool isBias = format.sharing == Format::Sharing::Bias;
  if (format.sharing == Format::Sharing::Maximum) {
    if (element.hasRuntimeBits())
      numbers.push_back({"bits", format.isSigned ? 2. : 1., 32});
  } else if (isBias || element.isGrid()) {
    if (element.fractionBits == Format::runtime)
      numbers.push_back({"bits", isBias ? 3. : 2., isBias ? 16. : 24.});
    if (element.exponentBits == Format::runtime)
      numbers.push_back({"exponent bits", 1, 7});
  } else {
    if (element.exponentBits == Format::runtime)
      numbers.push_back({"exponent bits", 2, 5});
    if (element.fractionBits == Format::runtime)
      numbers.push_back({"fraction bits", 1, 7});
  }
  if (format.block == Format::runtime)
    numbers.push_back({"elements in a block", 1, 65536});
}

static void addGrid(const Format &format, std::vector<Number> &numbers) {
  const bool hasBits = format.hasRuntimeBits();
  if (format.countsBits) {
    numbers.push_back({"integer bits", -mostGiven, mostGiven});
    numbers.push_back({"bits", 3, format.isSigned ? 54. : 53.});
    return;
  }
  if (hasBits) {
    numbers.push_back({"bits", format.isBalanced ? 2. : 1., 32});
  } else if (!format.hasKnownCodes() &&
             format.family == Format::Family::Fixed) {
    if (format.exponentBits == Format::runtime)
      numbers.push_back({"integer bits", format.isSigned ? 1. : 0., 54});
    if (format.fractionBits == Format::runtime)
      numbers.push_back({"fraction bits", 0, 53});
    return;
  }
  if (format.fractionBits == Format::runtime)
    numbers.push_back({format.family == Format::Family::Fixed
                           ? "integer bits"
                           : "exponent of the scale",
                       -mostGiven, mostGiven});
  if (format.hasRuntimeScale())
    numbers.push_back({"scale", std::numeric_limits<double>::min(),
                       std::numeric_limits<double>::max(), /*isReal=*/true});
  if (format.zeroPoint != Format::runtimeCode)
    return;
  const Format widest = hasBits ? Format::integer(32, format.isSigned) : format;
  numbers.push_back({"zero point", double(widest.low), double(widest.high)});
}

std::vector<Number> Format::runtimeNumbers() const {
  std::vector<Number> numbers;
  if (!isElementwise()) {
    addShared(*this, numbers);
    return numbers;
  }
  switch (family) {
  case Family::Fixed:
  case Family::Integer:
    addGrid(*this, numbers);
    break;
  case Family::Power:
    if (low == runtimeCode)
      numbers.push_back({"least exponent", -1022, 1023});
    if (high == runtimeCode)
      numbers.push_back({"greatest exponent", -1022, 1023});
    break;
  case Family::Posit:
    if (high == runtimeCode)
      numbers.push_back({"bits", 2, 32});
    if (exponentBits == runtime)
      numbers.push_back({"exponent bits", 0, 5});
    break;
  case Family::P3109:
    if (high == runtimeCode)
      numbers.push_back({"bits", 3, 16});
    if (fractionBits == runtime)
      numbers.push_back({"bits of precision", 1, 16});
    break;
  default:
    if (exponentBits == runtime)
      numbers.push_back({"exponent bits", 0, mostGiven});
    if (fractionBits == runtime)
      numbers.push_back(
          {family == Family::Word ? "bits" : "fraction bits", 0, mostGiven});
  }
  return numbers;
}

/// The shortest text that reads back as the number.
static std::string textOf(double number) {
  char buffer[32], *end = buffer + sizeof buffer;
  if (number == std::rint(number) && std::fabs(number) < 1e15)
    end = std::to_chars(buffer, end, int64_t(number)).ptr;
  else
    end = std::to_chars(buffer, end, number).ptr;
  return std::string(buffer, end);
}

std::optional<Format> Format::with(std::span<const double> numbers,
                                   Carrier carrier, std::string *error) const {
  assert(numbers.size() == numRuntimeParameters());
  const CarrierLayout layout = layoutOf(carrier);
  std::vector<double> legal;
  for (const Number &number : runtimeNumbers()) {
    double given = numbers[legal.size()];
    double low = number.low, high = number.high;
    if (isElementwise() && high == mostGiven && !isGrid()) { // a float's width
      const bool isWord = family == Family::Word;
      const bool isExponent = number.what == "exponent bits";
      low = isWord ? 9 : isExponent ? 2 : 0;
      high = isExponent
                 ? layout.exponentBits - (subnormals == Subnormals::Absent)
                 : layout.fractionBits + (isWord ? 9 : 0);
    }
    legal.push_back(std::clamp(given, low, high));
  }
  if (legal.empty())
    return *this;
  std::string text = str();
  if (size_t moved = text.find("2^?"); moved != std::string::npos) {
    text.replace(moved, 3, "?");
    legal.back() = std::ldexp(1.0, int(legal.back()));
  }
  if (countsBits) // all bits
    legal.back() -= legal.front();
  else if (isMoved() && family == Family::Fixed)
    legal.push_back(width(carrier) - legal.front());
  if (sharing == Sharing::Bias) { // at least one fraction bit, at most 13
    const bool knowsAll = fractionBits != runtime;
    double all = knowsAll ? fractionBits : legal.front();
    if (exponentBits != runtime)
      legal.front() =
          std::clamp(all, exponentBits + 2., std::min(exponentBits + 14., 16.));
    else
      legal.back() = std::clamp(legal.back(), std::max(all - 14, 1.), all - 2);
  }
  if (size_t slash = text.find("?/"); slash != std::string::npos)
    text.replace(slash, text.rfind('>') - slash, "?,?");
  for (double number : legal)
    text.replace(text.find('?'), 1, textOf(number));
  return parse(text, error);
}
