// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats are rounded by two additions.
#include "prec/Numerics/Shifter.h"

#include <cassert>

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
  // What is tiny is gradual and, but in the carrier's own range, bounded.
  if (format.family != Format::Family::Float || !facts.hasTiny ||
      !format.isSigned || format.subnormals != Format::Subnormals::Kept)
    return false;
  assert((format.infinities == Format::Infinities::No ||
          (format.reservesLastExponent && format.reservedTopCodes == 0)) &&
         "floats with infinities are IEEE's");
  if (!facts.hasRuntimeExponent &&
      format.exponentBits > limits.mostExponentBits)
    return false; // M would overflow
  return facts.fractionBits == Format::runtime ||
         (facts.fractionBits >= limits.leastFraction &&
          facts.fractionBits <= limits.mostFraction);
}
