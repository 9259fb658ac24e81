// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a format needs of its carrier.
#include "prec/Numerics/Format.h"

#include <algorithm>
#include <bit>
#include <cmath>

using namespace mlir::prec;

/// "format 'F' has WIDTH WHAT, f32 carries at most LIMIT", or nothing.
static std::string tooWide(const Format &format, Carrier carrier, int64_t width,
                           int64_t limit, std::string_view what) {
  if (width == Format::runtime || width <= limit)
    return "";
  return "format '" + format.str() + "' has " + std::to_string(width) + " " +
         std::string(what) + ", " + std::string(nameOf(carrier)) +
         " carries at most " + std::to_string(limit);
}

static std::string outOfRange(const Format &format, Carrier carrier,
                              std::string_view why) {
  return "format '" + format.str() + "' " + std::string(why) +
         " the normal numbers of " + std::string(nameOf(carrier));
}

int Format::gridFractionBits() const {
  uint64_t top = zeroPoint == runtimeCode
                     ? uint64_t(high - low)
                     : uint64_t(std::max(high - zeroPoint, zeroPoint - low));
  return std::max(int(std::bit_width(top - 1)), 1) - 1;
}

/// Of a scale; of 0, one that is not known, no.
static bool isPowerOfTwo(double scale) {
  int exponent;
  return std::frexp(scale, &exponent) == 0.5;
}

bool Format::hasPlainScale() const {
  return zeroPoint != runtimeCode && isPowerOfTwo(scale);
}

bool Format::hasPowerStep() const {
  return fractionBits == runtime || isPowerOfTwo(scale);
}

int Format::mostRuntimeBits(CarrierLayout carrier) const {
  const int codes = hasPowerStep()        ? int(carrier.fractionBits) + 1
                    : carrier.width == 32 ? 16
                                          : 32;
  const int most = codes + (isSigned && zeroPoint == 0);
  return family == Family::Integer ? std::min(most, 32) : most;
}

static std::string whyGridNotIn(const Format &format, Carrier carrier) {
  CarrierLayout layout = layoutOf(carrier);
  int limit = layout.fractionBits;
  // Beside a scale that is no power of two the quotient needs room; an f64 has
  // it for 32 bits.
  if (!format.hasPlainScale() && carrier == Carrier::F32)
    limit = 15;
  std::string problem;
  // What is not known is clamped.
  if (format.low != 0 || format.high != 0)
    problem = tooWide(format, carrier, format.gridFractionBits() + 2, limit + 2,
                      "bits and the sign");
  // A place that is known at run time keeps away from the ends by itself.
  bool isUnknown =
      format.fractionBits == Format::runtime || format.hasRuntimeScale();
  // Nor are the fraction bits of fixed point so many.
  int exponent = isUnknown ? 0 : std::ilogb(format.scale);
  int room = layout.bias() - 60;
  if (problem.empty() && (exponent < -room || exponent > room))
    problem =
        outOfRange(format, carrier, "has a step that is near the ends of");
  return problem;
}

std::string Format::whyNotIn(Carrier carrier) const {
  CarrierLayout layout = layoutOf(carrier);
  switch (family) {
  case Family::Fixed:
  case Family::Integer:
    return whyGridNotIn(*this, carrier);
  case Family::Power:
    if ((low != runtimeCode && low < 1 - layout.bias()) ||
        (high != runtimeCode && high > layout.bias()))
      return outOfRange(*this, carrier, "has numbers outside");
    return "";
  case Family::Posit: {
    if (isRuntime())
      return "";
    std::string problem = tooWide(*this, carrier, high - 3 - exponentBits,
                                  layout.fractionBits, "fraction bits");
    if (problem.empty() && ((high - 2) << exponentBits) >= layout.bias())
      problem = outOfRange(*this, carrier, "has numbers outside");
    return problem;
  }
  case Family::Sign:
  case Family::Exponent:
    return "";
  case Family::Float:
  case Family::Mantissa:
  case Family::Word:
  case Family::P3109:
    break;
  }
  std::string problem = tooWide(*this, carrier, exponentBits,
                                layout.exponentBits, "exponent bits");
  if (problem.empty())
    problem = tooWide(*this, carrier, fractionBits, layout.fractionBits,
                      "fraction bits");
  if (!problem.empty() || family == Family::Mantissa ||
      exponentBits == runtime || isRuntimeP3109())
    return problem;
  int leastNormal =
      layout.bias() - ((1 << (exponentBits - 1)) - 1 + biasOffset) + 1;
  // Without subnormals the least normal number needs half of it to be normal.
  if (leastNormal < (subnormals == Subnormals::Absent ? 2 : 1))
    return outOfRange(*this, carrier, "has numbers below");
  return "";
}

int Format::width(Carrier carrier) const {
  CarrierLayout layout = layoutOf(carrier);
  switch (family) {
  case Family::Fixed:
  case Family::Integer:
    return std::max<int>(
        std::bit_width(uint64_t(std::max(high, ~low))) + (low < 0), 1);
  case Family::Power:
    return 1 + std::bit_width(uint64_t(high - low + 1));
  case Family::Posit:
    return int(high);
  case Family::Sign:
    return 1;
  case Family::Exponent:
    return 8;
  case Family::Mantissa:
    return 1 + int(layout.exponentBits) + fractionBits;
  case Family::Float:
  case Family::Word:
  case Family::P3109:
    break;
  }
  return int(isSigned) + exponentBits + fractionBits;
}
