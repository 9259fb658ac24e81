// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A reduction as 16 interleaved partial results, joined by a fixed tree.
#include "PartialResultsBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::prec;

Value PartialResults::build() {
  normalise();
  std::optional<int64_t> count = getConstantIntValue(length);
  if (count && *count > 0 && *count <= numPartials && numOuter == 0)
    return joinElements(*count);
  Value lanes = clearedLanes();
  lanes = addChunks(lanes);
  if (!count || *count % numPartials != 0)
    lanes = addRemainder(lanes);
  return joinLanes(lanes);
}

Value PartialResults::term() {
  BlockArgument acc = op.getRegionOutputArgs()[0];
  return combiner->getOperand(combiner->getOperand(0) == acc ? 1 : 0);
}

Value PartialResults::cloneTerm(OpBuilder &builder, ValueRange args) {
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(op.getRegionInputArgs(), args))
    mapping.map(from, to);
  for (Operation &inner : op.getBody()->without_terminator())
    if (&inner != combiner)
      builder.clone(inner, mapping);
  return mapping.lookupOrDefault(term());
}

Value PartialResults::termOf(OpBuilder &builder, ValueRange args) {
  if (dot)
    return arith::MulFOp::create(builder, loc, args[0], args[1]);
  return isTerm ? args[0] : cloneTerm(builder, args);
}

Value PartialResults::combine(OpBuilder &builder, Value a, Value c) {
  return TypeSwitch<Operation *, Value>(combiner)
      .Case<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp>(
          [&](auto kind) -> Value {
            return decltype(kind)::create(builder, loc, a, c);
          });
}

Value PartialResults::accumulate(OpBuilder &builder, Value acc,
                                 ValueRange args) {
  if (dot)
    return math::FmaOp::create(builder, loc, args[0], args[1], acc);
  return combine(builder, acc, termOf(builder, args));
}

TypedAttr PartialResults::neutral() {
  auto type = cast<FloatType>(getElementTypeOrSelf(init.getType()));
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  if (isa<arith::MulFOp>(combiner))
    return FloatAttr::get(type, 1.0);
  if (isa<arith::AddFOp>(combiner))
    return FloatAttr::get(type, APFloat::getZero(semantics, true));
  return FloatAttr::get(
      type, APFloat::getInf(semantics, isa<arith::MaximumFOp>(combiner)));
}

Value PartialResults::generic(ValueRange ins, ArrayRef<AffineMap> inMaps,
                              Value out, AffineMap outMap,
                              ArrayRef<Iterator> iterators, Body body) {
  SmallVector<AffineMap> all(inMaps);
  all.push_back(outMap);
  return linalg::GenericOp::create(
             b, loc, out.getType(), ins, out, all, iterators,
             [&](OpBuilder &builder, Location l, ValueRange args) {
               linalg::YieldOp::create(builder, l, body(builder, l, args));
             })
      .getResult(0);
}

SmallVector<OpFoldResult> PartialResults::laneShape() {
  SmallVector<OpFoldResult> shape;
  for (unsigned d : parallel)
    shape.push_back(sizes[d]);
  shape.push_back(b.getIndexAttr(numPartials));
  return shape;
}

Value PartialResults::clearedLanes() {
  Value value = arith::ConstantOp::create(b, loc, neutral());
  return linalg::FillOp::create(b, loc, value, empty(laneShape())).getResult(0);
}

Value PartialResults::slice(Value tensor, AffineMap map, OpFoldResult offset,
                            OpFoldResult size) {
  auto position = map.getResultPosition(dim(kDim()));
  if (!position)
    return tensor;
  int64_t tensorRank = map.getNumResults();
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, tensor);
  SmallVector<OpFoldResult> offsets(tensorRank, b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(tensorRank, b.getIndexAttr(1));
  offsets[*position] = offset;
  shape[*position] = size;
  return tensor::ExtractSliceOp::create(b, loc, tensor, offsets, shape,
                                        strides);
}

OpFoldResult PartialResults::ofLength(AffineExpr expr) {
  return affine::makeComposedFoldedAffineApply(b, loc, expr, {length});
}

Value PartialResults::addChunks(Value lanes) {
  AffineExpr k = b.getAffineSymbolExpr(0);
  OpFoldResult chunks = ofLength(k.floorDiv(numPartials));
  OpFoldResult covered = ofLength(k.floorDiv(numPartials) * numPartials);
  unsigned loops = kDim() + 2;
  SmallVector<Value> ins;
  SmallVector<AffineMap> inMaps;
  for (auto [input, map] : llvm::zip(inputs, maps)) {
    auto position = map.getResultPosition(dim(kDim()));
    if (!position) {
      ins.push_back(input);
      inMaps.push_back(
          AffineMap::get(loops, 0, map.getResults(), b.getContext()));
      continue;
    }
    Value part = input;
    if (getConstantIntValue(covered) != getConstantIntValue(length) ||
        !getConstantIntValue(length))
      part = slice(input, map, b.getIndexAttr(0), covered);
    ins.push_back(expand(part, *position, chunks));
    SmallVector<AffineExpr> results(map.getResults());
    results.insert(results.begin() + *position + 1, dim(kDim() + 1));
    inMaps.push_back(AffineMap::get(loops, 0, results, b.getContext()));
  }
  SmallVector<Iterator> iterators(loops, Iterator::parallel);
  std::fill_n(iterators.begin() + rank(), numOuter + 1, Iterator::reduction);
  SmallVector<unsigned> targets(llvm::to_vector(llvm::seq<unsigned>(rank())));
  targets.push_back(kDim() + 1);
  AffineMap outMap =
      AffineMap::getMultiDimMapWithTargets(loops, targets, b.getContext());
  return generic(ins, inMaps, lanes, outMap, iterators,
                 [&](OpBuilder &builder, Location, ValueRange args) {
                   return accumulate(builder, args.back(), args.drop_back());
                 });
}

Value PartialResults::expand(Value tensor, unsigned position,
                             OpFoldResult chunks) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<OpFoldResult> shape = tensor::getMixedSizes(b, loc, tensor);
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> staticShape;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    bool isSplit = d == int64_t(position);
    int64_t next = d + (d > int64_t(position) ? 1 : 0);
    groups.push_back(isSplit ? ReassociationIndices{next, next + 1}
                             : ReassociationIndices{next});
    if (!isSplit) {
      staticShape.push_back(type.getDimSize(d));
      continue;
    }
    staticShape.push_back(
        getConstantIntValue(chunks).value_or(ShapedType::kDynamic));
    staticShape.push_back(numPartials);
  }
  shape[position] = chunks;
  shape.insert(shape.begin() + position + 1, b.getIndexAttr(numPartials));
  return tensor::ExpandShapeOp::create(b, loc, type.clone(staticShape), tensor,
                                       groups, shape);
}

Value PartialResults::addRemainder(Value lanes) {
  AffineExpr k = b.getAffineSymbolExpr(0);
  OpFoldResult covered = ofLength(k.floorDiv(numPartials) * numPartials);
  OpFoldResult rest = ofLength(k % numPartials);
  SmallVector<Value> ins;
  for (auto [input, map] : llvm::zip(inputs, maps))
    ins.push_back(slice(input, map, covered, rest));
  AffineMap identity = b.getMultiDimIdentityMap(rank() + 1);
  Value part = slice(lanes, identity, b.getIndexAttr(0), rest);
  Value joined =
      generic(ins, maps, part, identity,
              SmallVector<Iterator>(rank() + 1, Iterator::parallel),
              [&](OpBuilder &builder, Location, ValueRange args) {
                return accumulate(builder, args.back(), args.drop_back());
              });
  SmallVector<OpFoldResult> shape = laneShape();
  shape.back() = rest;
  SmallVector<OpFoldResult> offsets(rank() + 1, b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(rank() + 1, b.getIndexAttr(1));
  return tensor::InsertSliceOp::create(b, loc, joined, lanes, offsets, shape,
                                       strides);
}

AffineMap PartialResults::initMap() {
  SmallVector<AffineExpr> renamed(op.getNumLoops());
  for (auto [position, d] : llvm::enumerate(parallel))
    renamed[d] = dim(position);
  for (unsigned d : reduced)
    renamed[d] = b.getAffineConstantExpr(0);
  return op.getMatchingIndexingMap(op.getDpsInitOperand(0))
      .replaceDimsAndSymbols(renamed, {}, rank(), 0);
}

Value PartialResults::tree(OpBuilder &builder, SmallVector<Value> values,
                           Value initial) {
  for (unsigned half = numPartials / 2; half > 0; half /= 2)
    for (unsigned i = 0; i < half && i + half < values.size(); ++i)
      values[i] = combine(builder, values[i], values[i + half]);
  return combine(builder, initial, values.front());
}

Value PartialResults::joinBy(
    ValueRange ins, ArrayRef<AffineMap> inMaps, int64_t lanes,
    function_ref<Value(OpBuilder &, ValueRange)> valueOf) {
  SmallVector<Value> operands;
  SmallVector<AffineMap> operandMaps;
  SmallVector<AffineExpr> renamed;
  for (unsigned position = 0; position < rank(); ++position)
    renamed.push_back(dim(position));
  renamed.emplace_back();
  for (int64_t lane = 0; lane < lanes; ++lane) {
    renamed.back() = b.getAffineConstantExpr(lane);
    for (auto [input, map] : llvm::zip(ins, inMaps)) {
      operands.push_back(input);
      operandMaps.push_back(map.replaceDimsAndSymbols(renamed, {}, rank(), 0));
    }
  }
  return generic(operands, operandMaps, init, initMap(),
                 SmallVector<Iterator>(rank(), Iterator::parallel),
                 [&](OpBuilder &builder, Location, ValueRange args) {
                   SmallVector<Value> values;
                   for (int64_t lane = 0; lane < lanes; ++lane)
                     values.push_back(valueOf(
                         builder, args.slice(lane * ins.size(), ins.size())));
                   return tree(builder, values, args.back());
                 });
}

Value PartialResults::joinLanes(Value lanes) {
  return joinBy(lanes, b.getMultiDimIdentityMap(rank() + 1), numPartials,
                [](OpBuilder &, ValueRange args) { return args[0]; });
}

Value PartialResults::joinElements(int64_t count) {
  return joinBy(inputs, maps, count, [&](OpBuilder &builder, ValueRange args) {
    return termOf(builder, args);
  });
}

/// `op` with its last reduction dimensions as one, as far as all operands have
/// them side by side.
static linalg::GenericOp collapseLast(RewriterBase &rewriter,
                                      linalg::GenericOp op) {
  SmallVector<unsigned> reduced;
  op.getReductionDims(reduced);
  ReassociationIndices last{int64_t(reduced.back())};
  for (unsigned d : llvm::reverse(ArrayRef(reduced).drop_back())) {
    ReassociationIndices longer{int64_t(d)};
    longer.append(last);
    if (int64_t(d) + 1 != last.front() ||
        !linalg::areDimSequencesPreserved(op.getIndexingMapsArray(), {longer}))
      break;
    last = longer;
  }
  if (last.size() == 1 || op.hasIndexSemantics())
    return op;
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0, n = op.getNumLoops(); d < n; ++d)
    if (d == last.front())
      groups.push_back(last);
    else if (!llvm::is_contained(last, d))
      groups.push_back({d});
  FailureOr<linalg::CollapseResult> collapsed =
      linalg::collapseOpIterationDims(op, groups, rewriter);
  return failed(collapsed)
             ? op
             : cast<linalg::GenericOp>(collapsed->collapsedOp.getOperation());
}

Value mlir::prec::buildPartialResults(RewriterBase &rewriter,
                                      linalg::GenericOp op,
                                      const std::optional<Contraction> &dot) {
  linalg::GenericOp collapsed = collapseLast(rewriter, op);
  if (collapsed == op)
    return PartialResults(rewriter, op, dot).build();
  std::optional<Contraction> same;
  if (dot)
    same = matchContraction(collapsed);
  rewriter.setInsertionPointAfter(collapsed);
  Value result = PartialResults(rewriter, collapsed, same).build();
  rewriter.eraseOp(collapsed);
  return result;
}
