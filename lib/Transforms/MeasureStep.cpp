// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prec-measure-step: results of @step about its gradients and roundings.
#include "ElementSums.h"
#include "StepGradients.h"
#include "StepRoundings.h"
#include "prec/IR/PrecDialect.h"
#include "prec/StepResults.h"
#include "prec/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::prec {
#define GEN_PASS_DEF_MEASURESTEP
#include "prec/Transforms/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;
using Values = SmallVector<Value>;

static std::string nameFor(StringRef scope) {
  return scope.empty() ? "(none)" : scope.str();
}

static Value squaresOf(Value gradient) {
  ImplicitLocOpBuilder b(gradient.getLoc(), gradient.getContext());
  b.setInsertionPointAfterValue(gradient);
  Value zero = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  auto next = [](ImplicitLocOpBuilder &n, ValueRange x,
                 ValueRange sum) -> Values {
    Value wide = x[0];
    if (!wide.getType().isF64())
      wide = arith::ExtFOp::create(n, n.getF64Type(), wide);
    Value square = arith::MulFOp::create(n, wide, wide);
    return {arith::AddFOp::create(n, sum[0], square)};
  };
  return sumElements(b, gradient, zero, next).front();
}

namespace {
struct MeasureStep final : mlir::prec::impl::MeasureStepBase<MeasureStep> {
  using Base::Base;

  void addResult(func::FuncOp step, const Twine &name, Value value) {
    Builder b(step.getContext());
    Operation *end = step.front().getTerminator();
    end->insertOperands(end->getNumOperands(), value);
    NamedAttribute text = b.getNamedAttr(nameAttrName, b.getStringAttr(name));
    (void)step.insertResult(step.getNumResults(), value.getType(),
                            b.getDictionaryAttr(text));
  }

  LogicalResult measureGradients(func::FuncOp step) {
    FailureOr<SmallVector<StepGradient>> found = findGradients(step);
    if (failed(found))
      return failure();
    llvm::MapVector<StringRef, Value> sums;
    ImplicitLocOpBuilder b(step.getLoc(), step.front().getTerminator());
    for (StepGradient &gradient : *found) {
      Value squares = squaresOf(gradient.value);
      Value &sum = sums[gradient.scope];
      sum = sum ? arith::AddFOp::create(b, sum, squares).getResult() : squares;
    }
    for (auto &[scope, sum] : sums)
      addResult(step, gradientSquares + nameFor(scope), sum);
    return success();
  }

  LogicalResult measureRounding(func::FuncOp step) {
    int64_t numLeft = 0;
    FailureOr<CountsByScope> found = countRoundings(step, numLeft);
    if (failed(found))
      return failure();
    if (found->empty()) {
      InFlightDiagnostic said =
          ifAny ? emitWarning(step.getLoc()) : emitError(step.getLoc());
      said << "@step: found no rounding of a whole tensor or scalar to count"
           << (numLeft ? ", only some inside of operations; choose "
                         "granularity op, layer or batch"
                       : "; expected a policy that rounds some");
      return success(ifAny);
    }
    if (numLeft)
      emitWarning(step.getLoc(), "@step: ")
          << numLeft
          << " roundings inside of operations or branches are not counted";
    for (auto &[scope, counts] : *found) {
      ImplicitLocOpBuilder b(step.getLoc(), step.front().getTerminator());
      Value all = tensor::FromElementsOp::create(b, counts);
      addResult(step, roundingCounts + nameFor(scope), all);
    }
    return success();
  }

  void runOnOperation() override {
    if (!gradients && !rounding)
      return;
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step || step.isExternal() || !step.getBody().hasOneBlock()) {
      emitError(step ? step.getLoc() : getOperation().getLoc(),
                "found no @step of one block to measure");
      return signalPassFailure();
    }
    // Gradients first: what counts roundings replaces loops.
    if ((gradients && failed(measureGradients(step))) ||
        (rounding && failed(measureRounding(step))))
      signalPassFailure();
  }
};
} // namespace
