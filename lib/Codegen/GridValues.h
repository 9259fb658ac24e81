// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold multiples of a power of two only, and no infinities or
// NaNs, since they were rounded to fixed point or integers.
#ifndef PREC_LIB_CODEGEN_GRIDVALUES_H
#define PREC_LIB_CODEGEN_GRIDVALUES_H

#include "TracedProperty.h"
#include "prec/IR/PrecDialect.h"

namespace mlir::prec {

class GridValues : public TracedProperty {
public:
  explicit GridValues(int exponent) : exponent(exponent) {}

  /// Is every number of `value`, a float or a tensor of floats, a multiple of
  /// 2^exponent?
  bool areMultiples(Value value) { return holds(value); }

private:
  std::optional<bool> decide(Operation *op) override;

  int exponent;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_GRIDVALUES_H
