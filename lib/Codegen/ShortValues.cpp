// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold numbers of few fraction bits only.
#include "ShortValues.h"
#include "prec/Numerics/RoundFacts.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

bool ShortValues::isAsShort(RoundOp other) {
  const Format &format = round.getFormat().getValue();
  const Format &others = other.getFormat().getValue();
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
