// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products rounded to e5m10 at each step, in half arithmetic that the
// target has (docs/pipeline.md has the proof that the bits are the same).
#ifndef PREC_LIB_CODEGEN_NATIVEHALF_H
#define PREC_LIB_CODEGEN_NATIVEHALF_H

#include "TracedProperty.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// Which values hold numbers of e5m10 only, its infinities and NaNs.
class HalfValues : public TracedProperty {
public:
  bool isHalf(Value value) { return holds(value); }

private:
  std::optional<bool> decide(Operation *op) override;
};

/// A contraction of f32 from +0 whose products and sums are rounded to e5m10 to
/// nearest-even, with f16 accumulators, and with f16 products where both
/// operands are half numbers. The result is f32, with a machine's own NaNs.
Value buildHalfContraction(OpBuilder &builder, linalg::GenericOp op,
                           HalfValues &values);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_NATIVEHALF_H
