// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that may run together for one block of the batch after another.
#ifndef PREC_CODEGEN_BATCHGROUP_H
#define PREC_CODEGEN_BATCHGROUP_H

#include "BatchSlices.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::prec {

/// A run of operations of one block of code, taken in their order. Each is a
/// member, or runs before all members, or after them; no operation passes
/// another that it must not.
class BatchGroup {
public:
  /// How members touch a buffer.
  struct Use {
    bool readsParts = false, writesParts = false;
    bool readsWhole = false, writesWhole = false;
  };

  /// `isParallel`: members add up nothing over the batch, so that blocks may
  /// run on several threads. At most `mostMembers` join.
  BatchGroup(int64_t parts, bool isParallel, size_t mostMembers)
      : parts(parts), isParallel(isParallel), mostMembers(mostMembers) {}

  /// Finds the next operation a place. False: the group ends before it.
  bool take(Operation *op);

  /// Whether enough of what one member writes is read by another.
  bool isWorthIt() const;
  /// Parts that a block has, so that it stays in the cache.
  int64_t partsOfBlock() const { return blockFor(bytesOfPart, leastParts); }

  Operation *first() const {
    BatchSlice handle = members.front();
    return handle.op;
  }
  ArrayRef<BatchSlice> slices() const { return members; }
  /// Is a buffer written and read by members only, a part at a time?
  bool isInner(Value buffer) const;
  /// Bytes of the buffers that are allocated for members; of inner ones, of a
  /// block.
  int64_t bytesOfBuffers() const;
  ArrayRef<Operation *> earlier() const { return before; }
  const llvm::MapVector<Value, Use> &buffers() const { return uses; }

private:
  int64_t blockFor(int64_t bytesOfPart, int64_t least) const;
  bool canJoin(const BatchSlice &slice) const;
  bool fits(const BatchSlice &slice) const;
  void join(BatchSlice slice);
  bool mustFollow(const Touch &touch) const;
  bool touchesMembers(const Touch &touch) const;
  bool needsLater(Operation *op) const;
  bool putAfter(Operation *op);

  int64_t parts;
  bool isParallel;
  size_t mostMembers;
  SmallVector<BatchSlice> members;
  SmallVector<Operation *> before;
  llvm::MapVector<Value, Use> uses;
  llvm::DenseSet<Operation *> after;
  llvm::DenseSet<Value> readAfter, writtenAfter;
  int64_t bytesOfPart = 0, leastParts = 1;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_BATCHGROUP_H
