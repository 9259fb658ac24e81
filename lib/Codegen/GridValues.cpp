// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold multiples of a power of two only.
#include "GridValues.h"
#include "prec/Numerics/GridRounding.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

std::optional<bool> GridValues::decide(Operation *op) {
  if (matchPattern(op, m_AnyZeroFloat()))
    return true;
  auto round = dyn_cast<RoundOp>(op);
  if (!round)
    return std::nullopt;
  const Format &format = round.getFormat().getValue();
  return format.isGrid() && !format.isRuntime() && format.hasKnownCodes() &&
         format.overflow == Format::Overflow::Saturate &&
         roundFacts(format, *carrierOf(round.getType())).hasPlainScale &&
         gridExponent(format) >= exponent;
}
