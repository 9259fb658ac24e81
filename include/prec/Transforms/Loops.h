// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops around an operation as trip counts and extents.
#ifndef PREC_TRANSFORMS_LOOPS_H
#define PREC_TRANSFORMS_LOOPS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::prec {

/// One dimension of a loop. Trips count from 0 in steps of 1.
struct Loop {
  Operation *op;
  /// The current trip, of index type, usable at the inner operation.
  Value trip;
  /// Bounds; `upper` is null where the extent is not known (scf.while).
  OpFoldResult lower, upper, step;
  Location loc;

  /// Are the bounds known, and defined outside `outer`?
  bool hasExtentOutside(Operation *outer) const;
  /// How many trips the loop makes; the trip itself (a dynamic value) where
  /// that is not known.
  OpFoldResult extent(OpBuilder &builder) const;
};

/// The loops from the innermost outwards. Builds the trips at the builder's
/// insertion point. An operation in a loop of branches (cf) has no trip count:
/// a located error.
FailureOr<SmallVector<Loop>> enclosingLoops(OpBuilder &builder, Operation *op);

/// Gives every scf.while of a module a counter from 0 as its last
/// loop-carried value, from which `enclosingLoops` reads the trip.
void addWhileCounters(ModuleOp module);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_LOOPS_H
