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

/// Is an infinite constant the lowest one? Null for all other values.
static std::optional<bool> isLowestInfinity(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  std::optional<APFloat> number;
  if (auto scalar = dyn_cast<FloatAttr>(constant))
    number = scalar.getValue();
  else if (auto splat = dyn_cast<SplatElementsAttr>(constant))
    if (isa<FloatType>(splat.getElementType()))
      number = splat.getSplatValue<APFloat>();
  if (!number || !number->isInfinity())
    return std::nullopt;
  return number->isNegative();
}

/// Is a body's argument only compared, and so never part of a result unless it
/// is the greatest (isLowest) or least?
static bool isOnlyCompared(Value argument, bool isLowest) {
  return llvm::all_of(argument.getUsers(), [&](Operation *user) {
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(user))
      return isLowest;
    if (isa<arith::MinimumFOp, arith::MinNumFOp>(user))
      return !isLowest;
    if (auto compare = dyn_cast<arith::CmpFOp>(user)) {
      // The argument loses against every number.
      using enum arith::CmpFPredicate;
      switch (compare.getPredicate()) {
      case OGT:
      case OGE:
      case UGT:
      case UGE:
        return (compare.getRhs() == argument) == isLowest;
      case OLT:
      case OLE:
      case ULT:
      case ULE:
        return (compare.getRhs() == argument) != isLowest;
      default:
        return false;
      }
    }
    // Chosen only where its own comparison is lost by the other value; that it
    // points the right way is looked at above.
    auto select = dyn_cast<arith::SelectOp>(user);
    if (!select || select.getTrueValue() == argument)
      return false;
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    return compare && llvm::is_contained(compare.getOperands(), argument) &&
           llvm::is_contained(compare.getOperands(), select.getTrueValue());
  });
}

/// Do all uses of a value start extrema?
static bool allStart(Value value, bool isLowest);

static bool starts(OpOperand &use, bool isLowest) {
  Operation *user = use.getOwner();
  if (auto fill = dyn_cast<linalg::FillOp>(user))
    return fill.isDpsInput(&use) && fill.getNumResults() == 1 &&
           allStart(fill.getResult(0), isLowest);
  if (auto structured = dyn_cast<linalg::LinalgOp>(user)) {
    // A padded input takes part like an initial value.
    BlockArgument argument = structured.getMatchingBlockArgument(&use);
    return structured.getNumReductionLoops() && !argument.use_empty() &&
           isOnlyCompared(argument, isLowest);
  }
  if (auto loop = dyn_cast<scf::ForOp>(user)) {
    BlockArgument argument = loop.getTiedLoopRegionIterArg(&use);
    return argument && !argument.use_empty() &&
           isOnlyCompared(argument, isLowest);
  }
  auto pad = dyn_cast<tensor::PadOp>(user->getParentOp());
  return pad && isa<tensor::YieldOp>(user) &&
         allStart(pad.getResult(), isLowest);
}

static bool allStart(Value value, bool isLowest) {
  return !value.use_empty() &&
         llvm::all_of(value.getUses(),
                      [&](OpOperand &use) { return starts(use, isLowest); });
}

bool mlir::prec::isStartOfExtremum(OpOperand &use) {
  std::optional<bool> isLowest = isLowestInfinity(use.get());
  return isLowest && starts(use, *isLowest);
}
