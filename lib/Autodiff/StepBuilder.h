// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What prec-make-training-step is building.
#ifndef PREC_LIB_AUTODIFF_STEPBUILDER_H
#define PREC_LIB_AUTODIFF_STEPBUILDER_H

#include "ForwardFunction.h"
#include "Losses.h"
#include "MicroBatches.h"
#include "Optimizers.h"
#include "prec/Autodiff/Passes.h"
#include "prec/LossScaling.h"

namespace mlir::prec {

/// An argument of a function under construction.
struct Argument {
  Type type;
  DictionaryAttr attributes;
};

struct StepBuilder {
  ForwardFunction forward;
  const Optimizer *optimizer = nullptr;
  OptimizerOptions options;
  LossOptions loss = {};
  double clipValue = 0, clipNorm = 0;
  LossScaling scaling = {};
  int64_t accumulate = 1;
  BeforeDifferentiation before;

  /// @step's arguments; the first `numStates` are also results.
  SmallVector<Argument> arguments;
  unsigned numStates = 0;
  LogicalResult build();
  void buildPredict();
  void collectArguments();
  func::FuncOp declare(OpBuilder &b);
  /// Of labels, or of values.
  RankedTensorType labelsType();
  FailureOr<BatchResults>
  passes(OpBuilder &b, func::FuncOp function, ArrayRef<BlockArgument> own,
         ArrayRef<BlockArgument> inputs, BlockArgument labels,
         ArrayRef<BlockArgument> scaleStates, Value part = {});
  LogicalResult applyBefore(OpBuilder &b, func::FuncOp function, Value &loss,
                            SmallVectorImpl<Value> &outs);
  FailureOr<func::FuncOp> makeMicro(func::FuncOp step);
  FailureOr<BatchResults> accumulated(OpBuilder &b, func::FuncOp step);
  SmallVector<Value> correct(OpBuilder &b, func::FuncOp step);
  SmallVector<Value> update(OpBuilder &b, unsigned number, Value weight,
                            Value gradient, Value rate, ValueRange states,
                            ValueRange corrections);
  /// Of the weights, by their numbers among @forward's arguments.
  DenseMap<unsigned, StringAttr> scopes;
  /// Weights, states and inputs, as numbers of @forward's arguments.
  SmallVector<unsigned> order() const;
  unsigned numOwn() const {
    return forward.weights.size() + forward.states.size();
  }
  DictionaryAttr attributes(StringRef name, StringRef role,
                            StringRef init = "");
  void addState(StringRef name, Type type, StringRef init = "zeros");
  DictionaryAttr inputAttributes(unsigned argument);
  std::string nameOf(unsigned argument);
};

/// Puts a function's body at a builder's place and returns its results.
SmallVector<Value> cloneBody(OpBuilder &b, func::FuncOp function,
                             ArrayRef<unsigned> order, ValueRange arguments);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_STEPBUILDER_H
