// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Infinities that stand for "no element yet".
#include "prec/Analysis/StartValue.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

/// -1 or 1 for an infinite constant of that sign, else 0.
static int signOfInfinity(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return 0;
  std::optional<APFloat> number;
  if (auto scalar = dyn_cast<FloatAttr>(constant))
    number = scalar.getValue();
  else if (auto splat = dyn_cast<SplatElementsAttr>(constant))
    if (isa<FloatType>(splat.getElementType()))
      number = splat.getSplatValue<APFloat>();
  if (!number || !number->isInfinity())
    return 0;
  return number->isNegative() ? -1 : 1;
}

/// Is a body's argument only compared, and so never part of a result unless it
/// is the greatest (sign -1) or least (sign 1)?
static bool isOnlyCompared(Value argument, int sign) {
  return llvm::all_of(argument.getUsers(), [&](Operation *user) {
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(user))
      return sign < 0;
    if (isa<arith::MinimumFOp, arith::MinNumFOp>(user))
      return sign > 0;
    if (auto compare = dyn_cast<arith::CmpFOp>(user)) {
      // The argument loses against every number.
      using enum arith::CmpFPredicate;
      switch (compare.getPredicate()) {
      case OGT:
      case OGE:
      case UGT:
      case UGE:
        return (compare.getRhs() == argument) == (sign < 0);
      case OLT:
      case OLE:
      case ULT:
      case ULE:
        return (compare.getRhs() == argument) == (sign > 0);
      default:
        return false;
      }
    }
    auto select = dyn_cast<arith::SelectOp>(user);
    return select && select.getCondition() != argument &&
           select.getCondition().getDefiningOp<arith::CmpFOp>();
  });
}

/// Do all uses of a value start extrema?
static bool allStart(Value value, int sign);

static bool starts(OpOperand &use, int sign) {
  Operation *user = use.getOwner();
  if (auto fill = dyn_cast<linalg::FillOp>(user))
    return fill.isDpsInput(&use) && fill.getNumResults() == 1 &&
           allStart(fill.getResult(0), sign);
  if (auto structured = dyn_cast<linalg::LinalgOp>(user)) {
    // A padded input takes part like an initial value.
    BlockArgument argument = structured.getMatchingBlockArgument(&use);
    return structured.getNumReductionLoops() && !argument.use_empty() &&
           isOnlyCompared(argument, sign);
  }
  if (auto loop = dyn_cast<scf::ForOp>(user)) {
    BlockArgument argument = loop.getTiedLoopRegionIterArg(&use);
    return argument && !argument.use_empty() && isOnlyCompared(argument, sign);
  }
  auto pad = dyn_cast<tensor::PadOp>(user->getParentOp());
  return pad && isa<tensor::YieldOp>(user) && allStart(pad.getResult(), sign);
}

static bool allStart(Value value, int sign) {
  return !value.use_empty() &&
         llvm::all_of(value.getUses(),
                      [&](OpOperand &use) { return starts(use, sign); });
}

bool mlir::prec::isStartOfExtremum(OpOperand &use) {
  int sign = signOfInfinity(use.get());
  return sign && starts(use, sign);
}
