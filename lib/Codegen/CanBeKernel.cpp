// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which linalg.generic a kernel can be made of.
#include "KernelPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

static bool isSupportedElement(Type type) {
  return isa<FloatType, IntegerType, IndexType>(type);
}

/// Is it a run-time number that was made at least 1, outside of the body, where
/// no lane is padded (the size of a sum's blocks)?
static bool isPositive(Value value, Operation &user) {
  if (value.getParentBlock() == user.getBlock())
    return false;
  if (auto cast = value.getDefiningOp<arith::IndexCastOp>())
    value = cast.getIn();
  auto atLeast = value.getDefiningOp<arith::MaxSIOp>();
  APInt least;
  return atLeast && llvm::any_of(atLeast->getOperands(), [&](Value operand) {
           return matchPattern(operand, m_ConstantInt(&least)) &&
                  least.isStrictlyPositive();
         });
}

/// A remainder traps as a division does, though upstream calls it speculatable.
static bool mayTrap(Operation &op) {
  if (!isa<arith::RemSIOp, arith::RemUIOp>(op))
    return false;
  APInt divisor;
  if (matchPattern(op.getOperand(1), m_ConstantInt(&divisor)))
    return divisor.isZero() || divisor.isAllOnes();
  return !isPositive(op.getOperand(1), op);
}

/// Operations that compute each lane by itself and do no harm in lanes that
/// nobody asked for: an integer's division traps where a padded divisor is 0.
static bool isLaneWise(Operation &op) {
  return op.getNumRegions() == 0 && op.getNumResults() == 1 &&
         isSpeculatable(&op) && !mayTrap(op) &&
         (isa<linalg::IndexOp, arith::ConstantOp>(op) ||
          OpTrait::hasElementwiseMappableTraits(&op)) &&
         isSupportedElement(op.getResult(0).getType());
}

bool mlir::prec::canBeKernel(linalg::GenericOp op) {
  for (Operation &inner : op.getBody()->without_terminator())
    if (!isLaneWise(inner))
      return false;
  for (Value operand : op->getOperands()) {
    Type type = operand.getType();
    if (!isSupportedElement(getElementTypeOrSelf(type)))
      return false;
    if (isa<ShapedType>(type) && !isa<MemRefType, RankedTensorType>(type))
      return false;
  }
  auto iterators = op.getIteratorTypesArray();
  for (OpOperand &output : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&output);
    if (!map.isProjectedPermutation() ||
        map.getNumResults() != op.getNumParallelLoops())
      return false;
    for (AffineExpr result : map.getResults())
      if (!linalg::isParallelIterator(
              iterators[cast<AffineDimExpr>(result).getPosition()]))
        return false;
  }
  return true;
}
