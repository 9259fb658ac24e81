// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradients of windows that move by more than one element, without the zeros
// between what they read.
#ifndef PREC_LIB_AUTODIFF_PHASES_H
#define PREC_LIB_AUTODIFF_PHASES_H

#include "Emission.h"

namespace mlir::prec {

/// Of a Window of stride s, the places p = s*q + phase for q = 0..ceil(P/s)-1:
/// a Window of stride 1 whose k are those with t*k + c = phase modulo s.
/// Nothing if there is none: no contribution falls on these places.
std::optional<Axis> phaseOf(const Axis &axis, int64_t phase);

/// Whether the gradient at `whole`'s axes is to be computed phase by phase:
/// some Window has a stride, the phases are few, and no input of the slice is
/// read at the places themselves.
bool hasPhases(const Emission &whole, const ElementProgram::Slice &slice);

/// All phases, computed by `emit` from their axes, each element at its place;
/// null if `emit` returns that.
Value emitPhases(const Emission &whole, Type element,
                 function_ref<Value(SmallVector<Axis>)> emit);

/// The gradient of what was padded by a constant is wanted inside of the
/// padding only. Where a Window has a stride, so that its phases would hide the
/// slice that prec-narrow-producers looks for, all Windows lose the border,
/// unless a dimension of another kind has one.
void leavePadding(MutableArrayRef<Axis> axes, Value target);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_PHASES_H
