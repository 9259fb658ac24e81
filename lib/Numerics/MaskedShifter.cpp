// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats and modes are rounded by an addition, a mask and a subtraction.
#include "prec/Numerics/MaskedShifter.h"
#include "prec/Numerics/Shifter.h"

#include <cmath>

using namespace mlir::prec;

using Kind = RoundingMode::Kind;

/// Multiplying by 1 + 2^-Y and then by the carrier's number nearest to its
/// inverse gives every number of the format again: the two errors together are
/// less than half of the distance between neighbours, at worst 2^-25 below one.
static bool hasInverse(int fractionBits) {
  const double more = 1 + std::ldexp(1.0, -fractionBits);
  return std::abs(double(float(1 / more)) * more - 1) <= 0x1p-26;
}

bool mlir::prec::hasMaskedSums(const RoundFacts &facts, RoundingMode mode) {
  constexpr int leastFraction = 1, mostFraction = 10;
  const Format &format = facts.format;
  return hasShifter(facts) && format.family == Format::Family::Float &&
         !format.isRuntime() && facts.carrier.width == 32 &&
         facts.fractionBits >= leastFraction &&
         facts.fractionBits <= mostFraction && format.reservedTopCodes <= 1 &&
         (format.reservedTopCodes == 0 || hasInverse(facts.fractionBits)) &&
         mode.randomBits < 32;
}

bool mlir::prec::hasMaskedShifter(const RoundFacts &facts, RoundingMode mode) {
  return hasMaskedSums(facts, mode) && mode.kind != Kind::NearestEven;
}

int mlir::prec::leastQuantumOfFactors(const RoundFacts &facts) {
  // x + 6 e has a last bit of 2^(2 - F) e, which is even or odd.
  const int last = facts.leastNormal - facts.carrier.bias() + 2 -
                   int(facts.carrier.fractionBits);
  return -(-last / 2);
}

/// The exponent of the largest number, biased.
static int lastExponent(const RoundFacts &facts) {
  MachineOps<uint32_t> ops;
  const auto p = makeFormatParameters(ops, facts.format, Carrier::F32);
  return int(p.largest >> facts.carrier.fractionBits);
}

int mlir::prec::exponentOfLongProducts(const RoundFacts &facts,
                                       RoundingMode mode) {
  constexpr int placeBits = 17;
  return mode.kind == Kind::TowardZero
             ? 0
             : placeBits + facts.fractionBits + facts.carrier.bias() -
                   facts.leastNormal;
}

bool mlir::prec::hasLongProducts(const RoundFacts &facts, RoundingMode mode) {
  if (mode.kind == Kind::TowardZero)
    return true;
  // The multiplied largest number must be one of the carrier.
  return mode.kind == Kind::Stochastic && mode.randomBits <= 16 &&
         lastExponent(facts) + exponentOfLongProducts(facts, mode) <=
             2 * facts.carrier.bias();
}

bool mlir::prec::isLimited(const Format &format, RoundingMode mode,
                           bool isBelow) {
  if (format.overflow == Format::Overflow::Saturate ||
      (format.infinities == Format::Infinities::No &&
       format.nans == Format::NaNs::No))
    return true;
  return mode.kind == Kind::TowardZero || mode.kind == Kind::ToOdd ||
         mode.kind == (isBelow ? Kind::Up : Kind::Down);
}

int mlir::prec::exponentOfSums(const RoundFacts &facts, RoundingMode mode) {
  if (isLimited(facts.format, mode, false) &&
      isLimited(facts.format, mode, true))
    return 0;
  return 2 * facts.carrier.bias() - lastExponent(facts);
}
