// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that may run together for one block of the batch after another.
#include "BatchGroup.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

/// What the operands of a member should take of a cache of 512 KB, and the most
/// that they may: those of a single part, or of so many that weights are used
/// often enough.
static constexpr int64_t blockBytes = 256 << 10, mostBytesOfBlock = 512 << 10;
/// Buffers smaller than this in all stay in the cache anyway.
static constexpr int64_t fewBytes = 512 << 10;
/// A panel of so many elements costs nothing; how often an element of a larger
/// one must be used in a block.
static constexpr double fewElements = 4096, leastUses = 128;

int64_t BatchGroup::blockFor(int64_t bytes, int64_t least) const {
  int64_t block = blockBytes / std::max<int64_t>(bytes, 1);
  block = std::clamp<int64_t>(std::max(block, least), 1, parts);
  while (parts % block != 0)
    --block;
  return block;
}

/// Parts that a block must have for the sake of what all parts share.
static int64_t leastPartsOf(const BatchSlice &slice) {
  if (slice.wholeElements <= fewElements)
    return 1;
  return int64_t(std::ceil(leastUses * slice.wholeElements / slice.workOfPart));
}

bool BatchGroup::fits(const BatchSlice &slice) const {
  int64_t bytes = std::max(bytesOfPart, slice.bytesOfPart);
  int64_t least = std::max(leastParts, leastPartsOf(slice));
  int64_t block = blockFor(bytes, least);
  return block >= least && block * bytes <= mostBytesOfBlock;
}

/// Would it read or write what something that comes after the members writes,
/// or write what that reads?
bool BatchGroup::mustFollow(const Touch &touch) const {
  return writtenAfter.contains(touch.buffer) ||
         (touch.isWrite && readAfter.contains(touch.buffer));
}

static bool agrees(const BatchGroup::Use &use, const Touch &touch) {
  if (touch.inParts)
    return !use.writesWhole && !(touch.isWrite && use.readsWhole);
  bool isWritten = use.writesParts || use.writesWhole;
  bool isRead = use.readsParts || use.readsWhole;
  return !isWritten && !(touch.isWrite && isRead);
}

static void note(BatchGroup::Use &use, const Touch &touch) {
  if (touch.inParts)
    (touch.isWrite ? use.writesParts : use.readsParts) = true;
  else
    (touch.isWrite ? use.writesWhole : use.readsWhole) = true;
}

bool BatchGroup::canJoin(const BatchSlice &slice) const {
  BatchSlice handle = slice;
  if (!fits(slice) || (isParallel && handle.isReduction()))
    return false;
  llvm::SmallDenseMap<Value, Use> own;
  for (const Touch &touch : slice.touches) {
    if (mustFollow(touch) || !agrees(uses.lookup(touch.buffer), touch) ||
        !agrees(own.lookup(touch.buffer), touch))
      return false;
    note(own[touch.buffer], touch);
  }
  return true;
}

void BatchGroup::join(BatchSlice slice) {
  bytesOfPart = std::max(bytesOfPart, slice.bytesOfPart);
  leastParts = std::max(leastParts, leastPartsOf(slice));
  for (const Touch &touch : slice.touches)
    note(uses[touch.buffer], touch);
  members.push_back(std::move(slice));
}

bool BatchGroup::touchesMembers(const Touch &touch) const {
  Use use = uses.lookup(touch.buffer);
  return use.writesParts || use.writesWhole ||
         (touch.isWrite && (use.readsParts || use.readsWhole));
}

bool BatchGroup::needsLater(Operation *op) const {
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    return after.contains(operand.getDefiningOp());
  });
}

/// So little that the members may pass it by.
static bool isSmall(linalg::LinalgOp op) {
  constexpr int64_t fewPoints = 1 << 16;
  int64_t points = 1;
  for (int64_t range : op.getStaticLoopRanges())
    points *= ShapedType::isDynamic(range) ? fewPoints : range;
  return points <= fewPoints;
}

bool BatchGroup::putAfter(Operation *op) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    if (!isSmall(structured))
      return false;
  std::optional<SmallVector<Touch>> touches = touchesOf(op);
  if (!touches)
    return false;
  for (const Touch &touch : *touches)
    (touch.isWrite ? writtenAfter : readAfter).insert(touch.buffer);
  after.insert(op);
  return true;
}

/// A fill goes where its buffer is used first: as a whole, if that is a sum
/// over the batch.
static bool isFillOfWhole(linalg::LinalgOp op, int64_t parts) {
  if (op.getNumDpsInits() != 1 || llvm::any_of(op.getDpsInputs(), [](Value v) {
        return isa<MemRefType>(v.getType());
      }))
    return false;
  Value buffer = op.getDpsInits()[0];
  linalg::LinalgOp next;
  for (Operation *user : buffer.getUsers())
    if (auto other = dyn_cast<linalg::LinalgOp>(user);
        other && other->getBlock() == op->getBlock() &&
        op->isBeforeInBlock(other) && (!next || other->isBeforeInBlock(next)))
      next = other;
  if (!next)
    return false;
  std::optional<BatchSlice> slice = sliceOf(next, parts);
  Value behind = bufferBehind(buffer, parts).first;
  return slice && llvm::any_of(slice->touches, [&](const Touch &touch) {
           return touch.buffer == behind && !touch.inParts;
         });
}

bool BatchGroup::take(Operation *op) {
  if (op->hasTrait<OpTrait::IsTerminator>())
    return false;
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  bool isLater = needsLater(op);
  if (structured && !isLater && !isFillOfWhole(structured, parts))
    if (auto slice = sliceOf(structured, parts); slice && canJoin(*slice)) {
      if (members.size() == mostMembers)
        return false;
      join(*slice);
      return true;
    }
  if (members.empty())
    return false;
  bool isFree = isa<memref::AllocOp>(op) ||
                (isMemoryEffectFree(op) && op->getNumRegions() == 0);
  if (isFree && !isLater) {
    before.push_back(op);
    return true;
  }
  std::optional<SmallVector<Touch>> touches = touchesOf(op);
  if (!touches)
    return false;
  if (isLater || isa<memref::DeallocOp>(op) ||
      llvm::any_of(*touches, [&](const Touch &touch) {
        return mustFollow(touch) || touchesMembers(touch);
      }))
    return putAfter(op);
  before.push_back(op);
  return true;
}

bool BatchGroup::isWorthIt() const {
  if (members.size() < 2 || partsOfBlock() == parts)
    return false;
  int64_t bytes = 0;
  for (const auto &[buffer, use] : uses)
    if (use.readsParts && use.writesParts)
      bytes += bytesOf(cast<MemRefType>(buffer.getType()));
  return bytes >= fewBytes;
}

bool BatchGroup::isInner(Value buffer) const {
  Use use = uses.lookup(buffer);
  if (!buffer.getDefiningOp<memref::AllocOp>() || !use.writesParts ||
      use.readsWhole || use.writesWhole)
    return false;
  llvm::SmallDenseSet<Operation *> own;
  for (const BatchSlice &slice : members)
    own.insert(slice.op);
  SmallVector<Value> views{buffer};
  while (!views.empty())
    for (Operation *user : views.pop_back_val().getUsers())
      if (isa<memref::CollapseShapeOp, memref::ExpandShapeOp,
              memref::SubViewOp>(user))
        views.push_back(user->getResult(0));
      else if (!isa<memref::DeallocOp>(user) && !own.contains(user))
        return false;
  return true;
}

int64_t BatchGroup::bytesOfBuffers() const {
  int64_t bytes = 0;
  for (Operation *op : before)
    if (auto alloc = dyn_cast<memref::AllocOp>(op);
        alloc && alloc.getType().hasStaticShape()) {
      int64_t whole = bytesOf(alloc.getType());
      bytes += isInner(alloc) ? whole / parts * partsOfBlock() : whole;
    }
  return bytes;
}
