// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moving elements: transpose, reshape, padding, insertion and extraction.
#include "LayerBuilder.h"

using namespace mlir;
using namespace mlir::prec;

Value LayerBuilder::transpose(Value tensor, ArrayRef<int64_t> order) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> sizes;
  for (int64_t dim : order)
    sizes.push_back(type.getDimSize(dim));
  Value out = empty(RankedTensorType::get(sizes, type.getElementType()));
  return linalg::TransposeOp::create(*this, tensor, out, order)
      .getResult()
      .front();
}

/// The batch and every dimension of a sample in one: {{0}, {1, ..., rank}}.
static SmallVector<ReassociationIndices> flatParts(int64_t rank) {
  return {{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, rank + 1))};
}

Value LayerBuilder::reshape(Value tensor, ArrayRef<int64_t> sizes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  ArrayRef<int64_t> now = type.getShape().drop_front();
  if (now == sizes)
    return tensor;
  int64_t elements = llvm::product_of(now);
  if (now.size() != 1)
    tensor = now.empty()
                 ? tensor::ExpandShapeOp::create(
                       *this,
                       RankedTensorType::get({type.getDimSize(0), 1},
                                             type.getElementType()),
                       tensor, ArrayRef<ReassociationIndices>{{0, 1}})
                       .getResult()
                 : tensor::CollapseShapeOp::create(
                       *this,
                       RankedTensorType::get({type.getDimSize(0), elements},
                                             type.getElementType()),
                       tensor, flatParts(now.size()))
                       .getResult();
  if (sizes.size() == 1)
    return tensor;
  SmallVector<int64_t> shape = {type.getDimSize(0)};
  llvm::append_range(shape, sizes);
  SmallVector<OpFoldResult> outSizes =
      getAsIndexOpFoldResult(getContext(), shape);
  if (type.isDynamicDim(0))
    outSizes[0] = batch;
  return tensor::ExpandShapeOp::create(
      *this, RankedTensorType::get(shape, type.getElementType()), tensor,
      flatParts(sizes.size()), outSizes);
}

Value LayerBuilder::joinRows(Value tensor, unsigned count) {
  auto type = cast<RankedTensorType>(tensor.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t rowCount = shape[0];
  if (!ShapedType::isDynamic(rowCount))
    rowCount = llvm::product_of(shape.take_front(count + 1));
  SmallVector<int64_t> sizes = {rowCount};
  llvm::append_range(sizes, shape.drop_front(count + 1));
  SmallVector<ReassociationIndices> parts = {
      llvm::to_vector<2>(llvm::seq<int64_t>(0, count + 1))};
  for (int64_t dim = count + 1; dim < type.getRank(); ++dim)
    parts.push_back({dim});
  Value joined = tensor::CollapseShapeOp::create(
      *this, RankedTensorType::get(sizes, type.getElementType()), tensor,
      parts);
  if (Value outer = rows(tensor)) {
    Value inner = arith::ConstantIndexOp::create(
        *this, llvm::product_of(shape.slice(1, count)));
    joinedRows[joined] = arith::MulIOp::create(*this, outer, inner);
  }
  return joined;
}

Value LayerBuilder::splitRows(Value tensor, ArrayRef<int64_t> sizes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  RankedTensorType outType = samples(sizes);
  int64_t split = outType.getRank() - type.getRank();
  SmallVector<ReassociationIndices> parts = {
      llvm::to_vector<2>(llvm::seq<int64_t>(0, split + 1))};
  for (int64_t dim = split + 1; dim < outType.getRank(); ++dim)
    parts.push_back({dim});
  SmallVector<OpFoldResult> outSizes =
      getAsIndexOpFoldResult(getContext(), outType.getShape());
  if (outType.isDynamicDim(0))
    outSizes[0] = batch;
  return tensor::ExpandShapeOp::create(*this, outType, tensor, parts, outSizes);
}

Value LayerBuilder::pad(Value tensor, ArrayRef<int64_t> padding, double value) {
  if (llvm::all_of(padding, [](int64_t size) { return size == 0; }))
    return tensor;
  SmallVector<OpFoldResult> margin =
      getAsIndexOpFoldResult(getContext(), {0, 0, padding[0], padding[1]});
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (unsigned dim = 0; dim < 2; ++dim)
    shape[dim + 2] += 2 * padding[dim];
  Value scalar = constant(value);
  return tensor::PadOp::create(
      *this, RankedTensorType::get(shape, type.getElementType()), tensor,
      margin, margin, scalar);
}

namespace {
/// Offsets, sizes and strides of a part of a tensor.
struct Slice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
};
} // namespace

/// All of a tensor of that type, but along `axis` `size` elements.
static Slice sliceAlong(LayerBuilder &b, Value tensor, int64_t axis,
                        OpFoldResult offset, int64_t size) {
  auto type = cast<RankedTensorType>(tensor.getType());
  unsigned rank = type.getRank();
  Slice slice{SmallVector<OpFoldResult>(rank, b.getIndexAttr(0)),
              getAsIndexOpFoldResult(b.getContext(), type.getShape()),
              SmallVector<OpFoldResult>(rank, b.getIndexAttr(1))};
  if (type.isDynamicDim(0))
    slice.sizes[0] = b.rows(tensor);
  slice.offsets[axis] = offset;
  slice.sizes[axis] = b.getIndexAttr(size);
  return slice;
}

Value LayerBuilder::insert(Value part, Value whole, int64_t axis,
                           OpFoldResult offset) {
  auto partType = cast<RankedTensorType>(part.getType());
  // A part without the dimension is one place along it.
  int64_t size =
      partType.getRank() == cast<RankedTensorType>(whole.getType()).getRank()
          ? partType.getDimSize(axis)
          : 1;
  Slice slice = sliceAlong(*this, whole, axis, offset, size);
  return tensor::InsertSliceOp::create(*this, part, whole, slice.offsets,
                                       slice.sizes, slice.strides);
}

Value LayerBuilder::element(Value tensor, int64_t axis, OpFoldResult place) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Slice slice = sliceAlong(*this, tensor, axis, place, 1);
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + axis);
  Value part = tensor::ExtractSliceOp::create(
      *this, RankedTensorType::get(shape, type.getElementType()), tensor,
      slice.offsets, slice.sizes, slice.strides);
  return withRowsOf(part, tensor);
}
