// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keys, positions and words of stochastic roundings.
#include "prec/Transforms/RandomWords.h"
#include "prec/IR/Bufferization.h"
#include "prec/Numerics/Random.h"
#include "prec/Transforms/Loops.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

/// Where an iteration stands: in the rectangle of the innermost loops, with the
/// loops around that joined to the key.
struct RandomWords::Band {
  Value key;
  SmallVector<Value> trips;          ///< outermost first
  SmallVector<OpFoldResult> extents; ///< of the same loops
};

Value RandomWords::key(SiteAttr site) {
  Value &key = keys[site.getKey()];
  if (key)
    return key;
  OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
  Location loc = function.getLoc();
  if (!seed) {
    seed =
        ParameterOp::create(builder, loc, builder.getI32Type(), seedParameter);
    step =
        ParameterOp::create(builder, loc, builder.getI32Type(), stepParameter);
  }
  builder.setInsertionPointAfterValue(step);
  key = KeyOp::create(
      builder, loc, builder.getI64Type(), seed, step,
      builder.getI64IntegerAttr(static_cast<int64_t>(site.getKey())));
  return key;
}

/// `key xor constant`, made once beside the key.
static Value variantOf(Value key, uint64_t constant, Value &cached) {
  if (!cached) {
    OpBuilder builder(key.getContext());
    builder.setInsertionPointAfterValue(key);
    Value c = arith::ConstantIntOp::create(builder, key.getLoc(),
                                           static_cast<int64_t>(constant), 64);
    cached = arith::XOrIOp::create(builder, key.getLoc(), key, c);
  }
  return cached;
}

FailureOr<RandomWords::Band> RandomWords::loopBand(OpBuilder &builder,
                                                   Operation *op, Value key,
                                                   bool joinAll) {
  FailureOr<SmallVector<Loop>> loops = enclosingLoops(builder, op);
  if (failed(loops))
    return failure();
  // Extend the rectangle outwards while the extents of the loops already in it
  // do not depend on the next one.
  size_t inBand = 0;
  if (!joinAll)
    for (; inBand < loops->size(); ++inBand) {
      const Loop &outer = (*loops)[inBand];
      bool rectangular = llvm::all_of(
          ArrayRef<Loop>(*loops).take_front(inBand),
          [&](const Loop &inner) { return inner.hasExtentOutside(outer.op); });
      if (!rectangular)
        break;
    }
  Band band;
  band.key = key;
  for (size_t i = loops->size(); i-- > inBand;)
    band.key = JoinOp::create(builder, op->getLoc(), builder.getI64Type(),
                              band.key, (*loops)[i].trip);
  for (size_t i = inBand; i-- > 0;) {
    band.trips.push_back((*loops)[i].trip);
    band.extents.push_back((*loops)[i].extent(builder));
  }
  return band;
}

FailureOr<Value> RandomWords::tensorKey(OpBuilder &builder, Operation *op,
                                        SiteAttr site) {
  if (isByValue())
    return key(site);
  FailureOr<Band> band = loopBand(builder, op, key(site), /*joinAll=*/true);
  if (failed(band))
    return failure();
  return band->key;
}

SmallVector<Value> RandomWords::bodyIndices(linalg::LinalgOp parent) {
  SmallVector<Value> &result = indices[parent];
  if (result.empty()) {
    OpBuilder builder = OpBuilder::atBlockBegin(parent.getBlock());
    for (unsigned d = 0; d < parent.getNumLoops(); ++d)
      result.push_back(linalg::IndexOp::create(builder, parent.getLoc(), d));
  }
  return result;
}

SmallVector<OpFoldResult> RandomWords::bodyExtents(linalg::LinalgOp parent) {
  SmallVector<OpFoldResult> &result = extents[parent];
  if (result.empty() && parent.getNumLoops()) {
    OpBuilder builder(parent);
    for (Range range : parent.createLoopRanges(builder, parent.getLoc()))
      result.push_back(range.size);
  }
  return result;
}

/// The extents of an operand's dimensions, known before `parent`.
static SmallVector<OpFoldResult> operandExtents(linalg::LinalgOp parent,
                                                Value operand) {
  OpBuilder builder(parent);
  if (isa<TensorType>(operand.getType()))
    return tensor::getMixedSizes(builder, parent.getLoc(), operand);
  return memref::getMixedSizes(builder, parent.getLoc(), operand);
}

FailureOr<Value>
RandomWords::contractionWord(OpBuilder &builder, linalg::LinalgOp parent,
                             const Contraction &contraction, Operation *op,
                             SiteAttr accumulator, bool wholeWord) {
  Location loc = op->getLoc();
  Value base = key(accumulator);
  FailureOr<Band> band;
  {
    OpBuilder outside(parent);
    band = loopBand(outside, parent, base, /*joinAll=*/true);
    if (failed(band))
      return failure();
    base = band->key;
    if (wholeWord && op == contraction.add)
      base = JoinOp::create(outside, loc, outside.getI64Type(), base,
                            arith::ConstantIndexOp::create(outside, loc, 1));
  }
  // The sum reuses the product's word.
  Value &shared = contractionWords[{parent, base}];
  auto finish = [&](Value word) -> Value {
    if (wholeWord || op == contraction.multiply)
      return word;
    Value half = arith::ConstantIntOp::create(builder, loc, 16, 32);
    return arith::ShRUIOp::create(builder, loc, word, half);
  };
  if (shared)
    return finish(shared);
  SmallVector<Value> loopIndices = bodyIndices(parent);
  SmallVector<AffineMap> maps = parent.getIndexingMapsArray();
  AffineMap mapA = maps[contraction.a], mapB = maps[contraction.b];

  auto wordOf = [&](unsigned input, AffineMap map, uint64_t constant,
                    bool takesFree) {
    SmallVector<OpFoldResult> sizes =
        operandExtents(parent, parent->getOperand(input));
    SmallVector<Value> place;
    for (AffineExpr expr : map.getResults())
      place.push_back(affine::expandAffineExpr(builder, loc, expr, loopIndices,
                                               /*symbolValues=*/{}));
    // Dimensions in no input join A, innermost.
    if (takesFree)
      for (unsigned d = 0; d < parent.getNumLoops(); ++d)
        if (!mapA.isFunctionOfDim(d) && !mapB.isFunctionOfDim(d)) {
          place.push_back(loopIndices[d]);
          sizes.push_back(bodyExtents(parent)[d]);
        }
    Value position = buildPosition(builder, loc, place, sizes);
    Value keyOf = variantOf(base, constant, variants[{base, constant}]);
    return RandomOp::create(builder, loc, builder.getI32Type(), keyOf, position)
        .getResult();
  };
  Value wordA = wordOf(contraction.a, mapA, contractionKeyA, true);
  Value wordB = wordOf(contraction.b, mapB, contractionKeyB, false);
  shared = arith::XOrIOp::create(builder, loc, wordA, wordB);
  return finish(shared);
}

/// The position of each lane of a vector whose first lane is at
/// `position * lanes`.
static Value lanePositions(OpBuilder &builder, Location loc, VectorType type,
                           Value position) {
  Type element = position.getType();
  auto vector = VectorType::get(type.getShape(), element);
  SmallVector<Attribute> lanes;
  for (int64_t i = 0, n = type.getNumElements(); i < n; ++i)
    lanes.push_back(builder.getIntegerAttr(element, i));
  Value count = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(element, type.getNumElements()));
  Value first = arith::MulIOp::create(builder, loc, position, count);
  Value lane = arith::ConstantOp::create(builder, loc,
                                         DenseElementsAttr::get(vector, lanes));
  return arith::AddIOp::create(
      builder, loc, vector::BroadcastOp::create(builder, loc, vector, first),
      lane);
}

FailureOr<Value> RandomWords::word(OpBuilder &builder, Operation *op,
                                   Value value, SiteAttr site,
                                   SiteAttr accumulator, bool wholeWord) {
  Location loc = op->getLoc();
  Type type = value.getType();
  Type wordType = builder.getI32Type();
  if (auto vector = dyn_cast<VectorType>(type))
    wordType = vector.clone(wordType);
  if (isByValue())
    return RandomOp::create(builder, loc, wordType, key(site),
                            positionOfValue(builder, loc, value))
        .getResult();
  auto parent = op->getParentOfType<linalg::LinalgOp>();
  if (parent && accumulator && kind == RandomKind::Operands)
    if (auto contraction = matchContraction(parent, /*throughRounds=*/true))
      return contractionWord(builder, parent, *contraction, op, accumulator,
                             wholeWord);

  FailureOr<Band> band;
  if (parent) {
    OpBuilder outside(parent);
    SiteAttr keySite = accumulator ? accumulator : site;
    band = loopBand(outside, parent, key(keySite), /*joinAll=*/true);
    if (failed(band))
      return failure();
    // The second of two whole words has a key of its own.
    if (accumulator == site && accumulator && wholeWord)
      band->key =
          JoinOp::create(outside, loc, outside.getI64Type(), band->key,
                         arith::ConstantIndexOp::create(outside, loc, 1));
    band->trips = bodyIndices(parent);
    band->extents = bodyExtents(parent);
    if (op->getParentOp() != parent.getOperation())
      return op->emitError("stochastic rounding inside a loop or branch of a "
                           "linalg body has no position; move the operation to "
                           "the body or choose a deterministic mode");
  } else {
    band = loopBand(builder, op, key(site), /*joinAll=*/false);
    if (failed(band))
      return failure();
  }
  Value position = buildPosition(builder, loc, band->trips, band->extents);
  auto vector = dyn_cast<VectorType>(type);
  if (vector && vector.isScalable())
    return op->emitError("stochastic rounding of a scalable vector has no "
                         "fixed positions; use a vector of fixed length");
  if (vector)
    position = lanePositions(builder, loc, vector, position);
  Value word = RandomOp::create(builder, loc, wordType, band->key, position);
  bool isSum = accumulator && accumulator == site;
  if (!isSum || wholeWord)
    return word;
  Value half = arith::ConstantIntOp::create(builder, loc, 16, 32);
  return arith::ShRUIOp::create(builder, loc, word, half).getResult();
}
