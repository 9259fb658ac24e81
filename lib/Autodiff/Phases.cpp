// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradients of windows that move by more than one element: in the places of one
// remainder modulo the stride the same elements of the window meet.
#include "Phases.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace mlir::prec;

static bool isStrided(const Axis &axis) {
  return axis.kind == Axis::Window && axis.stride > 1;
}

std::optional<Axis> mlir::prec::phaseOf(const Axis &axis, int64_t phase) {
  int64_t s = axis.stride, shared = std::gcd(s, axis.dilation);
  auto distance = [&](int64_t k) {
    return axis.dilation * k + axis.offset - phase;
  };
  int64_t first = 0;
  while (first < s && distance(first) % s != 0)
    ++first;
  if (first == s || first >= axis.innerSize)
    return std::nullopt;
  Axis result = axis;
  result.stride = 1;
  result.dilation = axis.dilation / shared;
  result.offset = distance(first) / s;
  result.innerFirst = first;
  result.innerStep = s / shared;
  result.innerSize = llvm::divideCeil(axis.innerSize - first, result.innerStep);
  result.size = llvm::divideCeil(axis.size, s);
  return result;
}

bool mlir::prec::hasPhases(const Emission &whole,
                           const ElementProgram::Slice &slice) {
  constexpr int64_t few = 16;
  int64_t phases = 1;
  for (const Axis &axis : whole.axes) {
    if (!isStrided(axis))
      continue;
    phases *= axis.stride;
    for (unsigned input : slice.inputs)
      if (llvm::is_contained(whole.program.inputs[input].map.getResults(),
                             axis.expression))
        return false;
  }
  return phases > 1 && phases <= few;
}

namespace {
/// A dimension of the result that is computed in phases.
struct StridedDim {
  unsigned axis, dim;
  int64_t stride, size;
};
} // namespace

static SmallVector<StridedDim> stridedDims(ArrayRef<Axis> axes) {
  SmallVector<StridedDim> result;
  unsigned dim = 0;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (isStrided(axis))
      result.push_back({unsigned(i), dim, axis.stride, axis.size});
    dim += axis.kind == Axis::Unit ? 0 : axis.kind == Axis::Tiled ? 2 : 1;
  }
  return result;
}

/// From [phases of each dimension..., dimensions...] to the dimensions alone.
static Value interleave(OpBuilder &b, Location loc, Value stacked,
                        ArrayRef<StridedDim> strided) {
  SmallVector<OpFoldResult> stackedSizes =
      tensor::getMixedSizes(b, loc, stacked);
  unsigned phases = strided.size(), rank = stackedSizes.size() - phases;
  SmallVector<int64_t> order;
  SmallVector<OpFoldResult> sizes, kept;
  SmallVector<ReassociationIndices> groups(rank);
  bool isLarger = false;
  auto add = [&](unsigned dim, unsigned from) {
    groups[dim].push_back(int64_t(order.size()));
    order.push_back(from);
    sizes.push_back(stackedSizes[from]);
  };
  for (unsigned dim = 0; dim < rank; ++dim) {
    add(dim, phases + dim);
    kept.push_back(sizes.back());
    const auto *found = llvm::find_if(
        strided, [&](const StridedDim &d) { return d.dim == dim; });
    if (found == strided.end())
      continue;
    isLarger |=
        *getConstantIntValue(sizes.back()) * found->stride != found->size;
    add(dim, found - strided.begin());
    kept.back() = b.getIndexAttr(found->size);
  }
  Value empty = tensor::EmptyOp::create(
      b, loc, sizes, getElementTypeOrSelf(stacked.getType()));
  Value result =
      linalg::TransposeOp::create(b, loc, stacked, empty, order)->getResult(0);
  result = tensor::CollapseShapeOp::create(b, loc, result, groups);
  if (!isLarger)
    return result;
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)),
      strides(rank, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, result, offsets, kept, strides);
}

Value mlir::prec::emitPhases(const Emission &whole, Type element,
                             function_ref<Value(SmallVector<Axis>)> emit) {
  OpBuilder &b = whole.b;
  Location loc = whole.loc;
  SmallVector<StridedDim> strided = stridedDims(whole.axes);
  SmallVector<OpFoldResult> sizes;
  for (const StridedDim &dim : strided)
    sizes.push_back(b.getIndexAttr(dim.stride));
  llvm::append_range(sizes, ArrayRef(whole.sizes).take_front(whole.numOutput));
  for (const StridedDim &dim : strided)
    sizes[strided.size() + dim.dim] =
        b.getIndexAttr(llvm::divideCeil(dim.size, dim.stride));

  // Phase by phase, the last dimension's first.
  SmallVector<SmallVector<int64_t>> all{{}};
  for (const StridedDim &dim : strided) {
    SmallVector<SmallVector<int64_t>> next;
    for (ArrayRef<int64_t> before : all)
      for (int64_t phase = 0; phase < dim.stride; ++phase) {
        next.emplace_back(before);
        next.back().push_back(phase);
      }
    all = next;
  }
  SmallVector<std::pair<ArrayRef<int64_t>, Value>> computed;
  for (ArrayRef<int64_t> phases : all) {
    SmallVector<Axis> axes = whole.axes;
    bool isEmpty = false;
    for (auto [dim, phase] : llvm::zip_equal(strided, phases)) {
      std::optional<Axis> axis = phaseOf(axes[dim.axis], phase);
      isEmpty |= !axis;
      if (axis)
        axes[dim.axis] = *axis;
    }
    if (isEmpty)
      continue;
    Value value = emit(std::move(axes));
    if (!value)
      return {};
    computed.emplace_back(phases, value);
  }

  Value stacked = tensor::EmptyOp::create(b, loc, sizes, element);
  if (computed.size() < all.size())
    stacked = makeZero(b, loc, stacked);
  SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
  for (auto [phases, value] : computed) {
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
        extents = sizes;
    for (auto [i, phase] : llvm::enumerate(phases)) {
      offsets[i] = b.getIndexAttr(phase);
      extents[i] = b.getIndexAttr(1);
    }
    stacked = tensor::InsertSliceOp::create(b, loc, value, stacked, offsets,
                                            extents, strides);
  }
  return interleave(b, loc, stacked, strided);
}

void mlir::prec::leavePadding(MutableArrayRef<Axis> axes, Value target) {
  auto pad = target.getDefiningOp<tensor::PadOp>();
  if (!pad || !pad.getConstantPaddingValue() || llvm::none_of(axes, isStrided))
    return;
  auto lows = pad.getStaticLow(), highs = pad.getStaticHigh();
  for (auto [axis, low, high] : llvm::zip_equal(axes, lows, highs))
    if (ShapedType::isDynamic(low) || ShapedType::isDynamic(high) ||
        ((low != 0 || high != 0) && axis.kind != Axis::Window))
      return;
  for (auto [axis, low, high] : llvm::zip_equal(axes, lows, highs)) {
    axis.low = low;
    axis.offset -= axis.kind == Axis::Window ? low : 0;
    axis.size -= low + high;
  }
}
