// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The static facts about a format on a carrier.
#include "prec/Numerics/RoundParameters.h"

#include <bit>
#include <cmath>

using namespace mlir::prec;

/// Biased exponent of the least normal number; 1 if the carrier's.
static int leastNormalOf(const Format &format, const RoundFacts &facts) {
  int bias = facts.carrier.bias();
  switch (format.family) {
  case Format::Family::Mantissa:
  case Format::Family::Sign:
  case Format::Family::Posit:
  case Format::Family::Exponent:
    return 1;
  case Format::Family::Fixed:
  case Format::Family::Integer:
    if (format.hasRuntimeScale() || format.hasRuntimeBits())
      return bias;
    return bias + facts.fractionBits - format.fractionBits +
           std::ilogb(format.scale);
  case Format::Family::Power:
    return bias + int(format.low);
  case Format::Family::Float:
  case Format::Family::Word:
  case Format::Family::P3109:
    break;
  }
  if (format.exponentBits == Format::runtime || format.isRuntimeP3109())
    return 1;
  return bias - ((1 << (format.exponentBits - 1)) - 1 + format.biasOffset) + 1;
}

/// What is so whatever the run-time numbers are: as of a format of the family
/// that is in the middle of the carrier.
static RoundFacts runtimeFacts(const Format &format, Carrier carrier) {
  Format example = format;
  if (format.isGrid()) {
    example = format.isSigned ? Format::grid(Format::Family::Fixed, -4, 3, 0)
                              : Format::grid(Format::Family::Fixed, 0, 7, 0);
    example.overflow = format.overflow;
  } else {
    example.low = -8;
    example.high = 0;
  }
  RoundFacts facts = roundFacts(example, carrier);
  facts.format = format;
  facts.hasPowerStep = format.hasPowerStep();
  facts.hasExactThresholds = facts.hasOddBias = facts.hasFewCodes = false;
  facts.mayKeepAll = format.isGrid();
  facts.hasRuntimeParity = !format.isGrid();
  if (format.isGrid())
    facts.fractionBits = Format::runtime;
  return facts;
}

/// Of whole numbers of any number of bits: all that holds whatever the step is.
static RoundFacts codedFacts(const Format &format, Carrier carrier) {
  RoundFacts facts = runtimeFacts(format, carrier);
  facts.hasPlainScale = false;
  return facts;
}

RoundFacts mlir::prec::roundFacts(const Format &format, Carrier carrier) {
  if (format.hasRuntimeBits())
    return codedFacts(format, carrier);
  const bool hasNoCodes = format.isGrid() && !format.hasKnownCodes() &&
                          format.zeroPoint != Format::runtimeCode;
  const bool hasAnyPower =
      format.family == Format::Family::Power &&
      (format.low == Format::runtimeCode || format.high == Format::runtimeCode);
  if (hasNoCodes || hasAnyPower)
    return runtimeFacts(format, carrier);
  RoundFacts facts;
  facts.carrier = layoutOf(carrier);
  facts.format = format;
  const int F = facts.carrier.fractionBits;
  facts.fractionBits = format.fractionBits;
  // Beyond the range of a format that wraps the spacing stays the same too.
  if (format.isGrid())
    facts.fractionBits = format.overflow == Format::Overflow::Wrap
                             ? F
                             : format.gridFractionBits();
  if (format.isGrid()) {
    facts.hasPlainScale = format.hasPlainScale();
    facts.hasPowerStep = format.hasPowerStep();
    if (const int64_t zero = format.zeroPoint; zero != Format::runtimeCode)
      facts.hasFewCodes =
          double(std::max(format.high - zero, zero - format.low)) + 2 <
          std::ldexp(1.0, F - 5);
    if (!format.hasRuntimeScale())
      facts.wrapExponent = std::ilogb(format.scale) - format.fractionBits +
                           format.width(carrier);
  }
  const int Y = facts.fractionBits;
  facts.mayKeepAll =
      Y == Format::runtime || Y == F || format.family == Format::Family::Posit;

  const bool anyExponent =
      format.isRuntimeP3109() || (format.exponentBits == Format::runtime &&
                                  format.family == Format::Family::Float);
  facts.hasRuntimeExponent = anyExponent;
  facts.leastNormal = leastNormalOf(format, facts);
  facts.hasOddBias = Y == 0 && !anyExponent && ((facts.leastNormal - 1) & 1);
  facts.hasRuntimeParity = format.isRuntimeP3109();
  const int leastNormal = facts.leastNormal;
  facts.isGradual = anyExponent || leastNormal > 1 ||
                    format.family == Format::Family::Posit ||
                    format.family == Format::Family::Sign;
  facts.hasTiny =
      facts.isGradual &&
      (anyExponent || leastNormal - Y > 1 ||
       (leastNormal > 1 && format.subnormals == Format::Subnormals::Absent));
  // Run-time exponents reach no farther than those of two bits.
  facts.hasExactThresholds =
      anyExponent || leastNormal < 2 * int(facts.carrier.bias());
  // Only the carrier's own last exponent overflows by carry.
  const bool isCarriers =
      format.family == Format::Family::Mantissa || leastNormal == 1;
  facts.isBounded = anyExponent || !isCarriers || format.biasOffset != 0 ||
                    !format.reservesLastExponent ||
                    format.reservedTopCodes != 0 ||
                    format.infinities == Format::Infinities::No ||
                    format.overflow == Format::Overflow::Saturate;
  if (format.overflow == Format::Overflow::Wrap)
    facts.isBounded = false;
  facts.isFlushed = format.subnormals == Format::Subnormals::Flushed;
  facts.isIdentity = Y == F && !facts.isGradual && !facts.isFlushed &&
                     !facts.isBounded && format.hasNegativeZero;
  if (format.isGrid() && format.zeroPoint == Format::runtimeCode) {
    facts.isAsymmetric = true;
  } else if (format.isGrid()) {
    Limits limits = limitsOf(format, carrier);
    facts.isAsymmetric = limits.largest != limits.lowest;
  } else {
    facts.isAsymmetric = !format.isSigned;
  }
  return facts;
}

Limits mlir::prec::limitsOf(const Format &format, Carrier carrier) {
  auto bits = [&](double value) {
    return carrier == Carrier::F32
               ? uint64_t(std::bit_cast<uint32_t>(float(value)))
               : std::bit_cast<uint64_t>(value);
  };
  double greatest = 1, least = 1;
  switch (format.family) {
  case Format::Family::Fixed:
  case Format::Family::Integer: {
    if (format.zeroPoint == Format::runtimeCode)
      break;
    double scale = format.hasPlainScale() ? format.scale : 1;
    double step = std::ldexp(scale, -format.fractionBits);
    greatest = double(format.high - format.zeroPoint) * step;
    least = double(format.zeroPoint - format.low) * step;
    break;
  }
  case Format::Family::Power:
    greatest = least = std::ldexp(1.0, int(format.high));
    break;
  case Format::Family::Posit:
    if (format.isRuntime())
      break;
    greatest = least =
        std::ldexp(1.0, (int(format.high) - 2) << format.exponentBits);
    break;
  case Format::Family::Exponent:
    greatest = 0x1p127;
    least = 0;
    break;
  default:
    break;
  }
  return {bits(greatest), bits(least)};
}
