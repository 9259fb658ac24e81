// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How inputs and results follow the exchanges of loops.
#include "Emission.h"
#include "Emit.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::prec;

OpFoldResult mlir::prec::loopSize(OpBuilder &b, linalg::LinalgOp op,
                                  unsigned loop) {
  int64_t size = op.getStaticLoopRanges()[loop];
  if (!ShapedType::isDynamic(size))
    return b.getIndexAttr(size);
  AffineExpr dim = b.getAffineDimExpr(loop);
  for (OpOperand &operand : op->getOpOperands())
    for (auto [i, e] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (e == dim)
        return tensor::DimOp::create(b, op.getLoc(), operand.get(), i)
            .getResult();
  llvm_unreachable("each loop of a linalg operation indexes some operand");
}

Emission::Emission(ElementProgram &program, OpBuilder &b,
                   SmallVector<Axis> axes)
    : program(program), b(b), loc(program.op.getLoc()), axes(std::move(axes)) {
  unsigned n = program.op.getNumLoops();
  place.assign(n, -1);
  solves.assign(n, -1);
  flips.assign(n, -1);
  for (auto [i, axis] : llvm::enumerate(this->axes)) {
    if (axis.kind == Axis::Unit)
      continue;
    if (axis.kind == Axis::Window) {
      solves[axis.outer] = flips[axis.inner] = i;
      addLoop(axis.outer, b.getIndexAttr(axis.size));
      continue;
    }
    addLoop(axis.outer, loopSize(b, program.op, axis.outer));
    if (axis.kind == Axis::Tiled)
      addLoop(axis.inner, loopSize(b, program.op, axis.inner));
  }
  numOutput = sizes.size();
  for (unsigned d = 0; d < n; ++d)
    if (place[d] < 0)
      addLoop(d, flips[d] >= 0 ? b.getIndexAttr(this->axes[flips[d]].innerSize)
                               : loopSize(b, program.op, d));
}

/// Zeros with the source's elements at low + stride * i of the axes' windows,
/// as far as these reach.
Value Emission::dilate(Value source, ArrayRef<const Axis *> windows) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> from, low, high, counts, strides;
  SmallVector<OpFoldResult> ones(shape.size(), b.getIndexAttr(1));
  SmallVector<Value> dynamic;
  bool isStrided = false, isPart = false;
  for (auto [i, axis] : llvm::enumerate(windows)) {
    OpFoldResult count = tensor::getMixedSize(b, loc, source, i);
    int64_t first = 0, before = 0, after = 0;
    if (axis) {
      int64_t reach = axis->dilation * (axis->innerSize - 1);
      int64_t size = axis->size + reach, stride = axis->stride, n = shape[i];
      before = reach + axis->offset;
      int64_t last =
          std::min(n, llvm::divideFloorSigned(size - 1 - before, stride) + 1);
      if (before < 0)
        first = llvm::divideCeil(-before, stride);
      int64_t taken = std::max<int64_t>(last - first, 0);
      isPart |= taken != n;
      count = b.getIndexAttr(taken);
      before = taken ? before + stride * first : 0;
      after = size - before - (taken ? stride * (taken - 1) + 1 : 0);
      isStrided |= stride != 1 && taken > 1;
      shape[i] = size;
    } else if (auto size = dyn_cast<Value>(count)) {
      dynamic.push_back(size);
    }
    from.push_back(b.getIndexAttr(first));
    counts.push_back(count);
    low.push_back(b.getIndexAttr(before));
    high.push_back(b.getIndexAttr(after));
    strides.push_back(b.getIndexAttr(axis ? axis->stride : 1));
  }
  if (isPart)
    source = tensor::ExtractSliceOp::create(b, loc, source, from, counts, ones);
  auto wide = RankedTensorType::get(shape, type.getElementType());
  if (wide == source.getType())
    return source;
  if (isStrided)
    return tensor::InsertSliceOp::create(
        b, loc, source, makeZeros(b, loc, wide, dynamic), low, counts, strides);
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  return tensor::PadOp::create(b, loc, wide, source, low, high, zero);
}

/// The tensor with some dimensions reversed: of those that the axes' k index,
/// the last one taken first.
Value Emission::flip(Value source, ArrayRef<const Axis *> windows) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, source);
  SmallVector<AffineExpr> exprs;
  for (auto [i, axis] : llvm::enumerate(windows)) {
    AffineExpr d = b.getAffineDimExpr(i);
    exprs.push_back(axis ? axis->innerAt(d) : d);
    if (axis)
      sizes[i] = b.getIndexAttr(axis->innerSize);
  }
  unsigned rank = type.getRank();
  AffineMap maps[] = {AffineMap::get(rank, 0, exprs, b.getContext()),
                      b.getMultiDimIdentityMap(rank)};
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());
  return linalg::GenericOp::create(
             b, loc, empty.getType(), source, empty, maps, parallel,
             [](OpBuilder &body, Location l, ValueRange args) {
               linalg::YieldOp::create(body, l, args[0]);
             })
      .getResult(0);
}

std::optional<std::pair<Value, AffineMap>>
Emission::adapt(const ElementProgram::Input &input) {
  SmallVector<AffineExpr> exprs, newLoops;
  for (unsigned d = 0; d < place.size(); ++d)
    newLoops.push_back(loop(d));
  SmallVector<const Axis *> windows, flipped;
  for (AffineExpr e : input.map.getResults()) {
    windows.push_back(nullptr);
    flipped.push_back(nullptr);
    auto whole = llvm::find_if(axes, [&](const Axis &axis) {
      return axis.kind == Axis::Window && axis.expression == e;
    });
    if (whole != axes.end()) {
      exprs.push_back(loop(whole->outer) + whole->low);
      continue;
    }
    auto dim = dyn_cast<AffineDimExpr>(e);
    if (dim && solves[dim.getPosition()] >= 0) {
      const Axis &axis = axes[solves[dim.getPosition()]];
      windows.back() = &axis;
      exprs.push_back(loop(axis.outer) + loop(axis.inner) * axis.dilation);
      continue;
    }
    if (dim && flips[dim.getPosition()] >= 0)
      flipped.back() = &axes[flips[dim.getPosition()]];
    for (unsigned d = 0; d < place.size(); ++d)
      if (!dim && e.isFunctionOfDim(d) && (solves[d] >= 0 || flips[d] >= 0))
        return std::nullopt;
    exprs.push_back(e.replaceDims(newLoops));
  }
  Value source = input.source;
  auto isAxis = [](const Axis *axis) { return axis != nullptr; };
  if (llvm::any_of(flipped, isAxis))
    source = flip(source, flipped);
  if (llvm::any_of(windows, isAxis))
    source = dilate(source, windows);
  return std::pair(source,
                   AffineMap::get(sizes.size(), 0, exprs, b.getContext()));
}

Value Emission::indexOf(OpBuilder &body, unsigned old) const {
  auto index = [&](unsigned d) -> Value {
    return linalg::IndexOp::create(body, loc, place[d]);
  };
  if (flips[old] < 0 && solves[old] < 0)
    return index(old);
  const Axis &axis = axes[flips[old] >= 0 ? flips[old] : solves[old]];
  AffineExpr k = axis.innerAt(body.getAffineDimExpr(0));
  AffineExpr p = body.getAffineDimExpr(1);
  AffineExpr e =
      flips[old] >= 0
          ? k
          : (p - axis.offset -
             (axis.innerSize - 1 - body.getAffineDimExpr(0)) * axis.dilation)
                .floorDiv(axis.stride);
  return affine::expandAffineExpr(body, loc, e,
                                  {index(axis.inner), index(axis.outer)}, {});
}

/// Re-shapes tiled dimensions and puts a compact result into its place.
Value Emission::finish(Value result, Value target) {
  auto type = dyn_cast<RankedTensorType>(target.getType());
  if (!type)
    return tensor::ExtractOp::create(b, loc, result, ValueRange{});
  SmallVector<ReassociationIndices> groups;
  SmallVector<OpFoldResult> offsets, extents, strides;
  bool isTiled = false, isPartial = false;
  int64_t next = 0;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    OpFoldResult full = tensor::getMixedSize(b, loc, target, i);
    offsets.push_back(
        b.getIndexAttr(axis.kind == Axis::Strided ? axis.offset : axis.low));
    strides.push_back(
        b.getIndexAttr(axis.kind == Axis::Strided ? axis.stride : 1));
    extents.push_back(full);
    if (axis.kind == Axis::Unit) {
      isPartial = true;
      continue;
    }
    groups.push_back({next++});
    OpFoldResult outer = sizes[place[axis.outer]];
    if (axis.kind == Axis::Tiled) {
      groups.back().push_back(next++);
      isTiled = true;
      outer = b.getIndexAttr(*getConstantIntValue(outer) * axis.innerSize);
    }
    extents.back() = outer;
    isPartial |= axis.kind == Axis::Strided ||
                 ((axis.kind == Axis::Tiled || axis.kind == Axis::Window) &&
                  outer != full);
  }
  if (isTiled)
    result = tensor::CollapseShapeOp::create(b, loc, result, groups);
  if (!isPartial)
    return result;
  return tensor::InsertSliceOp::create(b, loc, result, makeZero(b, loc, target),
                                       offsets, extents, strides);
}
