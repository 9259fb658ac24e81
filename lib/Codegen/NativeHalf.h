// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products rounded to e5m10 at each step, in half arithmetic that the
// target has (docs/pipeline.md has the proof that the bits are the same).
#ifndef PREC_LIB_CODEGEN_NATIVEHALF_H
#define PREC_LIB_CODEGEN_NATIVEHALF_H

#include "TracedProperty.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// Which values hold numbers of e5m10 only, its infinities and NaNs, where that
/// is what `own` rounds to.
class HalfValues : public TracedProperty {
public:
  explicit HalfValues(RoundOp own) : own(own) {}

  bool isHalf(Value value) { return holds(value); }

private:
  std::optional<bool> decide(Operation *op) override;

  RoundOp own;
};

/// A contraction of f32 from +0 whose products and sums are rounded to e5m10 to
/// nearest-even, with f16 accumulators, and with f16 products where both
/// operands are half numbers. The result is f32, with a machine's own NaNs.
/// Run- time widths are those of e5m10.
Value buildHalfContraction(OpBuilder &builder, linalg::GenericOp op);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_NATIVEHALF_H
