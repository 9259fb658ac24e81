// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops over neighbours in memory become one.
#include "CollapseLoops.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

using namespace mlir;

/// Has every operand `dim` and the next dimension side by side in memory, or
/// neither?
static bool joins(linalg::GenericOp op, unsigned dim) {
  auto iterators = op.getIteratorTypesArray();
  if (iterators[dim] != iterators[dim + 1])
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    auto first = map.getResultPosition(getAffineDimExpr(dim, op.getContext()));
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
}

static bool canCollapse(linalg::GenericOp op) {
  return !op.hasIndexSemantics() &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
           return map.isProjectedPermutation();
         });
}

/// Those of the epilogue's loops; nothing if they do not join as those of `op`.
static std::optional<SmallVector<ReassociationIndices>>
groupsOfEpilogue(linalg::GenericOp op, linalg::GenericOp epilogue,
                 ArrayRef<ReassociationIndices> groups) {
  if (!canCollapse(epilogue))
    return std::nullopt;
  auto iterators = op.getIteratorTypesArray();
  SmallVector<ReassociationIndices> own;
  int64_t next = 0;
  for (const ReassociationIndices &group : groups) {
    if (!linalg::isParallelIterator(iterators[group.front()]))
      continue;
    auto &joined = own.emplace_back();
    for (size_t i = 0; i < group.size(); ++i, ++next) {
      if (i > 0 && !joins(epilogue, next - 1))
        return std::nullopt;
      joined.push_back(next);
    }
  }
  return own;
}

/// `op` becomes the collapsed one; its views stand before `first`, which may be
/// the same.
static bool collapse(RewriterBase &rewriter, linalg::GenericOp &op,
                     ArrayRef<ReassociationIndices> groups, Operation *first) {
  rewriter.setInsertionPoint(first);
  FailureOr<linalg::CollapseResult> result =
      linalg::collapseOpIterationDims(op, groups, rewriter);
  if (failed(result))
    return false;
  Operation *collapsed = result->collapsedOp;
  if (first != op)
    rewriter.moveOpBefore(collapsed, op);
  rewriter.eraseOp(op);
  op = cast<linalg::GenericOp>(collapsed);
  return true;
}

void mlir::prec::collapseLoops(RewriterBase &rewriter, linalg::GenericOp &op,
                               linalg::GenericOp &epilogue) {
  if (!canCollapse(op))
    return;
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < int64_t(op.getNumLoops()); ++dim) {
    if (dim > 0 && joins(op, dim - 1))
      groups.back().push_back(dim);
    else
      groups.push_back({dim});
  }
  if (groups.size() == op.getNumLoops())
    return;
  std::optional<SmallVector<ReassociationIndices>> own;
  if (epilogue)
    own = groupsOfEpilogue(op, epilogue, groups);
  if (!collapse(rewriter, op, groups, op))
    return;
  if (!own || !collapse(rewriter, epilogue, *own, op))
    epilogue = nullptr;
}
