// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations and reductions written as formulas, for losses and
// optimisers.
#ifndef PREC_LIB_AUTODIFF_POINTWISE_H
#define PREC_LIB_AUTODIFF_POINTWISE_H

#include "prec/Autodiff/Expression.h"

#include "mlir/IR/AffineMap.h"

namespace mlir::prec {

/// The elements that a formula gets, one for each input.
using Formula = llvm::function_ref<Expression(llvm::ArrayRef<Expression>)>;

/// A linalg.generic that computes a formula for each element of a tensor like
/// `like`. An input of the same rank is taken element by element, one of lower
/// rank is broadcast along the last dimensions, a scalar along all. Inputs that
/// the formula does not use are left out.
Value pointwise(OpBuilder &builder, Location loc, Value like, ValueRange inputs,
                Formula formula);

/// Joins the elements along the last `count` dimensions, ascending, from
/// `initial` (a tensor of the remaining shape): formula(acc, element).
Value reduceLast(OpBuilder &builder, Location loc, Value input, Value initial,
                 unsigned count, Formula formula);

/// Whether the element's last index is the label: for a formula of
/// `pointwise`. The label is an i32.
Expression isAtLabel(Expression like, Expression label, unsigned lastDim);

/// Gives the operations built in its lifetime, at the builder's block's level,
/// their attributes.
class Stamp {
public:
  Stamp(OpBuilder &builder, StringAttr scope, StringRef phase, StringRef role);
  ~Stamp();

private:
  OpBuilder &builder;
  StringAttr scope;
  StringRef phase, role;
  Operation *before;
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_POINTWISE_H
