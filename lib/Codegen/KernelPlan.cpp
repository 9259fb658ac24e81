// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a linalg.generic on buffers becomes a loop nest on vectors.
#include "KernelPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::prec;

/// One lane's work on an element that cannot be loaded with its neighbours.
static constexpr double insertCost = 1.5;

static bool isSupportedElement(Type type) {
  return isa<FloatType, IntegerType, IndexType>(type);
}

/// Operations that compute each lane by itself.
static bool isLaneWise(Operation &op) {
  return op.getNumRegions() == 0 && op.getNumResults() == 1 &&
         (isa<linalg::IndexOp, arith::ConstantOp>(op) ||
          OpTrait::hasElementwiseMappableTraits(&op)) &&
         isSupportedElement(op.getResult(0).getType());
}

static bool isSupported(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics())
    return false;
  for (Operation &inner : op.getBody()->without_terminator())
    if (!isLaneWise(inner))
      return false;
  for (Value operand : op->getOperands()) {
    if (!isSupportedElement(getElementTypeOrSelf(operand.getType())))
      return false;
    if (auto type = dyn_cast<BaseMemRefType>(operand.getType()))
      if (!isa<MemRefType>(type))
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

/// What `expr` grows by when dimension `dim` grows by one, if that is constant.
static std::optional<int64_t> slope(AffineExpr expr, unsigned dim,
                                    unsigned numDims) {
  AffineExpr d = getAffineDimExpr(dim, expr.getContext());
  AffineExpr next = expr.replace(d, d + 1);
  auto difference =
      dyn_cast<AffineConstantExpr>(simplifyAffineExpr(next - expr, numDims, 0));
  if (!difference)
    return std::nullopt;
  return difference.getValue();
}

static Access accessOf(OpOperand &operand, AffineMap map, unsigned dim) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type || !map.isFunctionOfDim(dim))
    return Access::Uniform;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) ||
      strides.back() != 1 || type.getElementType().isInteger(1))
    return Access::Strided;
  if (map.dropResult(map.getNumResults() - 1).isFunctionOfDim(dim))
    return Access::Strided;
  return slope(map.getResults().back(), dim, map.getNumDims()) == 1
             ? Access::Contiguous
             : Access::Strided;
}

static SmallVector<Access> accessesOf(linalg::GenericOp op, unsigned dim) {
  SmallVector<Access> accesses;
  for (OpOperand &operand : op->getOpOperands())
    accesses.push_back(
        accessOf(operand, op.getMatchingIndexingMap(&operand), dim));
  return accesses;
}

/// Vector instructions for `lanes` points of `dim`: body, reads and, where no
/// reduction loop divides them, writes.
static double costOf(linalg::GenericOp op, ArrayRef<Access> accesses,
                     int64_t lanes, double bodyCost) {
  double cost = bodyCost;
  bool reduces = op.getNumReductionLoops() > 0;
  for (auto [index, access] : llvm::enumerate(accesses)) {
    bool isOutput = int64_t(index) >= op.getNumDpsInputs();
    double weight = isOutput && reduces ? 0.05 : 1.0;
    cost += weight * (access == Access::Strided ? insertCost * lanes : 0.5);
  }
  return cost;
}

/// Bits of the widest element that operands have; what is wider inside the
/// body takes several registers.
static unsigned elementBits(linalg::GenericOp op) {
  unsigned bits = 8;
  for (Value operand : op->getOperands()) {
    Type type = getElementTypeOrSelf(operand.getType());
    bits = std::max(bits, type.isIndex() ? 64 : type.getIntOrFloatBitWidth());
  }
  return bits;
}

static double countOps(linalg::GenericOp op) {
  double count = 0;
  for (Operation &inner : op.getBody()->without_terminator())
    count += isa<arith::ConstantOp, linalg::IndexOp>(inner) ? 0 : 1;
  return count;
}

int64_t mlir::prec::countScalarOps(linalg::GenericOp op) {
  constexpr int64_t assumedExtent = 64, limit = int64_t(1) << 40;
  int64_t count = std::max<int64_t>(1, static_cast<int64_t>(countOps(op)));
  for (int64_t extent : op.getStaticLoopRanges()) {
    count *=
        ShapedType::isDynamic(extent) ? assumedExtent : std::min(extent, limit);
    count = std::min(count, limit);
  }
  return count;
}

/// Tile sizes by registers: accumulators take at most half of them and the
/// unrolled body stays small enough to compile quickly.
static void chooseTile(KernelPlan &plan, linalg::GenericOp op,
                       const CodegenOptions &options, double bodyCost) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  int64_t extent = extents[plan.vectorDim];
  int64_t budget = options.vectorRegisters / 2;
  constexpr double maxBody = 400;
  auto fits = [&](int64_t tiles) {
    return tiles <= budget &&
           double(tiles) * std::max(bodyCost, 1.0) <= maxBody;
  };
  bool isDynamic = ShapedType::isDynamic(extent);
  if (op.getNumReductionLoops() == 0) {
    plan.vectors = 1;
    return;
  }
  plan.vectors = (isDynamic || extent >= 2 * plan.lanes) && fits(2) ? 2 : 1;
  // The row dimension: the parallel one that most inputs do not depend on.
  int best = -1;
  for (int dim : llvm::reverse(plan.outer)) {
    if (!ShapedType::isDynamic(extents[dim]) && extents[dim] < 2)
      continue;
    if (best < 0)
      best = dim;
  }
  if (best < 0)
    return;
  plan.rowDim = best;
  llvm::erase(plan.outer, static_cast<unsigned>(best));
  int64_t rows = 1;
  while (fits(2 * rows * plan.vectors))
    rows *= 2;
  int64_t available = extents[best];
  if (!ShapedType::isDynamic(available)) {
    if (available <= rows + 4 && fits(available * plan.vectors / 2))
      rows = available;
    rows = std::min(rows, available);
  }
  plan.rows = rows;
}

std::optional<KernelPlan>
mlir::prec::planKernel(linalg::GenericOp op, const CodegenOptions &options) {
  if (!isSupported(op))
    return std::nullopt;
  KernelPlan plan;
  double bodyCost = countOps(op);
  plan.lanes = std::max<int64_t>(1, options.vectorBits / elementBits(op));
  SmallVector<unsigned> parallel;
  op.getParallelDims(parallel);
  op.getReductionDims(plan.reductions);
  SmallVector<int64_t> extents = op.getStaticLoopRanges();

  double best = double(plan.lanes) * (bodyCost + 0.5 * op->getNumOperands());
  for (unsigned dim : parallel) {
    int64_t extent = extents[dim];
    if (plan.lanes < 2 || (!ShapedType::isDynamic(extent) && extent < 2))
      continue;
    SmallVector<Access> accesses = accessesOf(op, dim);
    double cost = costOf(op, accesses, plan.lanes, bodyCost);
    if (!ShapedType::isDynamic(extent)) // lanes that stay empty
      cost *= double(llvm::alignTo(extent, plan.lanes)) / double(extent);
    if (cost < best || (cost == best && plan.vectorDim >= 0)) {
      best = cost;
      plan.vectorDim = dim;
      plan.accesses = accesses;
    }
  }
  for (unsigned dim : parallel)
    if (int(dim) != plan.vectorDim)
      plan.outer.push_back(dim);
  if (plan.isScalar()) {
    plan.lanes = 1;
    plan.accesses.assign(op->getNumOperands(), Access::Uniform);
    return plan;
  }
  plan.canMask = options.vectorBits >= 256 &&
                 (!ShapedType::isDynamic(extents[plan.vectorDim]) ||
                  !llvm::is_contained(plan.accesses, Access::Strided));
  chooseTile(plan, op, options, bodyCost);
  return plan;
}
