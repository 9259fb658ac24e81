// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats and modes are rounded by an addition, a mask and a subtraction.
#include "prec/Numerics/MaskedShifter.h"

using namespace mlir::prec;

using Kind = RoundingMode::Kind;

bool mlir::prec::hasMaskedSums(const RoundFacts &facts, RoundingMode mode) {
  const Format &format = facts.format;
  if (!hasShifter(facts) || format.family != Format::Family::Float ||
      facts.carrier.width != 32 || mode.randomBits >= 32)
    return false;
  // Of one reserved code sums are multiplied by 1 + 2^-Y and then by the
  // carrier's number nearest to its inverse, which gives every number again.
  return format.reservedTopCodes <= 1 &&
         (facts.fractionBits == Format::runtime ||
          (facts.fractionBits >= maskedLimits.leastFraction &&
           facts.fractionBits <= maskedLimits.mostFraction));
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

bool mlir::prec::hasLongProducts(const RoundFacts &facts, RoundingMode mode) {
  return hasMaskedShifter(facts, mode) &&
         (mode.kind == Kind::TowardZero ||
          (mode.kind == Kind::Stochastic && mode.randomBits <= 16));
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
