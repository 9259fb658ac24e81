// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a linalg.generic becomes a loop nest on vectors: tries the tiles that
// fit in the registers and takes the one of least cost.
#include "KernelPlan.h"
#include "ElementBytes.h"
#include "KernelCost.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::prec;

/// Bits of the widest element that operands have; what is wider inside the
/// body takes several registers.
static unsigned elementBits(linalg::GenericOp op) {
  int64_t bytes = 1;
  for (Value operand : op->getOperands())
    bytes =
        std::max(bytes, elementBytes(getElementTypeOrSelf(operand.getType())));
  return unsigned(8 * bytes);
}

static double countOps(linalg::GenericOp op) {
  double count = 0;
  for (Operation &inner : op.getBody()->without_terminator())
    count += isa<arith::ConstantOp, linalg::IndexOp>(inner) ? 0 : 1;
  return count;
}

int64_t mlir::prec::countScalarOps(linalg::GenericOp op) {
  constexpr int64_t assumedExtent = 64, limit = int64_t(1) << 40;
  int64_t count = std::max<int64_t>(1, static_cast<int64_t>(countOps(op)));
  for (int64_t extent : op.getStaticLoopRanges()) {
    count *=
        ShapedType::isDynamic(extent) ? assumedExtent : std::min(extent, limit);
    count = std::min(count, limit);
  }
  return count;
}

/// A panel is made where the outer dimensions that it depends on are known:
/// with panels only one of these dimensions is cut.
void KernelPlan::shareOut(ArrayRef<int64_t> extents, int64_t threads) {
  if (!revisitsOutputs() || threads < 2 || outer.empty() ||
      llvm::any_of(
          outer,
          [&](unsigned dim) { return ShapedType::isDynamic(extents[dim]); }))
    return;
  parts = threads;
  shared = outer;
  if (hasPanels())
    shared = {*llvm::max_element(outer, [&](unsigned a, unsigned b) {
      return extents[a] < extents[b];
    })};
}

namespace {
/// The search for one operation.
class Planner {
public:
  Planner(linalg::GenericOp op, const CodegenOptions &options)
      : op(op), options(options), cost(op), extents(op.getStaticLoopRanges()),
        numInputs(op.getNumDpsInputs()) {
    op.getParallelDims(parallel);
    op.getReductionDims(reductions);
    bits = elementBits(op);
    lanes = std::max<int64_t>(1, options.vectorBits / bits);
  }

  KernelPlan run() {
    KernelPlan scalar;
    scalar.outer = parallel;
    scalar.reductions = reductions;
    scalar.accesses.assign(op->getNumOperands(), Access::Uniform);
    best = finished(scalar);
    if (lanes >= 2)
      for (unsigned dim : parallel)
        if (isLong(dim))
          tryVectorDim(dim);
    return best;
  }

private:
  bool isDynamic(unsigned dim) const {
    return ShapedType::isDynamic(extents[dim]);
  }
  bool isLong(unsigned dim) const { return isDynamic(dim) || extents[dim] > 1; }

  void tryVectorDim(unsigned dim) {
    tryTiles(dim, -1);
    for (unsigned row : parallel)
      if (row != dim && isLong(row))
        tryTiles(dim, static_cast<int>(row));
  }

  void tryTiles(unsigned dim, int row) {
    constexpr double mostOpsAtOnce = 2; // a product and a sum
    KernelPlan plan;
    plan.vectorDim = static_cast<int>(dim);
    plan.rowDim = row;
    plan.lanes = lanes;
    plan.reductions = reductions;
    plan.accesses = cost.accesses(dim, row);
    tryTiles(plan);
    if (row >= 0 && !reductions.empty())
      tryTilesOfMore(plan);
    plan.accesses = cost.accessesAhead(dim, row);
    plan.storesAhead = cost.bodyOps() > mostOpsAtOnce;
    if (plan.looksAhead() && llvm::isPowerOf2_64(lanes))
      tryTiles(plan);
  }

  /// With the last of the outer dimensions, then the last two, and so on: what
  /// the rows of one of them are too few for, as those of a small filter.
  void tryTilesOfMore(KernelPlan plan) {
    constexpr double mostPoints = 27; // of three by three by three
    if (cost.extent(unsigned(plan.vectorDim)) < lanes)
      return; // loads for little
    if (llvm::any_of(plan.accesses, [](Access access) {
          return access != Access::Uniform && access != Access::Contiguous;
        }))
      return;
    for (unsigned dim : llvm::reverse(parallel)) {
      if (int(dim) == plan.vectorDim || int(dim) == plan.rowDim ||
          (!isDynamic(dim) && extents[dim] == 1))
        continue;
      plan.inTile.push_back(dim);
      if (isDynamic(dim) || cost.points(plan.inTile) > mostPoints ||
          !cost.sharesVectors(unsigned(plan.vectorDim), dim) ||
          !leavesEnough(plan))
        return;
      tryTiles(plan);
    }
  }

  /// Threads share the points of the outer dimensions.
  bool leavesEnough(const KernelPlan &plan) const {
    double points = 1;
    for (unsigned dim : parallel)
      if (int(dim) != plan.vectorDim && int(dim) != plan.rowDim &&
          !llvm::is_contained(plan.inTile, dim))
        points *= double(cost.extent(dim));
    return options.threads < 2 || points >= options.threads;
  }

  /// Whether many vectors gain something, and leave registers to the body and
  /// blocks to all threads.
  bool mayBeRun(const KernelPlan &plan) const {
    int64_t blocks = extents[plan.vectorDim] / (lanes * plan.vectors);
    return plan.vectors <= options.vectorRegisters / 2 &&
           blocks >= options.threads && cost.readsRuns(plan);
  }

  void tryTiles(KernelPlan plan) {
    constexpr int64_t mostLines = 16;  // that the processor foresees
    constexpr int64_t mostVectors = 4; // but of long runs
    auto dim = unsigned(plan.vectorDim);
    int row = plan.rowDim;
    for (unsigned other : parallel)
      if (other != dim && int(other) != row &&
          !llvm::is_contained(plan.inTile, other))
        plan.outer.push_back(other);
    bool alone = llvm::is_contained(plan.accesses, Access::Strided) ||
                 llvm::is_contained(plan.accesses, Access::Interleaved) ||
                 llvm::is_contained(plan.accesses, Access::Transposed);
    plan.canMask = options.vectorBits >= 256 && (!isDynamic(dim) || !alone);
    if (reductions.empty())
      return tryElementwise(plan);
    int64_t most = isDynamic(dim) ? 2 : llvm::divideCeil(extents[dim], lanes);
    if (plan.looksAhead()) // each lane reads a line of memory of its own
      most = std::min(most, std::max<int64_t>(mostLines / lanes, 1));
    bool shares = cost.sharesReads(dim, row);
    for (int64_t vectors : {1, 2, 4, 8, 16}) {
      if (vectors > most)
        break;
      for (int64_t rows : rowCounts(plan)) {
        auto all = rows * int64_t(cost.points(plan.inTile));
        if (all > 1 && !fits(all, vectors, shares))
          break;
        plan.vectors = vectors;
        plan.rows = rows;
        if (vectors > mostVectors && !mayBeRun(plan))
          continue;
        if (isSmallWindow(plan) && windowSpills(plan))
          continue;
        consider(plan);
      }
    }
  }

  /// Without a reduction rows only serve to change the direction of a square.
  void tryElementwise(KernelPlan plan) {
    if (plan.rowDim >= 0) {
      if (llvm::is_contained(plan.accesses, Access::Transposed))
        plan.rows = lanes;
      else if (plan.accesses.back() == Access::Interleaved)
        plan.rows = 2;
      else
        return;
      plan.rows = std::min(plan.rows, rowLimit(plan));
    }
    consider(plan);
  }

  /// Numbers of rows worth trying, ascending.
  SmallVector<int64_t> rowCounts(const KernelPlan &plan) const {
    SmallVector<int64_t> counts{1};
    if (plan.rowDim < 0)
      return counts;
    int64_t limit = rowLimit(plan);
    for (int64_t rows : {2, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28})
      if (rows < limit)
        counts.push_back(rows);
    if (limit > 1)
      counts.push_back(limit);
    return counts;
  }

  int64_t rowLimit(const KernelPlan &plan) const {
    int64_t limit = isDynamic(plan.rowDim) ? lanes : extents[plan.rowDim];
    if (llvm::is_contained(plan.accesses, Access::Transposed))
      limit = std::min(limit, lanes);
    return limit;
  }

  /// Accumulators leave registers for what the body needs, and the unrolled
  /// body stays small enough to compile quickly. Where they share nothing they
  /// only have to keep the processor busy.
  bool fits(int64_t rows, int64_t vectors, bool shares) const {
    constexpr double maxBody = 400;
    constexpr int64_t busy = 8;
    if (!shares && rows * vectors > busy)
      return false;
    double ops = std::max(cost.bodyOps(), 1.0);
    int64_t all = options.vectorRegisters;
    int64_t budget = ops > 2 ? all / 2 : all - 2 - vectors;
    return rows * vectors <= budget && double(rows * vectors) * ops <= maxBody;
  }

  void consider(const KernelPlan &plan) {
    KernelPlan candidate = finished(plan);
    if (candidate.cost < best.cost)
      best = candidate;
  }

  KernelPlan finished(KernelPlan plan) const {
    constexpr double longReduction = 128;
    plan.hoisted = hoistedOf(plan);
    plan.reductions.erase(plan.reductions.begin(),
                          plan.reductions.begin() + plan.hoisted.size());
    plan.unroll = !plan.looksAhead() && plan.inTile.empty() && isUnrolled(plan);
    plan.storesAcross = cost.points(plan.reductions) >= longReduction;
    KernelPlan whole = withPanels(plan);
    plan.piece = plan.looksAhead() ? 0 : pieceOf(plan);
    // Threads would meet after each piece.
    if (plan.piece && (options.threads < 2 || !cost.readsRuns(plan))) {
      KernelPlan cut = withPanels(plan);
      if (cut.cost < whole.cost)
        whole = cut;
    }
    whole.rowBlock = cost.rowBlock(whole);
    whole.vectorGroup = cost.vectorGroup(whole);
    return whole;
  }

  /// Panels for the operands that are cheaper with one.
  KernelPlan withPanels(KernelPlan plan) const {
    plan.cost = cost.total(plan);
    if (plan.isScalar() || !plan.inTile.empty())
      return plan;
    for (unsigned input = 0; input < numInputs; ++input) {
      if (!cost.isDistant(input, plan))
        continue;
      KernelPlan copied = plan;
      copied.panels.resize(op->getNumOperands());
      copied.panels[input] = true;
      copied.cost = cost.total(copied);
      if (copied.cost < plan.cost)
        plan = copied;
    }
    return plan;
  }

  /// A long reduction may run in pieces of so many points that what a block
  /// reads stays in the near cache.
  int64_t pieceOf(const KernelPlan &plan) const {
    constexpr double nearPoints = 256;
    if (plan.isScalar() || plan.unroll || plan.reductions.empty() ||
        isDynamic(plan.reductions.front()))
      return 0;
    double inner = cost.points(ArrayRef(plan.reductions).drop_front());
    int64_t size = extents[plan.reductions.front()];
    auto most = int64_t(nearPoints / inner);
    if (most == 0 || size < 2 * most)
      return 0;
    return llvm::divideCeil(size, llvm::divideCeil(size, most));
  }

  /// Few enough points for being written out.
  bool isSmallWindow(const KernelPlan &plan) const {
    constexpr double maxPoints = 9;
    return !plan.reductions.empty() &&
           llvm::none_of(plan.reductions,
                         [&](unsigned d) { return isDynamic(d); }) &&
           cost.points(plan.reductions) <= maxPoints;
  }

  /// Rows that meet in a window read each line once if all that the tile reads
  /// stays in registers; many rows at once are also more than the processor
  /// foresees.
  bool windowSpills(const KernelPlan &plan) const {
    return plan.rows > 1 &&
           cost.windowValues(plan) > double(options.vectorRegisters);
  }

  bool isUnrolled(const KernelPlan &plan) const {
    constexpr double maxOps = 128;
    return isSmallWindow(plan) && !windowSpills(plan) &&
           cost.points(plan.reductions) * cost.bodyOps() *
                   double(plan.rows * plan.vectors) <=
               maxOps;
  }

  /// Outer reductions are hoisted while one tile reads more than the cache
  /// nearest to the core holds and enough points are left inside.
  SmallVector<unsigned> hoistedOf(const KernelPlan &plan) const {
    constexpr double nearBytes = 256 << 10, fewPoints = 32;
    SmallVector<unsigned> hoisted;
    ArrayRef<unsigned> inside = plan.reductions;
    while (inside.size() > 1 && hasTiles(plan) &&
           bytesOf(plan, inside) > nearBytes &&
           cost.points(inside.drop_front()) >= fewPoints) {
      hoisted.push_back(inside.front());
      inside = inside.drop_front();
    }
    return hoisted;
  }

  /// Are there several tiles, which read what the others do? Tiles that look
  /// ahead are never cut, and what threads share are outer dimensions.
  bool hasTiles(const KernelPlan &plan) const {
    auto isCovered = [&](int dim, int64_t width) {
      return dim < 0 || cost.extent(unsigned(dim)) <= width;
    };
    return !plan.outer.empty() ||
           (!plan.looksAhead() && options.threads < 2 &&
            (!isCovered(plan.vectorDim, plan.lanes * plan.vectors) ||
             !isCovered(plan.rowDim, plan.rows)));
  }

  /// What one tile reads while the dimensions `inside` run.
  double bytesOf(const KernelPlan &plan, ArrayRef<unsigned> inside) const {
    double bytes = 0;
    for (unsigned input = 0; input < numInputs; ++input) {
      double elements = bits / 8.0;
      for (unsigned dim : inside)
        if (cost.dependsOn(input, int(dim)))
          elements *= double(cost.extent(dim));
      if (cost.dependsOn(input, plan.vectorDim))
        elements *= double(plan.lanes * plan.vectors);
      bytes += elements;
    }
    return bytes;
  }

  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  const CodegenOptions &options;
  KernelCost cost;
  SmallVector<int64_t> extents;
  unsigned numInputs;
  SmallVector<unsigned> parallel, reductions;
  unsigned bits;
  int64_t lanes;
  KernelPlan best;
};
} // namespace

std::optional<KernelPlan>
mlir::prec::planKernel(linalg::GenericOp op, const CodegenOptions &options) {
  if (!canBeKernel(op))
    return std::nullopt;
  return Planner(op, options).run();
}
