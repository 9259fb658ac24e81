// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold numbers of few fraction bits only.
#include "ShortValues.h"
#include "prec/Numerics/RoundFacts.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

/// The run-time number of a float's fraction bits, if that is what is not
/// known.
static Value runtimeFraction(RoundOp round) {
  const Format &format = round.getFormat().getValue();
  const bool isFloat = format.family == Format::Family::Float ||
                       format.family == Format::Family::Mantissa;
  if (!isFloat || format.fractionBits != Format::runtime)
    return {};
  return round.getParameters()[format.exponentBits == Format::runtime];
}

bool ShortValues::isAsShort(RoundOp other) {
  const Format &format = round.getFormat().getValue();
  const Format &others = other.getFormat().getValue();
  // The widest exponents hold the numbers of any other.
  const RoundFacts facts = roundFacts(format, *carrierOf(round.getType()));
  if (Value bits = runtimeFraction(round); bits && !facts.isGradual)
    return bits == runtimeFraction(other);
  if (format.isRuntime() || others.isRuntime())
    return round.getFormat() == other.getFormat() &&
           round.getParameters() == other.getParameters();
  return !others.isGrid() && others.isElementwise() &&
         others.family != Format::Family::Posit &&
         others.fractionBits <= format.fractionBits;
}

bool ShortValues::isMultiple(RoundOp other) {
  const RoundFacts facts =
      roundFacts(other.getFormat().getValue(), *carrierOf(other.getType()));
  return facts.format.family == Format::Family::Float &&
         !facts.format.isRuntime() &&
         facts.leastNormal - facts.carrier.bias() - facts.fractionBits >=
             *quantum;
}

std::optional<bool> ShortValues::decide(Operation *op) {
  if (matchPattern(op, m_AnyZeroFloat()))
    return true;
  if (auto other = dyn_cast<RoundOp>(op))
    return isAsShort(other) && (!quantum || isMultiple(other));
  return std::nullopt;
}
