// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats are rounded by two additions.
#include "prec/Numerics/Shifter.h"

using namespace mlir::prec;

bool mlir::prec::hasShifter(const RoundFacts &facts) {
  const Format &format = facts.format;
  const ShifterLimits limits = shifterLimits(facts.carrier);
  if (!format.isElementwise() || facts.isFlushed)
    return false;
  // A grid's step is far from the carrier's ends (whyNotIn), so M is normal.
  if (format.isGrid())
    return format.hasPowerStep() && format.zeroPoint == 0 &&
           format.overflow == Format::Overflow::Saturate &&
           (facts.fractionBits == Format::runtime ||
            (facts.fractionBits >= 0 &&
             facts.fractionBits <= limits.mostFraction));
  if (format.family != Format::Family::Float || !facts.isGradual ||
      !facts.hasTiny || !facts.isBounded || !format.isSigned ||
      format.subnormals != Format::Subnormals::Kept)
    return false;
  const bool hasInfinity = format.infinities == Format::Infinities::Yes;
  if (hasInfinity &&
      (!format.reservesLastExponent || format.reservedTopCodes != 0))
    return false;
  if (!facts.hasRuntimeExponent &&
      format.exponentBits > limits.mostExponentBits)
    return false; // M would overflow
  return facts.fractionBits == Format::runtime ||
         (facts.fractionBits >= limits.leastFraction &&
          facts.fractionBits <= limits.mostFraction);
}
