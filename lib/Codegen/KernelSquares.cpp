// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Squares of rows and lanes that lie across the vectors: turned by shuffles, of
// which loads that bring 128 bits to their places are a part, where they are or
// by way of memory in a loop.
#include "ElementBytes.h"
#include "KernelBlock.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

/// Rows i and i + n/2 are zipped, n being 2^k, k times: rows of columns, in
/// parts of n lanes. Index bits of an element, row before column, rotate by one
/// place each time.
static SmallVector<Value> zipRows(OpBuilder &b, Location loc, int64_t lanes,
                                  SmallVector<Value> rows) {
  auto n = int64_t(rows.size());
  SmallVector<int64_t> low, high;
  for (int64_t part = 0; part < lanes; part += n)
    for (int64_t i = part; i < part + n / 2; ++i) {
      low.append({i, lanes + i});
      high.append({n / 2 + i, lanes + n / 2 + i});
    }
  for (int64_t times = llvm::Log2_64(n); times > 0; --times) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> half : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, loc, rows[i], rows[i + n / 2], half));
    rows = next;
  }
  return rows;
}

/// The same the other way round, for pieces of `size` lanes: the even and the
/// odd ones of rows 2 i and 2 i + 1 part.
static SmallVector<Value> partPieces(OpBuilder &b, Location loc, int64_t lanes,
                                     int64_t size, SmallVector<Value> rows) {
  auto n = int64_t(rows.size());
  SmallVector<int64_t> even, odd;
  for (int64_t part = 0; part < lanes; part += n * size)
    for (int64_t row : {part, part + lanes})
      for (int64_t piece = row; piece < row + n * size; piece += 2 * size)
        for (int64_t i = piece; i < piece + size; ++i) {
          even.push_back(i);
          odd.push_back(i + size);
        }
  for (int64_t times = llvm::Log2_64(n); times > 0; --times) {
    SmallVector<Value> next(n);
    for (int64_t i = 0; i < n / 2; ++i) {
      Value a = rows[2 * i], c = rows[2 * i + 1];
      next[i] = vector::ShuffleOp::create(b, loc, a, c, even);
      next[i + n / 2] = vector::ShuffleOp::create(b, loc, a, c, odd);
    }
    rows = next;
  }
  return rows;
}

/// Squares inside of 128 bits first, whose shuffles need no table of indices,
/// then these pieces as wholes.
SmallVector<Value> KernelBlock::transpose(SmallVector<Value> square) {
  int64_t lanes = shape.lanes, n = square.size();
  Type element = getElementTypeOrSelf(square.front().getType());
  int64_t size = std::min(n, 16 / elementBytes(element));
  SmallVector<Value> turned;
  for (int64_t row = 0; row < n; row += size)
    llvm::append_range(
        turned, zipRows(b, loc, lanes,
                        SmallVector<Value>(ArrayRef(square).slice(row, size))));
  for (int64_t column = 0; column < size; ++column) {
    SmallVector<Value> pieces;
    for (int64_t row = column; row < n; row += size)
      pieces.push_back(turned[row]);
    for (auto [i, row] :
         llvm::enumerate(partPieces(b, loc, lanes, size, std::move(pieces))))
      square[column + i * size] = row;
  }
  return square;
}

/// A load puts 128 bits to any place of a vector for nothing: where they belong
/// to the columns, so that shuffles only turn the small squares inside.
SmallVector<Value> KernelBlock::loadColumns(OpOperand &operand,
                                            int64_t vector) {
  Type element = getElementTypeOrSelf(operand.get().getType());
  int64_t lanes = shape.lanes, last = countOf(vector) - 1;
  int64_t small = std::min<int64_t>(lanes, 16 / elementBytes(element));
  auto piece = VectorType::get({small}, element);
  SmallVector<Value> all(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> at =
        indices(operand, 0, vector * lanes + std::min(lane, last));
    Value first = at.back();
    for (int64_t column = 0; column < lanes; column += small) {
      at.back() =
          column ? b.createOrFold<arith::AddIOp>(loc, first, constant(column))
                 : first;
      Value some = vector::LoadOp::create(b, loc, piece, operand.get(), at);
      Value &whole = all[column + lane % small];
      whole = putPiece(whole, some, lane - lane % small);
    }
  }
  SmallVector<Value> columns;
  for (int64_t column = 0; column < lanes; column += small)
    columns.append(transpose(to_vector(ArrayRef(all).slice(column, small))));
  return columns;
}

Value KernelBlock::putPiece(Value all, Value piece, int64_t at) {
  int64_t lanes = shape.lanes;
  int64_t size = cast<VectorType>(piece.getType()).getNumElements();
  if (size == lanes)
    return piece;
  SmallVector<int64_t> wide(lanes, -1), merged;
  for (int64_t i = 0; i < size; ++i)
    wide[at + i] = i;
  Value placed = vector::ShuffleOp::create(b, loc, piece, piece, wide);
  if (!all)
    return placed;
  for (int64_t i = 0; i < lanes; ++i)
    merged.push_back(i >= at && i < at + size ? lanes + i : i);
  return vector::ShuffleOp::create(b, loc, all, placed, merged);
}

Value KernelBlock::loadTransposed(OpOperand &operand, int64_t row,
                                  int64_t vector) {
  auto &square = squares[{operand.getOperandNumber(), vector}];
  if (square.empty()) {
    SmallVector<Value> columns;
    for (int64_t lane = 0; lane < countOf(vector); ++lane)
      columns.push_back(loadSome(
          operand.get(), indices(operand, 0, vector * shape.lanes + lane),
          shape.rows));
    columns.resize(shape.lanes, columns.back());
    square = transpose(columns);
  }
  return square[std::max<int64_t>(row, 0)];
}

void KernelBlock::reserveAhead() {
  if (!plan.storesAhead)
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    if (plan.accesses[number] != Access::Ahead)
      continue;
    Type element = getElementTypeOrSelf(operand.get().getType());
    int64_t size = shape.lanes * shape.vectors * shape.lanes;
    stored[number] =
        memref::AllocOp::create(b, loc, MemRefType::get({size}, element),
                                b.getI64IntegerAttr(panelAlignment));
  }
}

void KernelBlock::releaseAhead() {
  for (auto [number, memory] : stored)
    memref::DeallocOp::create(b, loc, memory);
  stored.clear();
}

Value KernelBlock::placeAhead(OpFoldResult number, int64_t vector) {
  AffineExpr point = b.getAffineSymbolExpr(0);
  return getValueOrCreateConstantIndexOp(
      b, loc,
      affine::makeComposedFoldedAffineApply(
          b, loc, (point * shape.vectors + vector) * shape.lanes, {number}));
}

Value KernelBlock::loadAhead(unsigned operand, int64_t vector) {
  if (!plan.storesAhead)
    return squares.lookup({operand, vector})[*getConstantIntValue(ahead)];
  Value memory = stored.lookup(operand);
  Type element = getElementTypeOrSelf(memory.getType());
  return vector::LoadOp::create(b, loc, cast<VectorType>(vectorOf(element)),
                                memory, placeAhead(ahead, vector));
}

void KernelBlock::lookAhead() {
  squares.clear();
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    if (plan.accesses[number] != Access::Ahead)
      continue;
    for (int64_t vector = 0; vector < shape.vectors; ++vector) {
      SmallVector<Value> columns = loadColumns(operand, vector);
      if (plan.storesAhead)
        for (auto [point, column] : llvm::enumerate(columns))
          vector::StoreOp::create(
              b, loc, column, stored.lookup(number),
              placeAhead(b.getIndexAttr(int64_t(point)), vector));
      else
        squares[{number, vector}] = columns;
    }
  }
}

void KernelBlock::storeTransposed(OpOperand &operand, ValueRange rows,
                                  int64_t vector) {
  SmallVector<Value> columns(rows);
  columns.resize(shape.lanes, columns.back());
  columns = transpose(columns);
  for (int64_t lane = 0; lane < countOf(vector); ++lane)
    storeSome(columns[lane], operand.get(),
              indices(operand, 0, vector * shape.lanes + lane), shape.rows);
}

void KernelBlock::storeSquares(OpOperand &operand, ValueRange tile,
                               int64_t count) {
  Type element = getElementTypeOrSelf(operand.get().getType());
  auto type = cast<VectorType>(vectorOf(element));
  int64_t size = shape.rows * shape.lanes;
  Value memory =
      memref::AllocOp::create(b, loc, MemRefType::get({count * size}, element),
                              b.getI64IntegerAttr(panelAlignment));
  auto place = [&](OpFoldResult vector, int64_t row) {
    AffineExpr at = b.getAffineSymbolExpr(0) * size + row * shape.lanes;
    return getValueOrCreateConstantIndexOp(
        b, loc, affine::makeComposedFoldedAffineApply(b, loc, at, {vector}));
  };
  for (int64_t vector = 0; vector < count; ++vector)
    for (int64_t row = 0; row < shape.rows; ++row)
      vector::StoreOp::create(b, loc, tile[row * shape.vectors + vector],
                              memory, place(b.getIndexAttr(vector), row));
  auto loop =
      scf::ForOp::create(b, loc, constant(0), constant(count), constant(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value vector = loop.getInductionVar(), start = point[plan.vectorDim];
    point[plan.vectorDim] = arith::AddIOp::create(
        b, loc, start,
        arith::MulIOp::create(b, loc, vector, constant(shape.lanes)));
    SmallVector<Value> rows;
    for (int64_t row = 0; row < shape.rows; ++row)
      rows.push_back(
          vector::LoadOp::create(b, loc, type, memory, place(vector, row)));
    storeTransposed(operand, rows, 0);
    point[plan.vectorDim] = start;
  }
  memref::DeallocOp::create(b, loc, memory);
}
