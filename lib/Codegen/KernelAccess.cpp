// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs: how operands lie along the dimensions.
#include "ElementBytes.h"
#include "KernelCost.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::prec;

/// Elements between neighbours of each dimension, as far as they are known.
static SmallVector<int64_t> stridesOf(ShapedType type) {
  SmallVector<int64_t> strides;
  if (auto memref = dyn_cast<MemRefType>(type)) {
    int64_t offset;
    if (failed(memref.getStridesAndOffset(strides, offset)))
      strides.assign(type.getRank(), ShapedType::kDynamic);
    return strides;
  }
  strides.resize(type.getRank());
  int64_t next = 1;
  for (int64_t d = type.getRank() - 1; d >= 0; --d) {
    strides[d] = next;
    if (next != ShapedType::kDynamic)
      next = type.isDynamicDim(d) ? ShapedType::kDynamic
                                  : next * type.getDimSize(d);
  }
  return strides;
}

std::optional<int64_t> KernelCost::stepOf(OpOperand &operand, unsigned dim) {
  auto type = dyn_cast<ShapedType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!type || !map.isFunctionOfDim(dim))
    return 0;
  SmallVector<int64_t> strides = stridesOf(type);
  int64_t sum = 0;
  AffineExpr d = getAffineDimExpr(dim, op.getContext());
  for (auto [result, stride] : llvm::zip(map.getResults(), strides)) {
    if (!result.isFunctionOfDim(dim))
      continue;
    auto difference = dyn_cast<AffineConstantExpr>(simplifyAffineExpr(
        result.replace(d, d + 1) - result, map.getNumDims(), 0));
    if (!difference || stride == ShapedType::kDynamic)
      return std::nullopt;
    sum += difference.getValue() * stride;
  }
  return sum;
}

void KernelCost::measureSteps() {
  for (OpOperand &operand : op->getOpOperands()) {
    auto &row = steps.emplace_back();
    for (unsigned dim = 0; dim < extents.size(); ++dim)
      row.push_back(stepOf(operand, dim));
    Type type = operand.get().getType();
    hasVectors.push_back(takesVectors(type));
    elementSizes.push_back(elementBytes(getElementTypeOrSelf(type)));
  }
}

bool KernelCost::takesVectors(Type operand) {
  auto type = dyn_cast<ShapedType>(operand);
  return type && type.getRank() > 0 && stridesOf(type).back() == 1 &&
         !type.getElementType().isInteger(1) &&
         !type.getElementType().isIndex();
}

bool KernelCost::sharesVectors(unsigned vectorDim, unsigned dim) const {
  AffineExpr alone = getAffineDimExpr(dim, op.getContext());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  return llvm::none_of(inputs, [&](unsigned number) {
    return dependsOn(number, int(vectorDim)) &&
           llvm::is_contained(maps[number].getResults(), alone);
  });
}

SmallVector<Access> KernelCost::accesses(unsigned vectorDim, int rowDim) const {
  SmallVector<Access> result;
  bool canGather = numReductions == 0;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    bool isOutput = number >= firstOutput;
    auto along = step(number, vectorDim);
    auto across = rowDim < 0 ? std::nullopt : step(number, rowDim);
    if (along == 0)
      result.push_back(Access::Uniform);
    else if (!hasVectors[number])
      result.push_back(Access::Strided);
    else if (along == 1)
      result.push_back(Access::Contiguous);
    else if (along == 2 &&
             (!isOutput || (across == 1 && canGather && extents[rowDim] == 2)))
      result.push_back(Access::Interleaved);
    else if (across == 1 && (isOutput || canGather))
      result.push_back(Access::Transposed);
    else
      result.push_back(Access::Strided);
  }
  return result;
}

SmallVector<Access> KernelCost::accessesAhead(unsigned vectorDim,
                                              int rowDim) const {
  SmallVector<Access> result = accesses(vectorDim, rowDim);
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (reductions.empty() || ShapedType::isDynamic(extents[reductions.back()]))
    return result;
  for (unsigned number : inputs)
    if (result[number] == Access::Strided && !dependsOn(number, rowDim) &&
        step(number, vectorDim) && step(number, reductions.back()) == 1 &&
        hasVectors[number])
      result[number] = Access::Ahead;
  return result;
}
