// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which tensors of a block will share a buffer, and from when to when each is
// in use: a model of bufferisation, made before it.
#ifndef PREC_LIB_CODEGEN_TENSORLIFETIMES_H
#define PREC_LIB_CODEGEN_TENSORLIFETIMES_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

/// One buffer: a new tensor, what is written over it at its last use, and
/// views of these. Arguments, constants and tensors without contents have none.
struct TensorBuffer {
  int64_t bytes = 0;
  /// The operations that make its values, in their order.
  llvm::SmallVector<Operation *, 4> makers;
  /// Positions in the block, ascending: of the makers and of all that read.
  llvm::SmallVector<unsigned, 8> touches;

  unsigned begin() const { return touches.front(); }
  unsigned end() const { return touches.back(); }
};

class TensorLifetimes {
public:
  /// A size that is not static counts as that of a batch.
  static constexpr int64_t unknownSize = 128;

  explicit TensorLifetimes(Block &block);

  std::vector<TensorBuffer> buffers;
  /// The block's operations by position; the last is the terminator.
  std::vector<Operation *> operations;
  /// Bytes in use at each position.
  std::vector<int64_t> inUse;

  /// The number of a value's buffer, if it has one.
  std::optional<unsigned> bufferOf(Value value) const;
  /// The values that an operation of the block reads, its regions' included.
  static llvm::SmallVector<Value> reads(Operation *op);

private:
  void addResult(OpResult result, unsigned position);

  llvm::DenseMap<Value, unsigned> numbers;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_TENSORLIFETIMES_H
