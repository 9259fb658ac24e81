// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a block's vectors come from memory and go back.
//
// Elements that are not neighbours along the vector dimension are taken as the
// neighbours that they are otherwise, and sorted by shuffles: every second
// element out of two loads, squares as KernelSquares.cpp turns them.
#include "KernelBlock.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

Value KernelBlock::shifted(unsigned dim, int64_t offset) {
  if (offset == 0)
    return point[dim];
  return b.createOrFold<arith::AddIOp>(loc, point[dim], constant(offset));
}

SmallVector<Value> KernelBlock::indices(OpOperand &operand, int64_t row,
                                        int64_t lane) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> at(point);
  if (plan.rowDim >= 0 && row > 0)
    at[plan.rowDim] = shifted(plan.rowDim, row);
  if (!plan.isScalar() && lane > 0)
    at[plan.vectorDim] = shifted(plan.vectorDim, lane);
  for (Value &value : at) // reduction dimensions before their loops
    if (!value)
      value = constant(0);
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      result.push_back(at[dim.getPosition()]);
      continue;
    }
    result.push_back(affine::AffineApplyOp::create(
        b, loc, AffineMap::get(map.getNumDims(), 0, expr), at));
  }
  return result;
}

bool KernelBlock::canTranspose() const {
  return shape.rows > 1 && shape.rows <= shape.lanes &&
         llvm::isPowerOf2_64(shape.lanes) &&
         (plan.canMask || shape.rows == shape.lanes);
}

Access KernelBlock::accessOf(OpOperand &operand, int64_t vector) {
  Access access = plan.accesses[operand.getOperandNumber()];
  if (vector < 0 || shape.lanes == 0)
    return access == Access::Uniform ? access : Access::Strided;
  if ((access == Access::Transposed && !canTranspose()) ||
      (access == Access::Ahead && !ahead))
    return Access::Strided;
  bool isOutput = operand.getOperandNumber() >= op.getNumDpsInputs();
  if (access == Access::Interleaved &&
      ((isOutput && shape.rows != 2) || (isMasked(vector) && !plan.canMask)))
    return Access::Strided;
  return access;
}

Value KernelBlock::loadSome(Value memory, ValueRange at, int64_t count) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  auto type = cast<VectorType>(vectorOf(element));
  if (count >= shape.lanes)
    return vector::LoadOp::create(b, loc, type, memory, at);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value some = vector::CreateMaskOp::create(
      b, loc, cast<VectorType>(vectorOf(b.getI1Type())), constant(count));
  return vector::MaskedLoadOp::create(b, loc, type, memory, at, some, zero);
}

void KernelBlock::storeSome(Value value, Value memory, ValueRange at,
                            int64_t count) {
  if (count >= shape.lanes) {
    vector::StoreOp::create(b, loc, value, memory, at);
    return;
  }
  Value some = vector::CreateMaskOp::create(
      b, loc, cast<VectorType>(vectorOf(b.getI1Type())), constant(count));
  vector::MaskedStoreOp::create(b, loc, memory, at, some, value);
}

Value KernelBlock::load(OpOperand &operand, int64_t row, int64_t vector) {
  Value memory = operand.get();
  auto type = dyn_cast<MemRefType>(memory.getType());
  if (!type)
    return memory;
  if (shape.lanes && panels.has(operand.getOperandNumber()))
    return loadFromPanel(operand.getOperandNumber(), row, vector);
  if (vector < 0 || shape.lanes == 0)
    return memref::LoadOp::create(b, loc, memory, indices(operand, row, 0));
  switch (accessOf(operand, vector)) {
  case Access::Interleaved:
    return loadInterleaved(operand, row, vector);
  case Access::Transposed:
    return loadTransposed(operand, row, vector);
  case Access::Ahead:
    return loadAhead(operand.getOperandNumber(), vector);
  case Access::Contiguous:
    break;
  default:
    return loadAlone(operand, row, vector);
  }
  auto vectorType = cast<VectorType>(vectorOf(type.getElementType()));
  SmallVector<Value> at = indices(operand, row, vector * shape.lanes);
  if (!isMasked(vector))
    return vector::LoadOp::create(b, loc, vectorType, memory, at);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
  return vector::MaskedLoadOp::create(b, loc, vectorType, memory, at, mask(),
                                      zero);
}

Value KernelBlock::loadFromPanel(unsigned operand, int64_t row,
                                 int64_t vector) {
  Value panel = panels.memoryOf(operand);
  int64_t offset = vector < 0 ? row : vector * shape.lanes;
  Value index = panels.indexOf(operand, point, offset);
  if (vector < 0)
    return memref::LoadOp::create(b, loc, panel, index);
  Type element = cast<MemRefType>(panel.getType()).getElementType();
  auto type = cast<VectorType>(vectorOf(element));
  return vector::LoadOp::create(b, loc, type, panel, index);
}

Value KernelBlock::loadAlone(OpOperand &operand, int64_t row, int64_t vector) {
  Value memory = operand.get();
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  int64_t first = vector * shape.lanes;
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < countOf(vector); ++lane)
    elements.push_back(memref::LoadOp::create(
        b, loc, memory, indices(operand, row, first + lane)));
  while (int64_t(elements.size()) < shape.lanes)
    elements.push_back(elements.front());
  return vector::FromElementsOp::create(
      b, loc, cast<VectorType>(vectorOf(element)), elements);
}

/// Elements 0, 2, 4, ...: the even ones of a load at 0, the odd ones of a load
/// that ends with the last.
Value KernelBlock::loadInterleaved(OpOperand &operand, int64_t row,
                                   int64_t vector) {
  int64_t first = vector * shape.lanes, half = shape.lanes / 2;
  int64_t count = countOf(vector);
  SmallVector<Value> at = indices(operand, row, first);
  Value low = loadSome(operand.get(), at, 2 * count - 1), high = low;
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < half; ++i)
    order.push_back(2 * i);
  for (int64_t i = 0; i < half; ++i)
    order.push_back(shape.lanes + 2 * i + 1);
  if (count > half) {
    // One element before that of lane `half`.
    AffineExpr before = b.getAffineDimExpr(0) - 1;
    SmallVector<Value> after = indices(operand, row, first + half);
    after.back() = affine::makeComposedAffineApply(
        b, loc, AffineMap::get(1, 0, before), {OpFoldResult(after.back())});
    high = loadSome(operand.get(), after, 2 * (count - half));
  }
  return vector::ShuffleOp::create(b, loc, low, high, order);
}

void KernelBlock::store(OpOperand &operand, Value value, int64_t row,
                        int64_t vector) {
  Value memory = operand.get();
  if (shape.lanes == 0 || vector < 0) {
    memref::StoreOp::create(b, loc, value, memory, indices(operand, row, 0));
    return;
  }
  int64_t first = vector * shape.lanes;
  if (accessOf(operand, vector) == Access::Contiguous) {
    SmallVector<Value> at = indices(operand, row, first);
    if (isMasked(vector))
      vector::MaskedStoreOp::create(b, loc, memory, at, mask(), value);
    else
      vector::StoreOp::create(b, loc, value, memory, at);
    return;
  }
  for (int64_t lane = 0; lane < countOf(vector); ++lane) {
    Value element = vector::ExtractOp::create(b, loc, value, lane);
    memref::StoreOp::create(b, loc, element, memory,
                            indices(operand, row, first + lane));
  }
}

void KernelBlock::storeInterleaved(OpOperand &operand, ValueRange rows,
                                   int64_t vector) {
  int64_t first = vector * shape.lanes, half = shape.lanes / 2;
  int64_t count = countOf(vector);
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < half; ++i) {
    low.append({i, shape.lanes + i});
    high.append({half + i, shape.lanes + half + i});
  }
  Value zipped = vector::ShuffleOp::create(b, loc, rows[0], rows[1], low);
  storeSome(zipped, operand.get(), indices(operand, 0, first), 2 * count);
  if (count <= half)
    return;
  zipped = vector::ShuffleOp::create(b, loc, rows[0], rows[1], high);
  storeSome(zipped, operand.get(), indices(operand, 0, first + half),
            2 * (count - half));
}
