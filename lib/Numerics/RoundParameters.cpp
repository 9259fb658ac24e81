// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The static facts about a format on a carrier.
#include "prec/Numerics/RoundParameters.h"

using namespace mlir::prec;

RoundFacts mlir::prec::roundFacts(const Format &format, Carrier carrier) {
  RoundFacts facts;
  facts.carrier = layoutOf(carrier);
  facts.format = format;
  facts.fractionBits = format.fractionBits;
  const int F = facts.carrier.fractionBits, Y = format.fractionBits;
  facts.mayKeepAll = Y == Format::runtime || Y == F;
  facts.hasOddBias = Y == 0 && (format.biasOffset & 1);

  const bool anyExponent = format.exponentBits == Format::runtime;
  int bias = facts.carrier.bias(), leastNormal = 1;
  if (format.family != Format::Family::Mantissa && !anyExponent) {
    bias = (1 << (format.exponentBits - 1)) - 1 + format.biasOffset;
    leastNormal = facts.carrier.bias() - bias + 1;
  }
  facts.isGradual = anyExponent || leastNormal > 1;
  facts.hasTiny = facts.isGradual && (anyExponent || leastNormal - Y > 1);
  // Only the carrier's own last exponent overflows by carry.
  facts.isBounded = anyExponent || bias != facts.carrier.bias() ||
                    format.biasOffset != 0 || !format.reservesLastExponent ||
                    format.reservedTopCodes != 0 ||
                    format.infinities == Format::Infinities::No ||
                    format.overflow == Format::Overflow::Saturate;
  facts.isIdentity =
      Y == F && !facts.isGradual && !facts.isBounded && format.hasNegativeZero;
  return facts;
}
