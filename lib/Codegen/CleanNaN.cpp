// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values can only hold NaNs that survive a rounding's integer arithmetic.
#include "CleanNaN.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

static bool hasNaN(Attribute attribute) {
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValue().isNaN();
  auto dense = dyn_cast<DenseFPElementsAttr>(attribute);
  return !dense || llvm::any_of(dense.getValues<APFloat>(),
                                [](const APFloat &v) { return v.isNaN(); });
}

std::optional<bool> CleanNaN::decide(Operation *op) {
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant)))
    return !hasNaN(constant);
  if (isa<RoundOp, arith::SIToFPOp, arith::UIToFPOp>(op))
    return true;
  if (isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) &&
      !isa<arith::BitcastOp>(op))
    return holdsOfOperands(op);
  return std::nullopt;
}
