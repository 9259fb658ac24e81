// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Forward, loss and backward of a training step, of the whole batch or of
// parts.
#include "ScaleLoss.h"
#include "StepBuilder.h"
#include "prec/Autodiff/Differentiate.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::prec;

SmallVector<Value> mlir::prec::cloneBody(OpBuilder &b, func::FuncOp function,
                                         ArrayRef<unsigned> order,
                                         ValueRange arguments) {
  Block &body = function.front();
  IRMapping map;
  for (auto [number, argument] : llvm::zip_equal(order, arguments))
    map.map(body.getArgument(number), argument);
  for (Operation &op : body.without_terminator())
    b.clone(op, map);
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value v) { return map.lookupOrDefault(v); });
}

RankedTensorType StepBuilder::labelsType() {
  if (loss.hasValues)
    return forward.logits();
  return RankedTensorType::get(
      forward.logits().getShape().drop_back(),
      IntegerType::get(forward.function.getContext(), 32));
}

/// Lets someone else change what is about to be differentiated. It looks as in
/// the finished function: what is dead is gone, and the results that are known
/// are returned in their places. Something that is no number stands for the
/// others.
LogicalResult StepBuilder::applyBefore(OpBuilder &b, func::FuncOp function,
                                       Value &loss,
                                       SmallVectorImpl<Value> &outs) {
  size_t first = forward.weights.size(), numNext = outs.size() - 1;
  Value none = arith::ConstantIntOp::create(b, function.getLoc(), 0, 1);
  SmallVector<Value> results(
      std::max<size_t>(function.getNumResults(), first + numNext + 1), none);
  llvm::copy(llvm::drop_begin(outs), results.begin() + first);
  results.back() = loss;
  auto keep = func::ReturnOp::create(b, function.getLoc(), results);
  Value logits = outs.front();
  eraseDead(function);
  if (failed(before(function)))
    return failure();
  outs.assign(1, logits);
  llvm::append_range(outs, keep.getOperands().slice(first, numNext));
  loss = keep.getOperands().back();
  keep.erase();
  none.getDefiningOp()->erase();
  b.setInsertionPointToEnd(&function.front());
  return success();
}

/// Forward, calls inlined, loss and backward in an empty function; the loss is
/// scaled for the gradients. `part` is the number of the part that the samples
/// are, null if they are the whole batch.
FailureOr<BatchResults> StepBuilder::passes(OpBuilder &b, func::FuncOp function,
                                            ArrayRef<BlockArgument> own,
                                            ArrayRef<BlockArgument> inputs,
                                            BlockArgument labels,
                                            ArrayRef<BlockArgument> scaleStates,
                                            Value part) {
  SmallVector<Value> given(own);
  llvm::append_range(given, inputs);
  SmallVector<Value> outs = cloneBody(b, forward.function, order(), given);
  // A return holds the results while inlining replaces values.
  auto keep = func::ReturnOp::create(b, function.getLoc(), outs);
  if (failed(flatten(function)))
    return failure();
  outs.assign(keep.getOperands().begin(), keep.getOperands().end());
  keep.erase();
  markForward(function);
  if (part && failed(continueRandomWords(function, part)))
    return failure();
  b.setInsertionPointToEnd(&function.front());
  for (auto [number, weight] : llvm::zip(forward.weights, own))
    scopes[number] = scopeOfFirstUse(weight);

  Location loc = function.getLoc();
  Loss value = buildLoss(b, loc, loss, outs.front(), labels);
  if (before && failed(applyBefore(b, function, value.value, outs)))
    return failure();
  ScaleLoss scaler(b, loc, scaling, scaleStates);
  SmallVector<Value> weights(own.take_front(forward.weights.size()));
  auto gradients =
      buildGradients(b, scaler.scaled(value.value), weights, value.stopped);
  if (failed(gradients))
    return failure();
  BatchResults results{value.value, {}, std::move(*gradients)};
  // A state for which @forward returns nothing stays as it is.
  for (unsigned i = 0; i < forward.states.size(); ++i)
    results.states.push_back(outs.size() == 1 ? Value(own[weights.size() + i])
                                              : outs[1 + i]);
  return results;
}

/// A function of one micro-batch, for the loop of overMicroBatches. While it is
/// made it has the name of the step that it will be in, which others may ask
/// for.
FailureOr<func::FuncOp> StepBuilder::makeMicro(func::FuncOp step) {
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  auto take = [&](Type type, const Argument &argument) {
    types.push_back(type);
    attributes.push_back(argument.attributes);
  };
  auto all = ArrayRef(arguments);
  for (const Argument &argument : all.take_front(numOwn()))
    take(argument.type, argument);
  size_t numInputs = forward.inputs.size();
  for (auto [i, input] : llvm::enumerate(forward.inputs))
    take(forward.typeOf(input), all[numStates + i]);
  take(labelsType(), all[numStates + numInputs]);
  for (const Argument &argument :
       all.slice(numStates - 2 * scaling.isDynamic, 2 * scaling.isDynamic))
    take(argument.type, argument);
  OpBuilder b(step);
  take(b.getIndexType(), {{}, b.getDictionaryAttr({})});
  StringRef name = step.getName();
  step.setName("step.whole");
  auto micro = func::FuncOp::create(b, step.getLoc(), name,
                                    b.getFunctionType(types, {}));
  micro.setAllArgAttrs(attributes);
  micro.setPrivate();
  b.setInsertionPointToEnd(micro.addEntryBlock());
  ArrayRef<BlockArgument> given = micro.getArguments();
  auto results = passes(
      b, micro, given.take_front(numOwn()), given.slice(numOwn(), numInputs),
      given[numOwn() + numInputs],
      given.drop_front(numOwn() + numInputs + 1).drop_back(), given.back());
  if (failed(results))
    return failure();
  SmallVector<Value> returned = {results->loss};
  llvm::append_range(returned, results->states);
  llvm::append_range(returned, results->gradients);
  func::ReturnOp::create(b, step.getLoc(), returned);
  micro.setFunctionType(
      b.getFunctionType(types, TypeRange(ValueRange(returned))));
  step.setName(name);
  micro.setName("step.micro");
  return micro;
}

FailureOr<BatchResults> StepBuilder::accumulated(OpBuilder &b,
                                                 func::FuncOp step) {
  ArrayRef<BlockArgument> all = step.getArguments();
  auto scaleStates =
      all.slice(numStates - 2 * scaling.isDynamic, 2 * scaling.isDynamic);
  auto batches = all.drop_front(numStates).drop_back();
  if (accumulate == 1)
    return passes(b, step, all.take_front(numOwn()), batches.drop_back(),
                  batches.back(), scaleStates);
  auto micro = makeMicro(step);
  if (failed(micro))
    return failure();
  SmallVector<Value> others(scaleStates);
  SmallVector<Value> own(all.take_front(numOwn()));
  auto weights = ArrayRef(own).take_front(forward.weights.size());
  auto states = ArrayRef(own).drop_front(weights.size());
  SmallVector<Value> whole(batches);
  return overMicroBatches(b, *micro, accumulate, weights, states, whole,
                          others);
}
