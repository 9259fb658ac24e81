// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Classifies the results of an indexing map.
#include "Axes.h"

#include "mlir/Dialect/Affine/Analysis/AffineStructures.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
/// An expression as sum of coefficient * loop, plus a constant.
struct LinearForm {
  SmallVector<std::pair<unsigned, int64_t>> terms;
  int64_t constant = 0;
};
} // namespace

static std::optional<LinearForm> linearForm(AffineExpr e, unsigned numLoops) {
  SmallVector<int64_t> flat;
  if (failed(getFlattenedAffineExpr(e, numLoops, 0, &flat)) ||
      flat.size() != numLoops + 1)
    return std::nullopt;
  LinearForm form;
  form.constant = flat.back();
  for (unsigned d = 0; d < numLoops; ++d)
    if (flat[d])
      form.terms.push_back({d, flat[d]});
  return form;
}

/// One result of the map.
static std::optional<Axis> classify(const LinearForm &form, int64_t size,
                                    ArrayRef<int64_t> ranges,
                                    const llvm::SmallBitVector &solvable) {
  Axis axis;
  axis.size = size;
  axis.offset = form.constant;
  // Loops of one iteration contribute nothing but must not be lost entirely.
  SmallVector<std::pair<unsigned, int64_t>> terms(form.terms);
  if (terms.size() > 1)
    llvm::erase_if(terms, [&](auto term) { return ranges[term.first] == 1; });
  if (terms.empty() && !form.terms.empty())
    terms.push_back(form.terms.front());
  if (terms.empty()) {
    if (form.constant != 0 || size != 1)
      return std::nullopt;
    axis.kind = Axis::Unit;
    return axis;
  }
  if (llvm::any_of(terms, [](auto term) { return term.second < 0; }))
    return std::nullopt;
  if (terms.size() == 1) {
    std::tie(axis.outer, axis.stride) = terms[0];
    bool isDynamic = ShapedType::isDynamic(size) ||
                     ShapedType::isDynamic(ranges[axis.outer]);
    bool whole = axis.stride == 1 && axis.offset == 0 &&
                 (isDynamic || ranges[axis.outer] == size);
    axis.kind = whole ? Axis::Direct : Axis::Strided;
    if (!whole && isDynamic)
      return std::nullopt;
    return axis;
  }
  if (terms.size() != 2 || ShapedType::isDynamic(size) ||
      llvm::any_of(terms, [&](auto term) {
        return ShapedType::isDynamic(ranges[term.first]);
      }))
    return std::nullopt;
  if (!solvable[terms[0].first])
    std::swap(terms[0], terms[1]);
  std::tie(axis.outer, axis.stride) = terms[0];
  std::tie(axis.inner, axis.dilation) = terms[1];
  axis.innerSize = ranges[axis.inner];
  if (axis.dilation == 1 && axis.stride == axis.innerSize && axis.offset == 0) {
    axis.kind = Axis::Tiled;
    return axis;
  }
  axis.kind = Axis::Window;
  if (!solvable[axis.outer])
    return std::nullopt;
  return axis;
}

std::optional<SmallVector<Axis>>
mlir::prec::findAxes(linalg::LinalgOp op, AffineMap map,
                     ArrayRef<int64_t> shape,
                     const llvm::SmallBitVector &solvable) {
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  SmallVector<Axis> axes;
  llvm::SmallBitVector taken(op.getNumLoops());
  auto take = [&](unsigned loop) {
    bool isFree = !taken[loop];
    taken.set(loop);
    return isFree;
  };
  for (auto [e, size] : llvm::zip_equal(map.getResults(), shape)) {
    auto form = linearForm(e, map.getNumDims());
    if (!form)
      return std::nullopt;
    auto axis = classify(*form, size, ranges, solvable);
    if (!axis)
      return std::nullopt;
    axis->expression = e;
    if (axis->kind != Axis::Unit && !take(axis->outer))
      return std::nullopt;
    if ((axis->kind == Axis::Tiled || axis->kind == Axis::Window) &&
        !take(axis->inner))
      return std::nullopt;
    axes.push_back(*axis);
  }
  return axes;
}
