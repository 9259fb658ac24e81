// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations on f32 whose results are rounded, computed and rounded in f64.
#ifndef PREC_TRANSFORMS_WIDECARRIER_H
#define PREC_TRANSFORMS_WIDECARRIER_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// `--carrier=f64`, after insertion: where the result of + - * / sqrt or fma on
/// f32 is rounded, its operands are extended to f64, the operation and the
/// rounding are done there, and the rounded number, which f32 holds, becomes
/// f32 again. So are the operations in bodies of elementwise linalg operations
/// whose results are rounded outside. All else stays as it is: other
/// operations, sums inside reductions that round no partial result, outputs of
/// linalg operations on buffers.
///
/// Formats whose numbers depend on the carrier (scales that are no power of
/// two, shared scales) are located errors.
LogicalResult computeInDouble(ModuleOp module);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_WIDECARRIER_H
