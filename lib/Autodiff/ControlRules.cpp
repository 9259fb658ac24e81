// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules of scf.if and scf.for: the region is computed again, then swept.
#include "Rules.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

/// Values from outside the regions that carry a gradient.
static SmallVector<Value> findCaptured(MutableArrayRef<Region> regions,
                                       Gradients &gradients) {
  SetVector<Value> used;
  getUsedValuesDefinedAbove(regions, used);
  return llvm::filter_to_vector(used,
                                [&](Value v) { return gradients.wants(v); });
}

/// Computes a block again at the builder's place and sweeps it from the
/// gradients of what it yields. Returns the gradients of `sources`, which are
/// values as `map` has them; null for none. Computed-again operations keep
/// their attributes: they are forward values.
static FailureOr<SmallVector<Value>>
sweepAgain(OpBuilder &b, Block *block, IRMapping &map, ValueRange seeds,
           ValueRange sources, Gradients &parent) {
  SmallVector<Operation *> operations;
  for (Operation &op : block->without_terminator())
    operations.push_back(b.clone(op, map));
  Gradients inner(b, sources, Gradients::Stamp::Yes, &parent);
  for (auto [value, seed] :
       llvm::zip_equal(block->getTerminator()->getOperands(), seeds))
    inner.add(map.lookupOrDefault(value), seed);
  if (failed(inner.sweep(operations)))
    return failure();
  return llvm::map_to_vector(sources, [&](Value v) { return inner.lookup(v); });
}

static Value orZero(OpBuilder &b, Value gradient, Value like) {
  return gradient ? gradient : makeZero(b, like.getLoc(), like);
}

//===-- scf.if ------------------------------------------------------------===//

static LogicalResult differentiateIf(scf::IfOp op, Gradients &gradients) {
  SmallVector<Value> captured = findCaptured(op->getRegions(), gradients);
  SmallVector<Value> seeds = llvm::map_to_vector(
      op.getResults(), [&](Value v) { return gradients.lookup(v); });
  SmallVector<Type> types =
      llvm::map_to_vector(captured, [](Value v) { return v.getType(); });
  OpBuilder &outer = gradients.builder;
  auto back = scf::IfOp::create(outer, op.getLoc(), types, op.getCondition(),
                                /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (auto [from, to] : {std::pair(op.thenBlock(), back.thenBlock()),
                          std::pair(op.elseBlock(), back.elseBlock())}) {
    OpBuilder b = OpBuilder::atBlockEnd(to);
    IRMapping map;
    auto found = sweepAgain(b, from, map, seeds, captured, gradients);
    if (failed(found))
      return failure();
    for (auto [gradient, value] : llvm::zip_equal(*found, captured))
      gradient = orZero(b, gradient, value);
    scf::YieldOp::create(b, op.getLoc(), *found);
  }
  for (auto [value, gradient] : llvm::zip_equal(captured, back.getResults()))
    gradients.add(value, gradient);
  return success();
}

//===-- scf.for -----------------------------------------------------------===//

/// The type of a tensor that holds a value for each iteration; null if none.
static RankedTensorType tapeType(Type type, int64_t count) {
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    SmallVector<int64_t> shape = {count};
    shape.append(tensor.getShape().begin(), tensor.getShape().end());
    return RankedTensorType::get(shape, tensor.getElementType());
  }
  return type.isIntOrIndexOrFloat() ? RankedTensorType::get({count}, type)
                                    : RankedTensorType();
}

namespace {
/// Offsets, sizes and strides of one iteration's part of a tape.
struct Place {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Place(OpBuilder &b, Value iteration, Type type, ValueRange dynamicSizes) {
    auto tensor = cast<RankedTensorType>(type);
    offsets.assign(tensor.getRank() + 1, b.getIndexAttr(0));
    strides.assign(tensor.getRank() + 1, b.getIndexAttr(1));
    offsets[0] = iteration;
    sizes = {b.getIndexAttr(1)};
    for (auto size : getMixedValues(tensor.getShape(), dynamicSizes, b))
      sizes.push_back(size);
  }
};

/// A loop with the iterates that its body reads stored in tapes.
struct TapedLoop {
  scf::ForOp loop;
  Value count; ///< number of iterations
  /// For each carried value: its tape, or null where nobody reads it.
  SmallVector<Value> tapes;
  SmallVector<SmallVector<Value>> dynamicSizes;
};
} // namespace

static Value iterationCount(OpBuilder &b, scf::ForOp op) {
  Location loc = op.getLoc();
  auto lower = getConstantIntValue(op.getLowerBound());
  auto upper = getConstantIntValue(op.getUpperBound());
  auto step = getConstantIntValue(op.getStep());
  if (lower && upper && step && *step > 0)
    return arith::ConstantIndexOp::create(
        b, loc, std::max<int64_t>(0, llvm::divideCeil(*upper - *lower, *step)));
  Value span =
      arith::SubIOp::create(b, loc, op.getUpperBound(), op.getLowerBound());
  Value count = arith::CeilDivSIOp::create(b, loc, span, op.getStep());
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(count.getType()));
  count = arith::MaxSIOp::create(b, loc, count, zero);
  if (!count.getType().isIndex())
    count = arith::IndexCastOp::create(b, loc, b.getIndexType(), count);
  return count;
}

/// Puts a loop with tapes in the operation's place.
static FailureOr<TapedLoop> tape(scf::ForOp op, Gradients &gradients) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  TapedLoop taped;
  taped.count = iterationCount(b, op);
  int64_t staticCount =
      getConstantIntValue(taped.count).value_or(ShapedType::kDynamic);
  SmallVector<Value> inits(op.getInitArgs());
  SmallVector<int> tapeNumber;
  for (auto [argument, init] :
       llvm::zip_equal(op.getRegionIterArgs(), op.getInitArgs())) {
    taped.dynamicSizes.emplace_back();
    tapeNumber.push_back(-1);
    if (argument.use_empty())
      continue;
    RankedTensorType type = tapeType(argument.getType(), staticCount);
    if (!type) {
      gradients.error(op) << "it carries a value of type " << argument.getType()
                          << ", expected tensors and numbers";
      return failure();
    }
    SmallVector<Value> sizes;
    if (ShapedType::isDynamic(staticCount))
      sizes.push_back(taped.count);
    if (auto tensor = dyn_cast<RankedTensorType>(argument.getType()))
      for (int64_t d = 0; d < tensor.getRank(); ++d)
        if (tensor.isDynamicDim(d))
          taped.dynamicSizes.back().push_back(
              tensor::DimOp::create(b, loc, init, d));
    llvm::append_range(sizes, taped.dynamicSizes.back());
    tapeNumber.back() = inits.size();
    inits.push_back(tensor::EmptyOp::create(b, loc, type, sizes));
  }
  auto loop = scf::ForOp::create(b, loc, op.getLowerBound(), op.getUpperBound(),
                                 op.getStep(), inits);
  loop->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  Block *body = loop.getBody(), *old = op.getBody();
  IRMapping map;
  map.map(old->getArguments(),
          body->getArguments().take_front(old->getNumArguments()));
  OpBuilder inner = OpBuilder::atBlockEnd(body);
  SmallVector<Value> tapes;
  if (inits.size() > op.getInitArgs().size()) {
    Value passed = arith::SubIOp::create(inner, loc, loop.getInductionVar(),
                                         op.getLowerBound());
    Value iteration = arith::DivSIOp::create(inner, loc, passed, op.getStep());
    if (!iteration.getType().isIndex())
      iteration = arith::IndexCastOp::create(inner, loc, inner.getIndexType(),
                                             iteration);
    for (auto [i, number] : llvm::enumerate(tapeNumber)) {
      if (number < 0)
        continue;
      Value value = loop.getRegionIterArg(i),
            to = loop.getRegionIterArg(number);
      if (!isa<RankedTensorType>(value.getType())) {
        tapes.push_back(
            tensor::InsertOp::create(inner, loc, value, to, iteration));
        continue;
      }
      Place place(inner, iteration, value.getType(), taped.dynamicSizes[i]);
      tapes.push_back(tensor::InsertSliceOp::create(
          inner, loc, value, to, place.offsets, place.sizes, place.strides));
    }
  }
  for (Operation &o : old->without_terminator())
    inner.clone(o, map);
  SmallVector<Value> yields;
  for (Value v : old->getTerminator()->getOperands())
    yields.push_back(map.lookupOrDefault(v));
  llvm::append_range(yields, tapes);
  scf::YieldOp::create(inner, loc, yields);
  op.replaceAllUsesWith(loop.getResults().take_front(op.getNumResults()));
  gradients.replaced(op, loop);
  taped.loop = loop;
  for (int number : tapeNumber)
    taped.tapes.push_back(number < 0 ? Value() : loop.getResult(number));
  return taped;
}

static LogicalResult differentiateFor(scf::ForOp op, Gradients &gradients) {
  Location loc = op.getLoc();
  SmallVector<Value> captured = findCaptured(op->getRegions(), gradients);
  SmallVector<Value> carriedGradients;
  SmallVector<unsigned> carried;
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    if (gradients.wants(result)) {
      carried.push_back(i);
      carriedGradients.push_back(gradients.lookupOrZero(result));
    }
  auto taped = tape(op, gradients);
  if (failed(taped))
    return failure();
  scf::ForOp loop = taped->loop;

  // Backward: gradients of the carried values, then sums for the captured.
  OpBuilder &b = gradients.builder;
  SmallVector<Value> inits(carriedGradients);
  for (Value value : captured)
    inits.push_back(makeZero(b, loc, value));
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto back = scf::ForOp::create(b, loc, zero, taped->count, one, inits);
  OpBuilder inner = OpBuilder::atBlockEnd(back.getBody());
  Value last = arith::SubIOp::create(inner, loc, taped->count, one);
  Value iteration =
      arith::SubIOp::create(inner, loc, last, back.getInductionVar());
  Value counted = iteration;
  if (Type type = loop.getInductionVar().getType(); !type.isIndex())
    counted = arith::IndexCastOp::create(inner, loc, type, iteration);
  Value induction = arith::AddIOp::create(
      inner, loc, loop.getLowerBound(),
      arith::MulIOp::create(inner, loc, counted, loop.getStep()));
  IRMapping map;
  map.map(loop.getInductionVar(), induction);
  for (auto [i, tape] : llvm::enumerate(taped->tapes)) {
    Value argument = loop.getRegionIterArg(i);
    if (!tape) {
      // Nobody reads it, so any value of the type stands for it.
      map.map(argument, loop.getInitArgs()[i]);
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type) {
      map.map(
          argument,
          tensor::ExtractOp::create(inner, loc, tape, iteration).getResult());
      continue;
    }
    Place place(inner, iteration, type, taped->dynamicSizes[i]);
    map.map(argument, tensor::ExtractSliceOp::create(inner, loc, type, tape,
                                                     place.offsets, place.sizes,
                                                     place.strides)
                          .getResult());
  }
  // The body as it was: its clone in the taped loop also writes the tapes.
  for (auto [from, to] :
       llvm::zip(op.getBody()->getArguments(), loop.getBody()->getArguments()))
    map.map(from, map.lookup(to));
  // A carried value without a tape is read by nobody: its gradient is zero.
  SmallVector<Value> sources, seeds(op.getNumResults());
  for (auto [n, i] : llvm::enumerate(carried)) {
    seeds[i] = back.getRegionIterArg(n);
    if (taped->tapes[i])
      sources.push_back(map.lookup(loop.getRegionIterArg(i)));
  }
  llvm::append_range(sources, captured);
  auto found = sweepAgain(inner, op.getBody(), map, seeds, sources, gradients);
  if (failed(found))
    return failure();
  SmallVector<Value> yields;
  auto next = found->begin();
  for (auto [n, i] : llvm::enumerate(carried))
    yields.push_back(orZero(inner, taped->tapes[i] ? *next++ : Value(),
                            back.getInitArgs()[n]));
  for (auto [n, value] : llvm::enumerate(captured)) {
    Value sum = back.getRegionIterArg(carried.size() + n);
    if (Value part = *next++) {
      sum = arith::AddFOp::create(inner, loc, sum, part);
      gradients.stampAs(sum.getDefiningOp(), value);
    }
    yields.push_back(sum);
  }
  scf::YieldOp::create(inner, loc, yields);
  SmallVector<Value> initArgs(op.getInitArgs());
  op.erase();
  for (auto [n, i] : llvm::enumerate(carried))
    gradients.add(initArgs[i], back.getResult(n));
  for (auto [n, value] : llvm::enumerate(captured))
    gradients.add(value, back.getResult(carried.size() + n));
  return success();
}

namespace {
template <typename Op, LogicalResult (*rule)(Op, Gradients &)>
struct Model : DifferentiableOpInterface::ExternalModel<Model<Op, rule>, Op> {
  LogicalResult buildGradient(Operation *op, Gradients &gradients) const {
    return rule(cast<Op>(op), gradients);
  }
};
} // namespace

void mlir::prec::registerControlRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, scf::SCFDialect *) {
    scf::IfOp::attachInterface<Model<scf::IfOp, differentiateIf>>(*context);
    scf::ForOp::attachInterface<Model<scf::ForOp, differentiateFor>>(*context);
  });
}
