// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values are made again before a late use, where that lowers the peak of
// memory.
#include "TensorLifetimes.h"
#include "prec/Codegen/Passes.h"
#include "prec/Codegen/Recompute.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::prec {
#define GEN_PASS_DEF_RECOMPUTETENSORS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;

namespace {
/// What gains less than this part of the peak is not worth its time.
constexpr int64_t leastShare = 256;
/// Scalar operations for an element that cost no more than moving it to and
/// from memory, which is saved: a mask, a normalisation, a rounding to bf16,
/// but no exp and no random word.
constexpr ptrdiff_t mostOperations = 12;

/// A buffer that is not in use between two of its touches if its values are
/// made again at the second.
struct Gap {
  unsigned buffer, from, to;
};

struct RecomputeTensors final
    : public prec::impl::RecomputeTensorsBase<RecomputeTensors> {
  using Base::Base;

  void runOnOperation() override;
  bool lowerPeak(Block &block);
  bool mayRepeat(Operation *op) const;
  std::optional<Gap> gapAt(const TensorLifetimes &lifetimes, unsigned buffer,
                           unsigned position) const;
  int64_t gain(const TensorLifetimes &lifetimes, Gap gap, unsigned peak) const;
  void repeat(const TensorLifetimes &lifetimes, Gap gap);
};
} // namespace

/// Each empty tensor is made where it is written first, so that its buffer does
/// not begin before; one that is written in parts stays one.
static void separateEmptyTensors(Block &block) {
  OpBuilder builder(block.getParentOp()->getContext());
  SmallVector<tensor::EmptyOp> before(block.getOps<tensor::EmptyOp>());
  for (tensor::EmptyOp empty : before) {
    if (llvm::any_of(empty->getUsers(), llvm::IsaPred<tensor::InsertSliceOp>))
      continue;
    for (OpOperand &use : llvm::make_early_inc_range(empty->getUses())) {
      Operation *user = use.getOwner();
      if (user->getBlock() != &block)
        continue;
      builder.setInsertionPoint(user);
      use.set(builder.clone(*empty)->getResult(0));
    }
  }
}

/// Do the makers write into new tensors only? What is written over a value of
/// another buffer that is still read begins with a copy of it; made again when
/// that is read no more, it would take that buffer's place and prolong it.
static bool isSelfContained(const TensorBuffer &buffer) {
  return llvm::all_of(buffer.makers, [&](Operation *maker) {
    auto writes = dyn_cast<DestinationStyleOpInterface>(maker);
    return !writes || llvm::all_of(writes.getDpsInits(), [&](Value init) {
      Operation *definition = init.getDefiningOp();
      return isa_and_nonnull<tensor::EmptyOp>(definition) ||
             llvm::is_contained(buffer.makers, definition);
    });
  });
}

bool RecomputeTensors::mayRepeat(Operation *op) const {
  if (!isMemoryEffectFree(op))
    return false;
  if (isa<tensor::TensorDialect>(op->getDialect()))
    return true;
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    return false;
  return kind == Recompute::All ||
         (structured.getNumReductionLoops() == 0 &&
          llvm::range_size(structured.getBlock()->without_terminator()) <=
              mostOperations);
}

std::optional<Gap> RecomputeTensors::gapAt(const TensorLifetimes &lifetimes,
                                           unsigned number,
                                           unsigned position) const {
  const TensorBuffer &buffer = lifetimes.buffers[number];
  auto *to = llvm::upper_bound(buffer.touches, position);
  if (to == buffer.touches.begin() || to == buffer.touches.end() ||
      *std::prev(to) == position || *to + 1 == lifetimes.operations.size())
    return std::nullopt;
  if (!isSelfContained(buffer))
    return std::nullopt;
  // What is written later than at the gap's end would be written over twice.
  for (Operation *maker : buffer.makers)
    if (!mayRepeat(maker))
      return std::nullopt;
  return Gap{number, *std::prev(to), *to};
}

/// By how much less is in use at the peak; nothing if as much as there now is
/// in use at some other place of the gap, or at its end.
int64_t RecomputeTensors::gain(const TensorLifetimes &lifetimes, Gap gap,
                               unsigned peak) const {
  llvm::SmallDenseMap<unsigned, unsigned> longer; // buffer -> its end now
  const TensorBuffer &buffer = lifetimes.buffers[gap.buffer];
  for (Operation *maker : buffer.makers)
    for (Value value : TensorLifetimes::reads(maker))
      if (auto read = lifetimes.bufferOf(value); read && *read != gap.buffer)
        longer[*read] = lifetimes.buffers[*read].end();
  int64_t gained = 0, most = lifetimes.inUse[peak];
  most -= most / leastShare;
  for (unsigned i = gap.from + 1; i <= gap.to; ++i) {
    int64_t less = i < gap.to ? buffer.bytes : 0;
    for (auto [number, end] : longer)
      if (i > end)
        less -= lifetimes.buffers[number].bytes;
    if (lifetimes.inUse[i] - less > most)
      return 0;
    if (i == peak)
      gained = less;
  }
  return gained;
}

void RecomputeTensors::repeat(const TensorLifetimes &lifetimes, Gap gap) {
  Operation *before = lifetimes.operations[gap.to];
  OpBuilder builder(before);
  IRMapping map;
  SmallVector<Operation *> made;
  for (Operation *maker : lifetimes.buffers[gap.buffer].makers) {
    if (!maker->isBeforeInBlock(before))
      break;
    // An empty tensor begins with what is written into it.
    for (Value operand : maker->getOperands())
      if (auto empty = operand.getDefiningOp<tensor::EmptyOp>();
          empty && !map.contains(operand))
        builder.clone(*empty, map);
    made.push_back(builder.clone(*maker, map));
    ++repeated;
  }
  for (Operation *maker : lifetimes.buffers[gap.buffer].makers)
    for (Value value : maker->getResults())
      if (Value again = map.lookupOrNull(value))
        value.replaceUsesWithIf(again, [&](OpOperand &use) {
          Operation *user =
              before->getBlock()->findAncestorOpInBlock(*use.getOwner());
          return user && !user->isBeforeInBlock(before);
        });
  for (Operation *op : llvm::reverse(made))
    if (op->use_empty()) {
      op->erase();
      --repeated;
    }
  // Nobody may have read the first ones before.
  for (Operation *maker : llvm::reverse(lifetimes.buffers[gap.buffer].makers))
    if (maker->use_empty())
      maker->erase();
}

/// Repeats what lowers the highest peak most.
bool RecomputeTensors::lowerPeak(Block &block) {
  TensorLifetimes lifetimes(block);
  auto highest = llvm::max_element(lifetimes.inUse);
  if (highest == lifetimes.inUse.end())
    return false;
  unsigned peak = highest - lifetimes.inUse.begin();
  std::optional<Gap> best;
  int64_t most = 0;
  for (unsigned i = 0; i < lifetimes.buffers.size(); ++i) {
    auto gap = gapAt(lifetimes, i, peak);
    int64_t gained = gap ? gain(lifetimes, *gap, peak) : 0;
    if (gained > most) {
      most = gained;
      best = gap;
    }
  }
  if (!best)
    return false;
  repeat(lifetimes, *best);
  return true;
}

void RecomputeTensors::runOnOperation() {
  if (kind == Recompute::None || getOperation().isExternal() ||
      !llvm::hasSingleElement(getOperation().getBody()))
    return;
  Block &block = getOperation().getBody().front();
  separateEmptyTensors(block);
  // Each step makes less be in use at the peak and nowhere more than there; as
  // many steps as there are operations are enough for any model.
  for (size_t i = 0, most = block.getOperations().size(); i < most; ++i)
    if (!lowerPeak(block))
      break;
  for (auto empty : llvm::make_early_inc_range(block.getOps<tensor::EmptyOp>()))
    if (empty->use_empty())
      empty->erase();
}
