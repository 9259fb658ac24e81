// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Derivatives of reductions: what flows into the reduced values and into the
// initial one.
#ifndef PREC_LIB_AUTODIFF_REDUCTIONS_H
#define PREC_LIB_AUTODIFF_REDUCTIONS_H

#include "ElementProgram.h"
#include "prec/Autodiff/Gradients.h"

namespace mlir::prec {

/// Output `output` of a structured operation, reduced as acc = c(acc, v).
///
///   c          gradient of v                       gradient of the initial
///   value
///   ---------  ----------------------------------
///   ----------------------------- sum        dy (for any body with d acc'/d
///   acc = 1, e.g. acc + v - w)      dy max, min   dy where v is the first in
///   row-major order that equals y, or
///              the first NaN (its place is computed by a reduction of its
///              own); zero elsewhere                dy where there is none
///   product    dy * init * (product of the others), by the product of the
///              elements that are not zero and the count of zeros    refused
///
/// c may be arith.maximumf, maxnumf (and minimum), or a select by a comparison.
class Reduction {
public:
  /// `dy` is the result's gradient, `element` it in the program.
  Reduction(ElementProgram &program, Gradients &gradients, unsigned output,
            Value dy, Value element);

  /// Gives the sweep of the body its start.
  LogicalResult seed(Gradients &inner);
  /// After that sweep: the gradient of the initial value.
  LogicalResult finish(Gradients &inner);

private:
  enum Kind { Sum, Extremum, Product } kind = Sum;

  void classify();
  Value flatIndex(OpBuilder &builder);
  void seedExtremum(Gradients &inner);
  void seedProduct(Gradients &inner);

  ElementProgram *program;
  Gradients *gradients;
  unsigned output;
  Value dy, element, accumulator;
  Value reduced; ///< v
  Value place;   ///< for extrema: a tensor of the place that attains it
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_REDUCTIONS_H
