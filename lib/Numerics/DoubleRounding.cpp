// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Double rounding: which exact results a carrier cannot move onto a border.
//
// Rounding is monotone and a carrier holds the borders of a format: in nearest
// modes the middles of its numbers, which have one bit more, in the others the
// numbers. So the carrier's own rounding can harm only where it puts a result
// on a border that was beside it. How near to one with p bits or p + 1 a result
// of numbers with p bits can lie (Figueroa 1995; the test has operands beyond
// each bound): see the end. Results with fewer bits, of subnormal numbers and
// posits, are not nearer.
#include "prec/Numerics/DoubleRounding.h"
#include "prec/Numerics/RoundParameters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

using namespace mlir::prec;

namespace {
/// The numbers are multiples of 2^quantum below 2^most with at most `bits`
/// significant bits; the borders are at least 2^border.
struct Shape {
  int bits, quantum, most, border;
};
} // namespace

static Shape shapeOf(const Format &format, Carrier carrier) {
  switch (format.family) {
  case Format::Family::Fixed:
  case Format::Family::Integer: {
    auto magnitude =
        uint64_t(std::max(std::abs(format.low - format.zeroPoint),
                          std::abs(format.high - format.zeroPoint)));
    int bits = std::max(1, int(std::bit_width(magnitude)));
    int quantum = std::ilogb(format.scale) - format.fractionBits;
    return {bits, quantum, quantum + bits, quantum - 1};
  }
  case Format::Family::Power:
    return {1, int(format.low), int(format.high) + 1, int(format.low) - 1};
  case Format::Family::Posit: {
    int regime = int(format.high) - 2, most = regime << format.exponentBits;
    return {std::max(1, regime - format.exponentBits), -most, most + 1,
            -most - 1};
  }
  case Format::Family::Sign:
    return {1, 0, 1, -1};
  case Format::Family::Exponent:
    return {1, -127, 128, -128};
  default:
    break;
  }
  int exponentBits = format.family == Format::Family::Mantissa
                         ? int(layoutOf(carrier).exponentBits)
                         : format.exponentBits;
  int bias = (1 << (exponentBits - 1)) - 1 + format.biasOffset;
  int greatest = (1 << exponentBits) - 1 - bias - format.reservesLastExponent;
  int quantum = 1 - bias - format.fractionBits;
  return {format.fractionBits + 1, quantum, greatest + 1,
          format.subnormals == Format::Subnormals::Kept ? quantum - 1 : -bias};
}

bool mlir::prec::exactThroughCarrier(ExactOperation operation,
                                     const Format &format, Carrier carrier,
                                     RoundingMode::Kind mode) {
  if (!format.isElementwise() || format.isRuntime() ||
      !format.hasPlainScale() || !format.whyNotIn(carrier).empty())
    return false;
  const CarrierLayout layout = layoutOf(carrier);
  const int q = int(layout.fractionBits) + 1, normal = 1 - layout.bias(),
            least = normal - q + 1, beyond = layout.bias() + 1;
  const Shape f = shapeOf(format, carrier);

  if (mode == RoundingMode::Kind::NearestEven &&
      roundFacts(format, carrier).isIdentity)
    return true; // the carrier's own rounding

  // Results that the carrier holds are the exact ones; what exceeds the format
  // does so in the carrier too.
  const bool isBounded = format.overflow != Format::Overflow::Wrap;
  auto isHeld = [&](int quantum, int most) {
    int top = isBounded ? std::min(most, f.most) : most;
    return top - quantum <= q && quantum >= least && most <= beyond;
  };
  const int lowest = std::min(2 * f.quantum, f.quantum),
            top = std::max(2 * f.most, f.most);
  switch (operation) {
  case ExactOperation::Add:
    if (isHeld(f.quantum, f.most + 1))
      return true;
    break;
  case ExactOperation::Multiply:
    if (isHeld(2 * f.quantum, 2 * f.most) ||
        (2 * f.bits <= q && 2 * f.quantum >= least && 2 * f.most <= beyond))
      return true;
    break;
  case ExactOperation::FusedMultiplyAdd: // else c may be as small as it likes
    return isHeld(lowest, top + 1);
  case ExactOperation::Divide:
  case ExactOperation::SquareRoot:
    break;
  }

  using Kind = RoundingMode::Kind;
  if (!isBounded || RoundingMode(mode).isStochastic())
    return false;
  const bool isNearest = mode == Kind::NearestEven ||
                         mode == Kind::NearestAway ||
                         mode == Kind::NearestToZero;
  // Below the carrier's normal numbers its own quantum may be too coarse for
  // what lies beside the least border, and for anything beside zero; numbers of
  // one bit have results that are held. No result is infinite that is not so
  // exactly, unless the mode makes it so or it saturates; no posit is zero or
  // infinite.
  const bool isOpen = format.family == Format::Family::Posit ||
                      format.family == Format::Family::Exponent;
  const bool saturates = format.overflow == Format::Overflow::Saturate ||
                         format.isGrid() ||
                         format.family == Format::Family::Power;
  auto isFine = [&](int beside, int smallest, int greatest) {
    const bool isZero = smallest < least, isInfinite = beyond < greatest;
    if (isOpen && (isZero || isInfinite))
      return false;
    if (isNearest)
      return f.border > normal || f.border - beside >= least;
    return (f.border > normal || f.bits == 1) &&
           (!isZero || mode == Kind::TowardZero) &&
           (!isInfinite || mode == Kind::Away || saturates);
  };
  const int number = f.border + 1; // the least
  switch (operation) {
  case ExactOperation::Add: // a sum below the normal numbers is exact
    return isNearest && q >= 2 * f.bits + 1;
  case ExactOperation::Multiply:
    return q >= 2 * f.bits && isFine(2 * f.bits - 1, 2 * number, 2 * f.most);
  case ExactOperation::Divide:
    // A quotient that is none of the borders, which are multiples of the least,
    // is beside them by that over a divisor, which is below 2^bits.
    return q >= 2 * f.bits - !isNearest &&
           isFine(f.bits - 1, number - f.most, f.most - number);
  case ExactOperation::SquareRoot:
    return q >= 2 * f.bits + 2 * isNearest;
  case ExactOperation::FusedMultiplyAdd:
    break;
  }
  return false;
}
