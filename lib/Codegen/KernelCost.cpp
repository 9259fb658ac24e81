// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs.
#include "KernelCost.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::prec;

static constexpr int64_t assumedExtent = 64;
/// Latency of a floating-point addition, multiplication or fma; other
/// operations take one cycle.
static constexpr double floatLatency = 4;
/// Vector operations for an element that moves alone between a register and
/// memory, and for one row of a transposed square.
static constexpr double aloneCost = 1.5, transposeCost = 5;

static bool isFree(Operation &inner) {
  return isa<arith::ConstantOp, linalg::IndexOp, arith::BitcastOp>(inner);
}

KernelCost::KernelCost(linalg::GenericOp op)
    : op(op), extents(op.getStaticLoopRanges()) {
  llvm::DenseSet<Value> onChain;
  for (BlockArgument argument : op.getRegionOutputArgs())
    onChain.insert(argument);
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isFree(inner)) {
      if (inner.getNumOperands() && onChain.contains(inner.getOperand(0)))
        onChain.insert(inner.getResult(0));
      continue;
    }
    ++numOps;
    if (llvm::none_of(inner.getOperands(),
                      [&](Value v) { return onChain.contains(v); }))
      continue;
    onChain.insert(inner.getResult(0));
    chain += isa<FloatType>(inner.getResult(0).getType()) &&
                     !isa<arith::SelectOp>(inner)
                 ? floatLatency
                 : 1;
  }
  measureSteps();
}

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
  }
}

bool KernelCost::takesVectors(OpOperand &operand) {
  auto type = dyn_cast<ShapedType>(operand.get().getType());
  return type && type.getRank() > 0 && stridesOf(type).back() == 1 &&
         !type.getElementType().isInteger(1) &&
         !type.getElementType().isIndex();
}

SmallVector<Access> KernelCost::accesses(unsigned vectorDim, int rowDim) const {
  SmallVector<Access> result;
  bool canGather = op.getNumReductionLoops() == 0;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    bool isOutput = number >= op.getNumDpsInputs();
    auto along = step(number, vectorDim);
    auto across = rowDim < 0 ? std::nullopt : step(number, rowDim);
    if (along == 0)
      result.push_back(Access::Uniform);
    else if (!takesVectors(operand))
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

int64_t KernelCost::extent(unsigned dim) const {
  return ShapedType::isDynamic(extents[dim]) ? assumedExtent : extents[dim];
}

double KernelCost::points(ArrayRef<unsigned> dims) const {
  double count = 1;
  for (unsigned dim : dims)
    count *= double(extent(dim));
  return count;
}

KernelCost::Dependence
KernelCost::dependenceOf(Value value, const KernelPlan &plan,
                         llvm::DenseMap<Value, Dependence> &known) const {
  if (value.getParentBlock() != op.getBody())
    return {};
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    unsigned number = argument.getArgNumber();
    AffineMap map = op.getIndexingMapsArray()[number];
    return {plan.rowDim >= 0 && map.isFunctionOfDim(plan.rowDim),
            !plan.isScalar() && map.isFunctionOfDim(plan.vectorDim)};
  }
  if (auto index = value.getDefiningOp<linalg::IndexOp>())
    return {int64_t(index.getDim()) == plan.rowDim,
            int64_t(index.getDim()) == plan.vectorDim};
  auto found = known.find(value);
  return found == known.end() ? Dependence() : found->second;
}

/// Cache lines that a row's load fetches anew, in loads: rows that lie apart
/// share no line, and only neighbouring steps of the reduction do.
double KernelCost::missedLines(unsigned number, const KernelPlan &plan,
                               const Tile &tile) const {
  constexpr double line = 16, nearElements = 8192, loadsPerLine = 4;
  auto across = step(number, plan.rowDim);
  if (plan.reductions.empty() || (across && std::abs(*across) < int64_t(line)))
    return 0;
  AffineMap map = op.getIndexingMapsArray()[number];
  double elements = double(tile.rows);
  for (unsigned dim : plan.reductions)
    if (map.isFunctionOfDim(dim))
      elements *= double(extent(dim));
  if (elements <= nearElements)
    return 0;
  unsigned innermost = plan.reductions.back();
  double run = step(number, innermost) == 1 ? double(extent(innermost)) : 1;
  return loadsPerLine / std::min(run, line);
}

/// One point of the reduction dimensions (or of none) for a tile.
double KernelCost::stepCycles(const KernelPlan &plan, const Tile &tile) const {
  llvm::DenseMap<Value, Dependence> known;
  double vectorOps = 0, loads = 0, scalarOps = 1;
  for (Operation &inner : op.getBody()->without_terminator()) {
    Dependence d;
    for (Value operand : inner.getOperands()) {
      Dependence other = dependenceOf(operand, plan, known);
      d.row |= other.row;
      d.vector |= other.vector;
    }
    if (isa<linalg::IndexOp>(inner))
      d = dependenceOf(inner.getResult(0), plan, known);
    known[inner.getResult(0)] = d;
    if (isFree(inner))
      continue;
    (d.vector || plan.isScalar() ? vectorOps : scalarOps) += copies(d, tile);
  }
  for (OpOperand *input : op.getDpsInputOperands()) {
    unsigned number = input->getOperandNumber();
    BlockArgument argument = op.getBody()->getArgument(number);
    if (argument.use_empty() || !isa<ShapedType>(input->get().getType()))
      continue;
    Dependence d = dependenceOf(argument, plan, known);
    double count = copies(d, tile);
    if (d.row)
      loads += count * missedLines(number, plan, tile);
    switch (plan.accesses[number]) {
    case Access::Uniform:
      loads += count;
      break;
    case Access::Contiguous: { // a load across cache lines counts twice
      bool isAligned = true;
      for (unsigned dim = 0; dim < extents.size(); ++dim)
        if (auto by = step(number, dim); !by || *by % tile.lanes != 0)
          isAligned &= int(dim) == plan.vectorDim;
      loads += count * (isAligned ? 1 : 1.6);
      break;
    }
    case Access::Interleaved:
      loads += 2 * count;
      vectorOps += count;
      break;
    case Access::Transposed:
      loads += count;
      vectorOps += transposeCost * count;
      break;
    case Access::Strided:
      loads += count * double(tile.lanes);
      vectorOps += aloneCost * double(tile.lanes) * count;
      break;
    }
  }
  double throughput =
      std::max({vectorOps / 2, loads / 2, scalarOps / 4}) + 0.02 * loads + 0.5;
  return op.getNumReductionLoops() ? std::max(throughput, chain) : throughput;
}

/// Reading and writing a tile's outputs once.
double KernelCost::outputCycles(const KernelPlan &plan,
                                const Tile &tile) const {
  double cycles = 0;
  for (OpOperand &output : op.getDpsInitsMutable()) {
    unsigned number = output.getOperandNumber();
    double count = double(tile.rows * tile.vectors);
    bool isRead = !op.getBody()->getArgument(number).use_empty();
    double each = 1;
    if (plan.accesses[number] == Access::Strided)
      each = aloneCost * double(tile.lanes);
    else if (plan.accesses[number] == Access::Transposed)
      each = transposeCost;
    cycles += each * count * (isRead && op.getNumReductionLoops() ? 1.5 : 1);
  }
  return cycles;
}

double KernelCost::tileCycles(const KernelPlan &plan, const Tile &tile) const {
  return points(plan.reductions) * stepCycles(plan, tile) +
         outputCycles(plan, tile) + 2;
}

double KernelCost::total(const KernelPlan &plan) const {
  double outside = points(plan.outer) * points(plan.hoisted);
  if (plan.isScalar())
    return outside * tileCycles(plan, {1, 1, 1});
  int64_t size = extent(plan.vectorDim);
  int64_t whole = size / (plan.lanes * plan.vectors);
  int64_t left = size - whole * plan.lanes * plan.vectors;
  int64_t rowSize = plan.rowDim < 0 ? 1 : extent(plan.rowDim);
  auto rowBlocks = [&](int64_t vectors) {
    int64_t wholeRows = rowSize / plan.rows;
    double cycles =
        double(wholeRows) * tileCycles(plan, {plan.rows, vectors, plan.lanes});
    if (int64_t rest = rowSize % plan.rows)
      cycles += tileCycles(plan, {rest, vectors, plan.lanes});
    return cycles;
  };
  double cycles = double(whole) * rowBlocks(plan.vectors);
  if (left > 0 && (plan.canMask || left % plan.lanes == 0)) {
    cycles += rowBlocks(llvm::divideCeil(left, plan.lanes));
  } else if (left > 0) { // whole vectors, then an element at a time
    int64_t vectors = left / plan.lanes, alone = left % plan.lanes;
    cycles += (vectors ? rowBlocks(vectors) : 0) + double(alone) * rowBlocks(1);
  }
  return outside * cycles;
}
