// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operation on buffers touches when it runs for a part of the batch.
//
// A batch of `parts` examples is the outermost dimension of most buffers, or
// divides it: part i of a buffer is the i-th of `parts` equal pieces of its
// first dimension, the same piece of memory behind any view that keeps it so.
#ifndef PREC_CODEGEN_BATCHSLICES_H
#define PREC_CODEGEN_BATCHSLICES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace mlir::prec {

/// An access to a buffer, the one behind views.
struct Touch {
  Value buffer;
  bool isWrite;
  /// Part i of the operation touches part i of the buffer and no other.
  bool inParts;
};

struct BatchSlice {
  linalg::LinalgOp op;
  /// The loop that runs over the batch.
  unsigned dim;
  SmallVector<Touch> touches;
  /// What a part moves of the buffers that are touched in parts.
  int64_t bytesOfPart = 0;
  /// Scalar operations of a part, and elements that each part reads or adds to
  /// as a whole: weights and their gradients.
  double workOfPart = 0, wholeElements = 0;

  bool isReduction() {
    return op.getIteratorTypesArray()[dim] == utils::IteratorType::reduction;
  }
  int64_t extent() { return op.getStaticLoopRanges()[dim]; }
};

/// Of a buffer whose shape is known.
int64_t bytesOf(MemRefType type);

/// The buffer behind a view, and whether parts of one are parts of the other.
std::pair<Value, bool> bufferBehind(Value view, int64_t parts);

/// How `op` runs in parts: along a parallel dimension, or along the first
/// reduction dimension, which keeps the order of the sum. Nothing if shapes are
/// not known, no buffer is touched in parts, or the body reads memory itself.
std::optional<BatchSlice> sliceOf(linalg::LinalgOp op, int64_t parts);

/// What an operation touches as a whole; nothing if that is not known, or if
/// a buffer may be the same as another.
std::optional<SmallVector<Touch>> touchesOf(Operation *op);

/// The same of all operations between two of a block, but for what begins there
/// and calls of the engine's.
std::optional<SmallVector<Touch>> touchesBetween(Operation *first,
                                                 Operation *last);

} // namespace mlir::prec

#endif // PREC_CODEGEN_BATCHSLICES_H
