// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One linalg.generic for a sum, with the loops exchanged as its target needs.
#include "Emit.h"
#include "Axes.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
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

namespace {
/// The generic under construction.
struct Emission {
  ElementProgram &program;
  OpBuilder &b;
  Location loc;
  SmallVector<Axis> axes;

  /// The new loops: the output's dimensions, then the reductions.
  SmallVector<OpFoldResult> sizes;
  unsigned numOutput = 0;
  /// The new loop of an old one: its own, p of a window, or k'.
  SmallVector<int> place;
  /// The axis whose Window solves or flips an old loop.
  SmallVector<int> solves, flips;

  Emission(ElementProgram &program, OpBuilder &b, SmallVector<Axis> axes)
      : program(program), b(b), loc(program.op.getLoc()),
        axes(std::move(axes)) {
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
        addLoop(d, loopSize(b, program.op, d));
  }

  void addLoop(unsigned old, OpFoldResult size) {
    place[old] = sizes.size();
    sizes.push_back(size);
  }
  AffineExpr loop(unsigned old) const { return b.getAffineDimExpr(place[old]); }

  /// An input at the new loops: perhaps another tensor, and its map.
  std::optional<std::pair<Value, AffineMap>>
  adapt(const ElementProgram::Input &);
  Value dilate(Value source, ArrayRef<const Axis *> windows);
  Value flip(Value source, ArrayRef<bool> dims);
  Value indexOf(OpBuilder &body, unsigned old) const;
  Value finish(Value result, Value target);
};
} // namespace

/// Zeros with the source's elements at low + stride * i of the axes' windows.
Value Emission::dilate(Value source, ArrayRef<const Axis *> windows) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> low, high, counts, strides;
  SmallVector<Value> dynamic;
  bool isStrided = false;
  for (auto [i, axis] : llvm::enumerate(windows)) {
    OpFoldResult count = tensor::getMixedSize(b, loc, source, i);
    int64_t before = 0, after = 0;
    if (axis) {
      int64_t reach = axis->dilation * (axis->innerSize - 1);
      before = reach + axis->offset;
      int64_t end = before + axis->stride * (shape[i] - 1) + 1;
      isStrided |= axis->stride != 1 && shape[i] > 1;
      shape[i] = axis->size + reach;
      after = shape[i] - end;
    } else if (auto size = dyn_cast<Value>(count)) {
      dynamic.push_back(size);
    }
    counts.push_back(count);
    low.push_back(b.getIndexAttr(before));
    high.push_back(b.getIndexAttr(after));
    strides.push_back(b.getIndexAttr(axis ? axis->stride : 1));
  }
  auto wide = RankedTensorType::get(shape, type.getElementType());
  if (isStrided)
    return tensor::InsertSliceOp::create(
        b, loc, source, makeZeros(b, loc, wide, dynamic), low, counts, strides);
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  return tensor::PadOp::create(b, loc, wide, source, low, high, zero);
}

/// The tensor with some dimensions reversed.
Value Emission::flip(Value source, ArrayRef<bool> dims) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<AffineExpr> exprs;
  for (auto [i, isFlipped] : llvm::enumerate(dims)) {
    AffineExpr d = b.getAffineDimExpr(i);
    exprs.push_back(isFlipped ? (type.getDimSize(i) - 1) - d : d);
  }
  unsigned rank = type.getRank();
  AffineMap maps[] = {AffineMap::get(rank, 0, exprs, b.getContext()),
                      b.getMultiDimIdentityMap(rank)};
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, type, source, makeEmpty(b, loc, source), maps, parallel,
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
  SmallVector<const Axis *> windows;
  SmallVector<bool> flipped;
  for (AffineExpr e : input.map.getResults()) {
    windows.push_back(nullptr);
    flipped.push_back(false);
    auto whole = llvm::find_if(axes, [&](const Axis &axis) {
      return axis.kind == Axis::Window && axis.expression == e;
    });
    if (whole != axes.end()) {
      exprs.push_back(loop(whole->outer));
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
      flipped.back() = true;
    for (unsigned d = 0; d < place.size(); ++d)
      if (!dim && e.isFunctionOfDim(d) && (solves[d] >= 0 || flips[d] >= 0))
        return std::nullopt;
    exprs.push_back(e.replaceDims(newLoops));
  }
  Value source = input.source;
  if (llvm::is_contained(flipped, true))
    source = flip(source, flipped);
  if (llvm::any_of(windows, [](auto axis) { return axis != nullptr; }))
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
  AffineExpr k = axis.innerSize - 1 - body.getAffineDimExpr(0);
  AffineExpr p = body.getAffineDimExpr(1);
  AffineExpr e =
      flips[old] >= 0
          ? k
          : (p - axis.offset - k * axis.dilation).floorDiv(axis.stride);
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
        b.getIndexAttr(axis.kind == Axis::Strided ? axis.offset : 0));
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
                 (axis.kind == Axis::Tiled && outer != full);
  }
  if (isTiled)
    result = tensor::CollapseShapeOp::create(b, loc, result, groups);
  if (!isPartial)
    return result;
  return tensor::InsertSliceOp::create(b, loc, result, makeZero(b, loc, target),
                                       offsets, extents, strides);
}

/// Loops that index every used gradient of a result by themselves.
static llvm::SmallBitVector solvableLoops(ElementProgram &program,
                                          const ElementProgram::Slice &slice) {
  unsigned n = program.op.getNumLoops();
  llvm::SmallBitVector result(n, false);
  bool any = false;
  for (unsigned i : slice.inputs) {
    const ElementProgram::Input &input = program.inputs[i];
    if (!input.isGradient)
      continue;
    llvm::SmallBitVector own(n, false);
    for (AffineExpr e : input.map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(e))
        own.set(dim.getPosition());
    result = any ? (result &= own) : own;
    any = true;
  }
  return result;
}

/// Padding a result's gradient with zeros makes its contribution zero; another
/// tensor's padding must not turn that into a NaN.
static bool mayPad(const ElementProgram &program,
                   const ElementProgram::Slice &slice, unsigned input) {
  const ElementProgram::Input &in = program.inputs[input];
  return in.isGradient || !isa<FloatType>(in.element.getType()) ||
         (slice.operations.size() == 1 &&
          isa<arith::MulFOp>(slice.operations.front()));
}

static bool readsSolved(const Emission &emission,
                        const ElementProgram::Input &input) {
  return llvm::any_of(input.map.getResults(), [&](AffineExpr e) {
    auto dim = dyn_cast<AffineDimExpr>(e);
    return dim && emission.solves[dim.getPosition()] >= 0;
  });
}

/// The generic; null if some input cannot follow the loops.
static Value emitGeneric(Emission &emission, const ElementProgram::Slice &slice,
                         Value value, Type elementType, Combiner combiner) {
  ElementProgram &program = emission.program;
  OpBuilder &b = emission.b;
  Location loc = emission.loc;
  unsigned numLoops = emission.sizes.size();
  SmallVector<Value> sources;
  SmallVector<AffineMap> maps;
  for (unsigned i : slice.inputs) {
    if (readsSolved(emission, program.inputs[i]) && !mayPad(program, slice, i))
      return {};
    auto adapted = emission.adapt(program.inputs[i]);
    if (!adapted)
      return {};
    sources.push_back(adapted->first);
    maps.push_back(adapted->second);
  }
  // A loop that no operand shows by itself gets its bounds from an empty one.
  SmallVector<OpFoldResult> hidden;
  SmallVector<AffineExpr> hiddenLoops;
  for (unsigned d = emission.numOutput; d < numLoops; ++d) {
    AffineExpr dim = b.getAffineDimExpr(d);
    if (llvm::none_of(maps, [&](AffineMap map) {
          return llvm::is_contained(map.getResults(), dim);
        })) {
      hidden.push_back(emission.sizes[d]);
      hiddenLoops.push_back(dim);
    }
  }
  if (!hidden.empty()) {
    sources.push_back(tensor::EmptyOp::create(b, loc, hidden, elementType));
    maps.push_back(AffineMap::get(numLoops, 0, hiddenLoops, b.getContext()));
  }
  auto outSizes = ArrayRef(emission.sizes).take_front(emission.numOutput);
  Value init = tensor::EmptyOp::create(b, loc, outSizes, elementType);
  bool reduces = numLoops > emission.numOutput;
  if (reduces) {
    Value initial = arith::ConstantOp::create(b, loc, combiner.initial);
    init = linalg::FillOp::create(b, loc, initial, init).getResult(0);
  }
  AffineMap loops = b.getMultiDimIdentityMap(numLoops);
  maps.push_back(AffineMap::get(
      numLoops, 0, loops.getResults().take_front(emission.numOutput),
      b.getContext()));
  SmallVector<utils::IteratorType> iterators(numLoops,
                                             utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), emission.numOutput,
              utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inner, Location, ValueRange args) {
    IRMapping map;
    for (auto [i, input] : llvm::enumerate(slice.inputs))
      map.map(program.inputs[input].element, args[i]);
    Value v = program.copy(inner, slice, value, map, [&](unsigned d) {
      return emission.indexOf(inner, d);
    });
    if (reduces)
      v = combiner.combine(inner, loc, args.back(), v);
    linalg::YieldOp::create(inner, loc, v);
  };
  return linalg::GenericOp::create(b, loc, init.getType(), sources, init, maps,
                                   iterators, body)
      .getResult(0);
}

/// The tensor that already is the result, if there is one.
static Value findIdentity(const Emission &emission, Value value, Value target) {
  if (emission.sizes.size() != emission.numOutput ||
      llvm::any_of(emission.axes,
                   [](const Axis &axis) { return axis.kind != Axis::Direct; }))
    return {};
  for (const ElementProgram::Input &input : emission.program.inputs) {
    if (input.element != value || input.source.getType() != target.getType())
      continue;
    SmallVector<AffineExpr> loops;
    for (const Axis &axis : emission.axes)
      loops.push_back(emission.b.getAffineDimExpr(axis.outer));
    if (input.map.getResults() == ArrayRef(loops))
      return input.source;
  }
  return {};
}

Value mlir::prec::emitSum(ElementProgram &program, OpBuilder &b, Value value,
                          Value target, AffineMap map) {
  ElementProgram::Slice slice = program.slice(value);
  ArrayRef<int64_t> shape;
  if (auto type = dyn_cast<RankedTensorType>(target.getType()))
    shape = type.getShape();
  auto axes = findAxes(program.op, map, shape, solvableLoops(program, slice));
  if (axes) {
    Emission emission(program, b, std::move(*axes));
    if (Value same = findIdentity(emission, value, target))
      return same;
    Type element = getElementTypeOrSelf(target.getType());
    Combiner sum{
        b.getZeroAttr(element),
        [](OpBuilder &inner, Location loc, Value acc, Value v) -> Value {
          return arith::AddFOp::create(inner, loc, acc, v);
        }};
    if (Value result = emitGeneric(emission, slice, value, element, sum))
      return emission.finish(result, target);
  }
  return emitScatter(program, b, value, target, map);
}

Value mlir::prec::emitReduction(ElementProgram &program, OpBuilder &b,
                                Value value, unsigned output,
                                Combiner combiner) {
  Value like = program.op->getResult(output);
  AffineMap map = program.op.getIndexingMapMatchingResult(cast<OpResult>(like));
  ElementProgram::Slice slice = program.slice(value);
  auto axes = findAxes(program.op, map,
                       cast<RankedTensorType>(like.getType()).getShape(),
                       llvm::SmallBitVector(program.op.getNumLoops()));
  Emission emission(program, b, std::move(*axes));
  return emitGeneric(emission, slice, value, combiner.initial.getType(),
                     combiner);
}
