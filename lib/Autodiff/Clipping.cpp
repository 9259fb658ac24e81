// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Clipping by value and by norm as graphs of elementary operations.
#include "Clipping.h"
#include "Pointwise.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;
using E = Expression;

/// The sum of a gradient's squares.
static E squares(OpBuilder &b, Location loc, Value gradient) {
  auto type = dyn_cast<RankedTensorType>(gradient.getType());
  if (!type) {
    E g(b, loc, gradient);
    return g * g;
  }
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value sum =
      reduceLast(b, loc, gradient, makeZeros(b, loc, scalar), type.getRank(),
                 [](ArrayRef<E> x) { return x[0] + x[1] * x[1]; });
  return {b, loc, tensor::ExtractOp::create(b, loc, sum, ValueRange{})};
}

void mlir::prec::clipGradients(OpBuilder &b, Location loc,
                               MutableArrayRef<Value> gradients, double value,
                               double norm) {
  Stamp stamp(b, b.getStringAttr("clip"), "backward", "weight-gradient");
  auto map = [&](Value gradient, ValueRange inputs, Formula formula) {
    if (isa<RankedTensorType>(gradient.getType()))
      return pointwise(b, loc, gradient, inputs, formula);
    return formula(llvm::map_to_vector(inputs,
                                       [&](Value v) { return E(b, loc, v); }))
        .value;
  };
  if (value > 0)
    for (Value &gradient : gradients)
      gradient = map(gradient, gradient, [&](ArrayRef<E> x) {
        E low = x[0].make<arith::MaximumFOp>(x[0].number(-value));
        return low.make<arith::MinimumFOp>(low.number(value));
      });
  if (norm <= 0 || gradients.empty())
    return;
  E total = squares(b, loc, gradients.front());
  for (Value gradient : gradients.drop_front())
    total = total + squares(b, loc, gradient);
  E factor = norm / (total.make<math::SqrtOp>() + 1e-6);
  factor = factor.make<arith::MinimumFOp>(factor.number(1));
  for (Value &gradient : gradients)
    gradient = map(gradient, {gradient, factor.value},
                   [](ArrayRef<E> x) { return x[0] * x[1]; });
}
