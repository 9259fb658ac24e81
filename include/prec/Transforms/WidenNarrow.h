// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Narrow types of a model as roundings of a carrier.
#ifndef PREC_TRANSFORMS_WIDENNARROW_H
#define PREC_TRANSFORMS_WIDENNARROW_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// Gives every value of a type narrower than f32 (f16, bf16, f8, ...) the type
/// f32, computes it there and rounds it to nearest-even to the format that its
/// type was: results of computations, entry arguments, conversions. Conversions
/// that only widened go. Signatures change with it.
///
/// A result equals that of the narrow operation for + - * / and square roots
/// where f32 has twice the fraction bits and two more; a fused multiply-add and
/// math functions are rounded twice. Located errors: operations that look at
/// bits (bitcasts), and globals.
LogicalResult widenNarrowTypes(ModuleOp module);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_WIDENNARROW_H
