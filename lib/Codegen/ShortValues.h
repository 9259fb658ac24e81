// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold numbers of few fraction bits only, since they were rounded.
#ifndef PREC_LIB_CODEGEN_SHORTVALUES_H
#define PREC_LIB_CODEGEN_SHORTVALUES_H

#include "TracedProperty.h"
#include "prec/IR/PrecDialect.h"

namespace mlir::prec {

class ShortValues : public TracedProperty {
public:
  /// With `quantum` all numbers have to be multiples of its power of two, too.
  explicit ShortValues(RoundOp round, std::optional<int> quantum = {})
      : round(round), quantum(quantum) {}

  /// Has every number of `value`, a float or a tensor of floats, at most as
  /// many fraction bits as the numbers that `round` rounds to? Infinities and
  /// NaNs do not count.
  bool isShort(Value value) { return holds(value); }

private:
  std::optional<bool> decide(Operation *op) override;
  /// Is `other` to at most as many fraction bits?
  bool isAsShort(RoundOp other);
  /// Are its numbers multiples of 2^quantum?
  bool isMultiple(RoundOp other);

  RoundOp round;
  std::optional<int> quantum;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_SHORTVALUES_H
