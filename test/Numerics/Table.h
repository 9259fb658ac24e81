// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats of few bits as tables of numbers, written down from each format's
// definition, and rounding by looking for the neighbours in the table. Shares
// no text with the algorithm under test. Doubles hold all of it exactly.
#ifndef PREC_TEST_NUMERICS_TABLE_H
#define PREC_TEST_NUMERICS_TABLE_H

#include "prec/Numerics/RoundingMode.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace mlir::prec::oracle {

/// The magnitudes of one side of zero, ascending from zero; the place in the
/// list is the code that ties look at.
struct Table {
  std::string name;
  std::vector<double> numbers, negatives;
  /// What lies half way between number i and i + 1; empty: the arithmetic mean.
  std::vector<double> ties;
  double nan = std::numeric_limits<double>::quiet_NaN(); ///< NaN becomes
  double infinite = 0;     ///< infinity becomes; 0: the greatest number
  bool saturates = true;   ///< beyond the greatest number in all modes
  bool neverZero = false;  ///< posits: what is not zero does not become zero
  size_t gap = 0;          ///< codes without a number after that of zero
  bool isUnsigned = false; ///< below zero: NaN, or zero in some modes
  /// The greatest number plus one step: what exceeds half way overflows.
  double beyond = 0;
};

inline double roundByTable(const Table &table, double x,
                           RoundingMode::Kind kind) {
  using Kind = RoundingMode::Kind;
  if (std::isnan(x))
    return table.nan;
  bool isNegative = std::signbit(x);
  const std::vector<double> &numbers =
      isNegative && !table.negatives.empty() ? table.negatives : table.numbers;
  auto withSign = [&](double magnitude) {
    return magnitude == 0 || std::isnan(magnitude) || !isNegative ? magnitude
                                                                  : -magnitude;
  };
  double greatest = numbers.back(), magnitude = std::fabs(x);
  if (table.isUnsigned && isNegative && magnitude != 0) {
    bool toZero =
        kind == Kind::TowardZero ||
        (std::isfinite(x) && (kind == Kind::Up || kind == Kind::ToOdd));
    double half = table.numbers[1] / 2;
    bool isNear = (kind == Kind::NearestEven || kind == Kind::NearestToZero)
                      ? magnitude <= half
                      : kind == Kind::NearestAway && magnitude < half;
    return toZero || isNear ? 0 : table.nan;
  }
  if (std::isinf(x)) {
    if (table.infinite == 0 ||
        (kind == Kind::TowardZero && !std::isinf(table.infinite)))
      return withSign(greatest);
    return withSign(table.infinite);
  }
  if (table.saturates && magnitude >= greatest)
    return withSign(greatest);
  if (table.neverZero && magnitude != 0 && magnitude < numbers[1])
    return withSign(numbers[1]);

  size_t i = std::upper_bound(numbers.begin(), numbers.end(), magnitude) -
             numbers.begin() - 1;
  double below = numbers[i];
  if (below == magnitude)
    return withSign(below);
  bool isLast = i + 1 == numbers.size();
  double above = isLast ? table.beyond : numbers[i + 1];
  if (magnitude >= above)
    below = above = magnitude;
  long double tie = table.ties.empty() || isLast
                        ? (static_cast<long double>(below) + above) / 2
                        : table.ties[i];
  bool isOdd = i != 0 && (i + table.gap) & 1;
  bool away = false;
  switch (kind) {
  case Kind::TowardZero:
    away = false;
    break;
  case Kind::Away:
    away = true;
    break;
  case Kind::Up:
    away = !isNegative;
    break;
  case Kind::Down:
    away = isNegative;
    break;
  case Kind::NearestEven:
    away = magnitude > tie || (magnitude == tie && isOdd);
    break;
  case Kind::NearestAway:
    away = magnitude >= tie;
    break;
  case Kind::NearestToZero:
    away = magnitude > tie;
    break;
  case Kind::ToOdd:
    away = !isOdd && !isLast;
    break;
  default:
    break;
  }
  if (!isLast)
    return withSign(away ? above : below);
  bool overflows = away || magnitude >= above;
  if (kind == Kind::TowardZero || kind == Kind::ToOdd ||
      (kind == Kind::Up && isNegative) || (kind == Kind::Down && !isNegative))
    overflows = false;
  return withSign(overflows ? table.infinite : greatest);
}

/// Whole numbers low..high times a step, the products of T.
template <class T>
Table gridTable(std::string name, int64_t low, int64_t high, T step) {
  Table table;
  table.name = std::move(name);
  table.nan = 0;
  for (int64_t k = 0; k <= high; ++k)
    table.numbers.push_back(double(static_cast<T>(k) * step));
  for (int64_t k = 0; k >= low; --k)
    table.negatives.push_back(double(static_cast<T>(-k) * step));
  return table;
}

/// Zero and the powers of two 2^low..2^high.
inline Table powerTable(std::string name, int low, int high) {
  Table table;
  table.name = std::move(name);
  table.nan = 0;
  table.numbers.push_back(0);
  for (int e = low; e <= high; ++e)
    table.numbers.push_back(std::ldexp(1.0, e));
  return table;
}

/// IEEE P3109: K bits, precision P, decoded code by code.
inline Table p3109Table(int width, int precision, bool isSigned,
                        bool isExtended) {
  Table table;
  table.name = "binary" + std::to_string(width) + "p" +
               std::to_string(precision) + (isSigned ? "s" : "u") +
               (isExtended ? "e" : "f");
  int codes = 1 << (isSigned ? width - 1 : width); // non-negative ones
  int numbers = codes - (isExtended ? 1 : 0) - (isSigned ? 0 : 1);
  int bias = isSigned ? 1 << (width - precision - 1) : 1 << (width - precision);
  int perBinade = 1 << (precision - 1);
  auto value = [&](int code) {
    int exponent = code / perBinade, trailing = code % perBinade;
    return exponent == 0 ? std::ldexp(trailing, 1 - bias - (precision - 1))
                         : std::ldexp(perBinade + trailing,
                                      exponent - bias - (precision - 1));
  };
  for (int code = 0; code < numbers; ++code)
    table.numbers.push_back(value(code));
  table.beyond = value(numbers);
  table.isUnsigned = !isSigned;
  table.saturates = false;
  table.infinite = isExtended ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  return table;
}

/// The value of a positive posit code of `width` bits: sign 0, a run of equal
/// bits (regime), the bit that ends it, es exponent bits, fraction; bits beyond
/// the end are 0 (Posit Standard 2022, section 3).
inline double positValue(uint64_t code, int width, int es) {
  int at = width - 2; // the first bit after the sign
  auto bit = [&](int i) { return i >= 0 ? int(code >> i & 1) : 0; };
  int first = bit(at), run = 0;
  while (at >= 0 && bit(at) == first) {
    --at;
    ++run;
  }
  --at; // the ending bit
  int regime = first ? run - 1 : -run;
  int exponent = 0;
  for (int i = 0; i < es; ++i)
    exponent = 2 * exponent + bit(at--);
  double fraction = 1, weight = 0.5;
  for (; at >= 0; --at, weight /= 2)
    fraction += bit(at) * weight;
  return std::ldexp(fraction, regime * (1 << es) + exponent);
}

/// All posits of `width` bits; half way lies the posit with one bit more.
inline Table positTable(int width, int es) {
  Table table;
  table.name =
      "posit<" + std::to_string(width) + "," + std::to_string(es) + ">";
  table.neverZero = true;
  table.infinite = std::numeric_limits<double>::quiet_NaN();
  table.numbers.push_back(0);
  table.ties.push_back(0);
  for (uint64_t code = 1; code < uint64_t(1) << (width - 1); ++code) {
    table.numbers.push_back(positValue(code, width, es));
    table.ties.push_back(positValue(code * 2 + 1, width + 1, es));
  }
  return table;
}

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_TABLE_H
