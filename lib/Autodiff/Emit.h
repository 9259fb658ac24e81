// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Turns a value of an element program into tensor operations.
#ifndef PREC_LIB_AUTODIFF_EMIT_H
#define PREC_LIB_AUTODIFF_EMIT_H

#include "ElementProgram.h"

namespace mlir::prec {

/// How contributions to one element are joined: `combine(acc, value)` in
/// ascending order, from `initial`.
struct Combiner {
  TypedAttr initial;
  std::function<Value(OpBuilder &, Location, Value, Value)> combine;
};

/// The sum over all loops of `value`, each contribution at `map(loops)` of a
/// tensor like `target` (a tensor, or a scalar with an empty map).
///
/// It is one linalg.generic, whose loops are the operation's with the
/// exchanges of `Axis`, outputs first and reductions after them in their old
/// order; where there is no such exchange, a nest of scf.for that adds at
/// computed indices in ascending order. `value` must not read an accumulator.
Value emitSum(ElementProgram &program, OpBuilder &builder, Value value,
              Value target, AffineMap map);

/// A reduction at the places of result `output`, with its own combiner and
/// element type.
Value emitReduction(ElementProgram &program, OpBuilder &builder, Value value,
                    unsigned output, Combiner combiner);

/// The nest of loops of `emitSum` (also for targets that `value` does not read
/// by a map: `indices` computes them from the copied slice).
Value emitScatter(ElementProgram &program, OpBuilder &builder, Value value,
                  Value target, ArrayRef<Value> indices);
Value emitScatter(ElementProgram &program, OpBuilder &builder, Value value,
                  Value target, AffineMap map);

/// The size of a loop of the operation.
OpFoldResult loopSize(OpBuilder &builder, linalg::LinalgOp op, unsigned loop);

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_EMIT_H
