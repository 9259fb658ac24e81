// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop over parts of a batch that carries states and sums.
#include "MicroBatches.h"
#include "Pointwise.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"
#include "prec/IR/Prepare.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

StringAttr mlir::prec::scopeOfFirstUse(Value value) {
  Operation *first = nullptr;
  SmallVector<Value> all = {value};
  while (!all.empty())
    for (Operation *user : all.pop_back_val().getUsers()) {
      if (auto round = dyn_cast<RoundOp>(user))
        all.push_back(round.getResult());
      else if (user->getBlock() == value.getParentBlock() &&
               user->hasAttr(scopeAttrName) &&
               (!first || user->isBeforeInBlock(first)))
        first = user;
    }
  return first ? first->getAttrOfType<StringAttr>(scopeAttrName) : StringAttr();
}

RankedTensorType mlir::prec::repeatBatch(RankedTensorType type, int64_t count) {
  SmallVector<int64_t> shape(type.getShape());
  if (!ShapedType::isDynamic(shape[0]))
    shape[0] *= count;
  return RankedTensorType::get(shape, type.getElementType());
}

namespace {
/// A batch and how its parts are taken.
struct Parts {
  Value whole, size;
  RankedTensorType type;
  StringAttr scope;

  Parts(OpBuilder &b, Location loc, Value whole, BlockArgument part,
        Value count)
      : whole(whole), type(cast<RankedTensorType>(part.getType())),
        scope(scopeOfFirstUse(part)) {
    if (type.isDynamicDim(0))
      size = arith::DivUIOp::create(
          b, loc, tensor::DimOp::create(b, loc, whole, 0), count);
    else
      size = arith::ConstantIndexOp::create(b, loc, type.getDimSize(0));
  }

  Value take(OpBuilder &b, Location loc, Value number) const {
    Stamp stamp(b, scope, "forward", "");
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, whole);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
        ones(sizes.size(), b.getIndexAttr(1));
    offsets[0] = arith::MulIOp::create(b, loc, number, size).getResult();
    sizes[0] = type.isDynamicDim(0) ? OpFoldResult(size)
                                    : b.getIndexAttr(type.getDimSize(0));
    auto slice = tensor::ExtractSliceOp::create(b, loc, type, whole, offsets,
                                                sizes, ones);
    // The samples are rounded, if at all, where they are used.
    slice->setAttr(sitelessAttrName, b.getUnitAttr());
    return slice;
  }
};
} // namespace

/// Does a value in a body follow from the iteration's place?
static bool isOfPlace(Value value, Block *body) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != body)
    return false;
  return isa<linalg::IndexOp>(op) ||
         llvm::any_of(op->getOperands(),
                      [&](Value operand) { return isOfPlace(operand, body); });
}

LogicalResult mlir::prec::continueRandomWords(func::FuncOp function,
                                              Value part) {
  WalkResult result = function.walk([&](Operation *op) -> WalkResult {
    Location loc = op->getLoc();
    if (auto round = dyn_cast<RoundOp>(op); round && round.getRandom() &&
                                            !round.getByValue() &&
                                            isa<TensorType>(round.getType())) {
      OpBuilder b(round);
      Value key =
          JoinOp::create(b, loc, b.getI64Type(), round.getRandom(), part);
      round.getRandomMutable().assign(key);
    }
    auto random = dyn_cast<RandomOp>(op);
    if (!random)
      return WalkResult::advance();
    auto parent = dyn_cast<linalg::LinalgOp>(random->getParentOp());
    if (!parent)
      return random.emitError("a random word outside of linalg operations has "
                              "no position that goes on from part to part of a "
                              "batch (accumulate)");
    if (!isOfPlace(random.getPosition(), random->getBlock()))
      return WalkResult::advance();
    OpBuilder b(parent);
    Value offset = part;
    for (Range range : parent.createLoopRanges(b, loc))
      offset = arith::MulIOp::create(
          b, loc, offset, getValueOrCreateConstantIndexOp(b, loc, range.size));
    Value position = random.getPosition();
    b.setInsertionPoint(random);
    if (Type type = position.getType(); !type.isIndex())
      offset = arith::IndexCastOp::create(b, loc, type, offset);
    random.getPositionMutable().assign(
        arith::AddIOp::create(b, loc, position, offset));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult mlir::prec::inlineMicroBatches(func::FuncOp step) {
  if (failed(inlineCalls(step)))
    return failure();
  for (auto loop : step.front().getOps<scf::ForOp>())
    for (Operation &op : llvm::make_early_inc_range(*loop.getBody())) {
      auto round = dyn_cast<RoundOp>(op);
      bool isOfArgument = round && isa<BlockArgument>(round.getOperand());
      if ((isOfArgument || isa<ParameterOp, KeyOp>(op)) &&
          llvm::all_of(op.getOperands(), [&](Value operand) {
            return loop.isDefinedOutsideOfLoop(operand);
          }))
        loop.moveOutOfLoop(&op);
    }
  return success();
}

BatchResults mlir::prec::overMicroBatches(OpBuilder &b, func::FuncOp micro,
                                          int64_t count, ValueRange weights,
                                          ValueRange states, ValueRange batches,
                                          ValueRange others) {
  Location loc = micro.getLoc();
  ArrayRef<BlockArgument> inner = micro.getArguments();
  Type lossType = micro.getResultTypes()[0];
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value many = arith::ConstantIndexOp::create(b, loc, count);
  SmallVector<Parts> parts;
  for (auto [i, batch] : llvm::enumerate(batches))
    parts.emplace_back(b, loc, batch, inner[weights.size() + states.size() + i],
                       many);
  SmallVector<Value> carried;
  {
    Stamp stamp(b, b.getStringAttr("loss"), "forward", "");
    carried.push_back(
        arith::ConstantOp::create(b, loc, b.getZeroAttr(lossType)));
  }
  llvm::append_range(carried, states);
  for (auto [weight, own] :
       llvm::zip(weights, inner.take_front(weights.size()))) {
    Stamp stamp(b, scopeOfFirstUse(own), "backward", "weight-gradient");
    carried.push_back(makeZero(b, loc, weight));
  }
  auto addLoss = [&](OpBuilder &at, Value sum, Value more) -> Value {
    Stamp stamp(at, at.getStringAttr("loss"), "forward", "loss");
    return arith::AddFOp::create(at, loc, sum, more);
  };
  auto body = [&](OpBuilder &at, Location, Value number, ValueRange old) {
    SmallVector<Value> given(weights);
    llvm::append_range(given, old.slice(1, states.size()));
    for (const Parts &part : parts)
      given.push_back(part.take(at, loc, number));
    llvm::append_range(given, others);
    given.push_back(number);
    auto call = func::CallOp::create(at, loc, micro, given);
    SmallVector<Value> next(call.getResults());
    next[0] = addLoss(at, old[0], next[0]);
    for (size_t i = 0; i < weights.size(); ++i) {
      Stamp stamp(at, scopeOfFirstUse(inner[i]), "backward", "weight-gradient");
      Value &gradient = next[1 + states.size() + i];
      gradient =
          pointwise(at, loc, gradient, {old[1 + states.size() + i], gradient},
                    [](ArrayRef<Expression> v) { return v[0] + v[1]; });
    }
    scf::YieldOp::create(at, loc, next);
  };
  auto loop = scf::ForOp::create(b, loc, zero, many, one, carried, body);

  BatchResults results;
  ValueRange sums = loop.getResults();
  {
    Stamp stamp(b, b.getStringAttr("loss"), "forward", "loss");
    Expression sum(b, loc, sums[0]);
    results.loss = (sum / double(count)).value;
  }
  llvm::append_range(results.states, sums.slice(1, states.size()));
  for (auto [i, sum] : llvm::enumerate(sums.drop_front(1 + states.size()))) {
    Stamp stamp(b, scopeOfFirstUse(inner[i]), "backward", "weight-gradient");
    results.gradients.push_back(
        pointwise(b, loc, sum, sum, [&](ArrayRef<Expression> v) {
          return v[0] / double(count);
        }));
  }
  return results;
}
