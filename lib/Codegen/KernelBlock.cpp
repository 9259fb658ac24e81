// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One block of a kernel: the body on rows of vectors.
#include "KernelBlock.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

KernelBlock::KernelBlock(RewriterBase &b, linalg::GenericOp op,
                         const KernelPlan &plan, BlockShape shape,
                         ArrayRef<Value> point, ArrayRef<Value> initial,
                         KernelPanels &panels)
    : b(b), loc(op.getLoc()), op(op), plan(plan), shape(shape), point(point),
      initial(initial), panels(panels) {
  // What every row and vector needs is emitted here, before the loops.
  if (shape.tail)
    mask();
}

Value KernelBlock::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Type KernelBlock::vectorOf(Type element) const {
  if (shape.lanes == 0)
    return element;
  return VectorType::get({shape.lanes}, element);
}

Value KernelBlock::asVector(Value value) {
  if (shape.lanes == 0 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, loc, vectorOf(value.getType()), value);
}

int64_t KernelBlock::countOf(int64_t vector) const {
  if (!isMasked(vector))
    return shape.lanes;
  return getConstantIntValue(shape.tail).value_or(shape.lanes);
}

Value KernelBlock::mask() {
  if (!maskValue) {
    Value count = getValueOrCreateConstantIndexOp(b, loc, shape.tail);
    maskValue = vector::CreateMaskOp::create(
        b, loc, cast<VectorType>(vectorOf(b.getI1Type())), count);
  }
  return maskValue;
}

// --- what depends on what

KernelBlock::Dependence KernelBlock::dependenceOf(AffineMap map) const {
  Dependence result;
  result.row = plan.rowDim >= 0 && map.isFunctionOfDim(plan.rowDim);
  result.vector = !plan.isScalar() && map.isFunctionOfDim(plan.vectorDim);
  return result;
}

KernelBlock::Dependence KernelBlock::dependenceOf(Value value) {
  auto known = dependences.find(value);
  if (known != dependences.end())
    return known->second;
  Dependence result;
  if (value.getParentBlock() != op.getBody()) {
    // From outside: the same everywhere.
  } else if (auto argument = dyn_cast<BlockArgument>(value)) {
    result = dependenceOf(op.getIndexingMapsArray()[argument.getArgNumber()]);
  } else if (auto index = value.getDefiningOp<linalg::IndexOp>()) {
    result.row = int64_t(index.getDim()) == plan.rowDim;
    result.vector = int64_t(index.getDim()) == plan.vectorDim;
  } else {
    for (Value operand : value.getDefiningOp()->getOperands()) {
      Dependence other = dependenceOf(operand);
      result.row |= other.row;
      result.vector |= other.vector;
    }
  }
  dependences[value] = result;
  return result;
}

// --- accumulators

bool KernelBlock::isUsed(unsigned output) {
  return !op.getRegionOutputArgs()[output].use_empty();
}

SmallVector<Value> KernelBlock::loadOutputs() {
  SmallVector<Value> accumulators;
  for (auto [index, operand] : llvm::enumerate(op.getDpsInitsMutable())) {
    auto given = tiles.find(operand.getOperandNumber());
    if (given != tiles.end()) {
      llvm::append_range(accumulators, given->second);
      continue;
    }
    for (int64_t row = 0; row < shape.rows; ++row)
      for (int64_t vector = 0; vector < shape.vectors; ++vector) {
        Type element = getElementTypeOrSelf(operand.get().getType());
        Value value;
        if (Value known = initial[index]; known && isUsed(index))
          value = asVector(known);
        else if (isUsed(index))
          value = load(operand, row, plan.isScalar() ? -1 : vector);
        else if (plan.reductions.empty())
          value = {}; // nobody reads it
        else
          value = arith::ConstantOp::create(b, loc,
                                            b.getZeroAttr(vectorOf(element)));
        accumulators.push_back(value);
      }
  }
  return accumulators;
}

void KernelBlock::storeOutputs(ValueRange accumulators) {
  for (OpOperand &operand : op.getDpsInitsMutable()) {
    ValueRange tile = accumulators.take_front(shape.rows * shape.vectors);
    accumulators = accumulators.drop_front(tile.size());
    int64_t whole = shape.vectors - (shape.tail ? 1 : 0), first = 0;
    if (plan.storesAcross && whole > 1 &&
        accessOf(operand, 0) == Access::Transposed) {
      storeSquares(operand, tile, whole);
      first = whole;
    }
    for (int64_t vector = first; vector < shape.vectors; ++vector) {
      SmallVector<Value> rows;
      for (int64_t row = 0; row < shape.rows; ++row)
        rows.push_back(tile[row * shape.vectors + vector]);
      int64_t at = plan.isScalar() ? -1 : vector;
      Access access = accessOf(operand, at);
      if (access == Access::Transposed)
        storeTransposed(operand, rows, at);
      else if (access == Access::Interleaved)
        storeInterleaved(operand, rows, at);
      else
        for (auto [row, value] : llvm::enumerate(rows))
          store(operand, value, static_cast<int64_t>(row), at);
    }
  }
}

// --- the body

SmallVector<Value> KernelBlock::compute(ValueRange accumulators) {
  values.clear();
  const size_t size = shape.rows * shape.vectors;
  for (BlockArgument argument : op.getRegionOutputArgs()) {
    setValues(argument, accumulators.take_front(size));
    accumulators = accumulators.drop_front(size);
  }
  for (const auto &[operand, tile] : tiles)
    setValues(op.getBody()->getArgument(operand), tile);
  SmallVector<Value> results;
  for (Value yielded : op.getBody()->getTerminator()->getOperands())
    for (int64_t row = 0; row < shape.rows; ++row)
      for (int64_t vector = 0; vector < shape.vectors; ++vector) {
        Value result = valueOf(yielded, row, vector);
        results.push_back(plan.isScalar() ? result : asVector(result));
      }
  return results;
}

void KernelBlock::setValues(BlockArgument argument, ValueRange tile) {
  Dependence d = dependenceOf(argument);
  for (int64_t row = 0; row < shape.rows; ++row)
    for (int64_t vector = 0; vector < shape.vectors; ++vector)
      values[{argument, d.row ? row : -1, d.vector ? vector : -1}] =
          tile[row * shape.vectors + vector];
}

Value KernelBlock::valueOf(Value bodyValue, int64_t row, int64_t vector) {
  if (bodyValue.getParentBlock() != op.getBody())
    return bodyValue;
  Dependence d = dependenceOf(bodyValue);
  row = d.row ? row : -1;
  vector = d.vector ? vector : -1;
  Key key{bodyValue, row, vector};
  if (auto known = values.find(key); known != values.end())
    return known->second;
  Value value;
  if (auto argument = dyn_cast<BlockArgument>(bodyValue))
    value = load(op->getOpOperand(argument.getArgNumber()), row, vector);
  else
    value = emitOperation(bodyValue.getDefiningOp(), row, vector);
  values[key] = value;
  return value;
}

Value KernelBlock::emitIndex(unsigned dim, int64_t row, int64_t vector) {
  if (vector < 0 || shape.lanes == 0)
    return int64_t(dim) == plan.rowDim ? shifted(dim, std::max<int64_t>(row, 0))
                                       : point[dim];
  auto type = cast<VectorType>(vectorOf(b.getIndexType()));
  Value first = shifted(dim, vector * shape.lanes);
  Value step = vector::StepOp::create(b, loc, type);
  return arith::AddIOp::create(b, loc, asVector(first), step);
}

Value KernelBlock::emitOperation(Operation *inner, int64_t row,
                                 int64_t vector) {
  if (auto index = dyn_cast<linalg::IndexOp>(inner))
    return emitIndex(index.getDim(), row, vector);
  bool isVector = vector >= 0 && shape.lanes > 0;
  IRMapping mapping;
  for (Value operand : inner->getOperands()) {
    Value value = valueOf(operand, row, vector);
    mapping.map(operand, isVector ? asVector(value) : value);
  }
  Operation *clone = b.clone(*inner, mapping);
  if (isVector)
    for (Value result : clone->getResults())
      result.setType(vectorOf(result.getType()));
  return clone->getResult(0);
}
