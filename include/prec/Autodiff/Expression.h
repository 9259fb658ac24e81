// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formulas written as C++ expressions that build arith and math operations.
#ifndef PREC_AUTODIFF_EXPRESSION_H
#define PREC_AUTODIFF_EXPRESSION_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::prec {

/// A float value (scalar, tensor or vector) or a condition on one, with
/// arithmetic: `g * (1.0 - y * y)` builds mulf, subf, mulf and the constant.
/// Numbers take the other operand's type. Nothing is folded or reordered; an
/// expression builds exactly what it says, left to right.
struct Expression {
  OpBuilder *builder;
  Location loc;
  Value value;
  /// The value is the same in every element and call.
  bool isConstant = false;

  Expression(OpBuilder &builder, Location loc, Value value,
             bool isConstant = false)
      : builder(&builder), loc(loc), value(value), isConstant(isConstant) {}

  /// An operation on this and further operands.
  template <typename Op, typename... Rest> Expression make(Rest... rest) const {
    return with(Op::create(*builder, loc, value, rest.value...));
  }
  Expression with(Value v) const { return {*builder, loc, v}; }

  /// A scalar in the place of each element.
  Expression splat(Value scalar) const;
  /// A constant of this expression's type.
  Expression number(double x) const;
};

Expression operator-(Expression a);
Expression operator+(Expression a, Expression b);
Expression operator-(Expression a, Expression b);
Expression operator*(Expression a, Expression b);
Expression operator/(Expression a, Expression b);
Expression operator+(Expression a, double b);
Expression operator-(Expression a, double b);
Expression operator-(double a, Expression b);
Expression operator*(Expression a, double b);
Expression operator*(double a, Expression b);
Expression operator/(Expression a, double b);
Expression operator/(double a, Expression b);
Expression operator&&(Expression a, Expression b);
Expression operator||(Expression a, Expression b);

/// A comparison. The spelling is arith's: o... false and u... true for NaN.
Expression compare(arith::CmpFPredicate predicate, Expression a, Expression b);
/// The second where the condition holds, else the third.
Expression select(Expression condition, Expression a, Expression b);

} // namespace mlir::prec

#endif // PREC_AUTODIFF_EXPRESSION_H
