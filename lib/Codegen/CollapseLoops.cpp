// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops over neighbours in memory become one.
#include "CollapseLoops.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

using namespace mlir;

/// Neighbouring dimensions that every operand has side by side in memory, or
/// does not have, count as one.
static SmallVector<ReassociationIndices> collapsible(linalg::GenericOp op) {
  auto iterators = op.getIteratorTypesArray();
  auto joins = [&](unsigned dim) { // dim and dim + 1
    if (iterators[dim] != iterators[dim + 1])
      return false;
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto first =
          map.getResultPosition(getAffineDimExpr(dim, op.getContext()));
      auto next =
          map.getResultPosition(getAffineDimExpr(dim + 1, op.getContext()));
      if (!first && !next && !map.isFunctionOfDim(dim) &&
          !map.isFunctionOfDim(dim + 1))
        continue;
      if (!first || !next || *next != *first + 1)
        return false;
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type) {
        if (!isa<RankedTensorType>(operand.get().getType()))
          return false;
        continue;
      }
      SmallVector<int64_t> strides;
      int64_t offset;
      if (failed(type.getStridesAndOffset(strides, offset)) ||
          ShapedType::isDynamic(strides[*next]) || type.isDynamicDim(*next) ||
          strides[*first] != strides[*next] * type.getDimSize(*next))
        return false;
    }
    return true;
  };
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < int64_t(op.getNumLoops()); ++dim) {
    if (dim > 0 && joins(dim - 1))
      groups.back().push_back(dim);
    else
      groups.push_back({dim});
  }
  return groups;
}

linalg::GenericOp mlir::prec::collapseLoops(RewriterBase &rewriter,
                                            linalg::GenericOp op) {
  if (op.hasIndexSemantics() ||
      !llvm::all_of(op.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return op;
  SmallVector<ReassociationIndices> groups = collapsible(op);
  if (groups.size() == op.getNumLoops())
    return op;
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::CollapseResult> result =
      linalg::collapseOpIterationDims(op, groups, rewriter);
  return failed(result)
             ? op
             : cast<linalg::GenericOp>(result->collapsedOp.getOperation());
}
