// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A scalar program over the elements of tensors: the body of a gradient under
// construction.
#ifndef PREC_LIB_AUTODIFF_ELEMENTPROGRAM_H
#define PREC_LIB_AUTODIFF_ELEMENTPROGRAM_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::prec {

/// A detached block that starts as a copy of a linalg operation's body and
/// grows by what the derivative needs. Its arguments are elements of tensors
/// (or scalars), each with an affine map from the operation's loops, so that
/// any value of the block can be computed at any point of the iteration space:
/// by a linalg.generic of our choice, or by plain loops.
///
/// linalg.index in the block counts the operation's own loops until it is
/// emitted.
class ElementProgram {
public:
  struct Input {
    Value source;  ///< tensor or scalar
    AffineMap map; ///< from the loops to the element
    BlockArgument element;
    bool isGradient = false; ///< of a result of the operation
  };

  explicit ElementProgram(linalg::LinalgOp op);

  /// The element of a tensor, the same value for the same tensor and map.
  Value addInput(Value source, AffineMap map, bool isGradient = false);

  /// The copy of a value of the operation's body.
  Value copyOf(Value value) const { return mapping.lookupOrDefault(value); }

  /// A builder at the block's end.
  OpBuilder builder() {
    OpBuilder b(op.getContext());
    b.setInsertionPointToEnd(block);
    return b;
  }

  /// The operations of the block that `value` needs, in order, and the inputs.
  struct Slice {
    SmallVector<Operation *> operations;
    SmallVector<unsigned> inputs;
    bool readsAccumulator = false;
  };
  Slice slice(Value value) const;

  /// Copies a slice elsewhere. `map` holds the values of its inputs;
  /// `indexOf` gives the value of a loop's index. Attributes that belong to
  /// the forward phase stay behind.
  Value copy(OpBuilder &builder, const Slice &slice, Value value,
             IRMapping &map, function_ref<Value(unsigned)> indexOf) const;

  linalg::LinalgOp op;
  SmallVector<Input> inputs;
  /// Stand-ins for the accumulators of outputs that are reduced.
  SmallVector<Value> accumulators;
  /// The yielded values, one for each output.
  SmallVector<Value> yields;
  /// Where the operation's operands, inputs then inits, went: an input's
  /// number, or -1 for an accumulator.
  SmallVector<int> operandInput;
  Block *block;

private:
  Region region;
  IRMapping mapping;
};

} // namespace mlir::prec

#endif // PREC_LIB_AUTODIFF_ELEMENTPROGRAM_H
