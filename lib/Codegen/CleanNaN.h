// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values can only hold NaNs that survive a rounding's integer arithmetic.
//
// Idea: rounding adds less than one unit of the last kept bit and clears what
// is below. A quiet NaN whose payload is zero (every machine's own NaN, and the
// canonical one that a rounding gives) stays a NaN under that, any other may
// carry into the sign. Floating-point operations make such "clean" NaNs of
// clean operands; only memory that the caller filled may hold others.
#ifndef PREC_CODEGEN_CLEANNAN_H
#define PREC_CODEGEN_CLEANNAN_H

#include "TracedProperty.h"

namespace mlir::prec {

class CleanNaN : public TracedProperty {
public:
  /// Whether `value`, a float or a tensor of floats, holds clean NaNs only.
  bool isClean(Value value) { return holds(value); }

private:
  std::optional<bool> decide(Operation *op) override;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_CLEANNAN_H
