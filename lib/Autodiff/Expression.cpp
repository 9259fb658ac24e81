// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the operations of an expression.
#include "prec/Autodiff/Expression.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

Expression Expression::splat(Value scalar) const {
  auto shaped = dyn_cast<ShapedType>(value.getType());
  if (!shaped)
    return with(scalar);
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < shaped.getRank(); ++i)
    if (shaped.isDynamicDim(i))
      sizes.push_back(tensor::DimOp::create(*builder, loc, value, i));
  return with(tensor::SplatOp::create(*builder, loc, scalar, shaped, sizes));
}

Expression Expression::number(double x) const {
  Type type = value.getType();
  FloatAttr scalar =
      builder->getFloatAttr(cast<FloatType>(getElementTypeOrSelf(type)), x);
  auto shaped = dyn_cast<ShapedType>(type);
  TypedAttr attr = scalar;
  if (shaped && shaped.hasStaticShape())
    attr = DenseElementsAttr::get(shaped, scalar.getValue());
  Value constant = arith::ConstantOp::create(*builder, loc, attr);
  return !shaped || shaped.hasStaticShape() ? with(constant) : splat(constant);
}

namespace mlir::prec {

Expression operator-(Expression a) { return a.make<arith::NegFOp>(); }
Expression operator+(Expression a, Expression b) {
  return a.make<arith::AddFOp>(b);
}
Expression operator-(Expression a, Expression b) {
  return a.make<arith::SubFOp>(b);
}
Expression operator*(Expression a, Expression b) {
  return a.make<arith::MulFOp>(b);
}
Expression operator/(Expression a, Expression b) {
  return a.make<arith::DivFOp>(b);
}
Expression operator+(Expression a, double b) { return a + a.number(b); }
Expression operator-(Expression a, double b) { return a - a.number(b); }
Expression operator-(double a, Expression b) { return b.number(a) - b; }
Expression operator*(Expression a, double b) { return a * a.number(b); }
Expression operator*(double a, Expression b) { return b.number(a) * b; }
Expression operator/(Expression a, double b) { return a / a.number(b); }
Expression operator/(double a, Expression b) { return b.number(a) / b; }
Expression operator&&(Expression a, Expression b) {
  return a.make<arith::AndIOp>(b);
}
Expression operator||(Expression a, Expression b) {
  return a.make<arith::OrIOp>(b);
}

Expression compare(arith::CmpFPredicate predicate, Expression a, Expression b) {
  return a.with(
      arith::CmpFOp::create(*a.builder, a.loc, predicate, a.value, b.value));
}

Expression select(Expression condition, Expression a, Expression b) {
  return condition.make<arith::SelectOp>(a, b);
}

} // namespace mlir::prec
