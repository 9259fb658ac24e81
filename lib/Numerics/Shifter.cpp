// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats are rounded by two additions.
#include "prec/Numerics/Shifter.h"

using namespace mlir::prec;

/// Is the shifter a normal number, wherever a number lies?
static bool isShifterNormal(const RoundFacts &facts) {
  const bool isWide = facts.carrier.width == 64;
  MachineOps<uint64_t> ops;
  const auto p = makeRoundParameters(ops, facts.format,
                                     isWide ? Carrier::F64 : Carrier::F32);
  const uint64_t last =
      std::max(p.leastNormal, (p.largest >> facts.carrier.fractionBits) + 1);
  return last + p.discard <= 2 * uint64_t(facts.carrier.bias());
}

bool mlir::prec::hasShifter(const RoundFacts &facts) {
  const Format &format = facts.format;
  const ShifterLimits limits = shifterLimits(facts.carrier);
  if (!format.isElementwise() || facts.isFlushed)
    return false;
  if (format.isGrid())
    return facts.hasPlainScale && facts.hasTiny && format.hasKnownCodes() &&
           format.zeroPoint == 0 && !format.isRuntime() &&
           format.overflow == Format::Overflow::Saturate &&
           facts.fractionBits >= 0 &&
           facts.fractionBits <= limits.mostFraction && isShifterNormal(facts);
  if (format.family != Format::Family::Float || !facts.isGradual ||
      !facts.hasTiny || !facts.isBounded || !format.isSigned ||
      format.subnormals != Format::Subnormals::Kept)
    return false;
  const bool hasInfinity = format.infinities == Format::Infinities::Yes;
  if (hasInfinity &&
      (!format.reservesLastExponent || format.reservedTopCodes != 0))
    return false;
  if (format.isRuntime())
    return facts.hasRuntimeExponent ||
           format.exponentBits <= limits.mostExponentBits;
  return facts.fractionBits >= limits.leastFraction &&
         facts.fractionBits <= limits.mostFraction && isShifterNormal(facts);
}
