// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs: how operands lie along each dimension, and a
// model of the vector unit.
//
// The model, in cycles: two vector operations and two loads start in each
// cycle, independently of each other; an accumulator that depends on itself
// waits for its chain of operations. A few percent for what the model leaves
// out make the smaller of two equal tiles win.
//
// Code is not free, either: what a kernel gains by an instruction more must pay
// for its compilation, so small kernels get small tiles.
#ifndef PREC_CODEGEN_KERNELCOST_H
#define PREC_CODEGEN_KERNELCOST_H

#include "KernelPlan.h"

namespace mlir::prec {

class KernelCost {
public:
  explicit KernelCost(linalg::GenericOp op);

  /// Cycles by which an instruction must make each call faster.
  double codeCost() const { return instructionCost; }

  /// By how many elements `operand` moves when `dim` grows by one; nothing if
  /// that is not constant.
  std::optional<int64_t> step(unsigned operand, unsigned dim) const {
    return steps[operand][dim];
  }
  /// Whether the element of `operand` depends on `dim`; on -1 nothing does.
  bool dependsOn(unsigned operand, int dim) const {
    return has(operandDims[operand], dim);
  }
  /// The accesses along `vectorDim` when `rowDim` (or -1) gives the rows.
  SmallVector<Access> accesses(unsigned vectorDim, int rowDim) const;
  /// The same with what lies along the last reduction dimension read ahead.
  SmallVector<Access> accessesAhead(unsigned vectorDim, int rowDim) const;

  /// Cycles for everything, with the plan's tile, and for its instructions.
  double total(const KernelPlan &plan) const;

  /// Whether a tile of these dimensions reads something once for several of its
  /// accumulators.
  bool sharesReads(unsigned vectorDim, int rowDim) const;
  /// Whether the points of `dim` read the same vectors, or overlapping windows.
  bool sharesVectors(unsigned vectorDim, unsigned dim) const;

  /// Whether tiles find what they read of the operand outside of the near
  /// cache, and would find it there in a panel.
  bool isDistant(unsigned number, const KernelPlan &plan) const {
    return canBePanel(number, plan) &&
           (rowsCollide(number, plan) ||
            distantLoads(number, plan, {plan.rows, plan.vectors, plan.lanes}) >
                0);
  }

  /// Whether tiles read vectors of an operand that no cache holds, each once, a
  /// run of neighbours in each row of it.
  bool readsRuns(const KernelPlan &plan) const {
    return llvm::any_of(
        inputs, [&](unsigned number) { return loadsOfRun(number, plan) > 0; });
  }

  /// Registers for a tile whose rows meet in a window that is written out, 0
  /// for another one.
  double windowValues(const KernelPlan &plan) const;

  /// How many rows' inputs fit into the far cache, if not all do.
  int64_t rowBlock(const KernelPlan &plan) const;
  /// The plan's `vectorGroup`.
  int64_t vectorGroup(const KernelPlan &plan) const;

  double bodyOps() const { return numOps; }
  /// The extent, 64 for a dynamic one.
  int64_t extent(unsigned dim) const;
  /// Points of the reduction dimensions `dims`.
  double points(ArrayRef<unsigned> dims) const;

private:
  struct Tile {
    int64_t rows, vectors, lanes;
  };
  /// Cycles of a call, and instructions of the code before LLVM sees it.
  struct Effort {
    double cycles = 0, instructions = 0;
  };
  /// One operation of the body: the dimensions that it depends on, as bits, and
  /// those that depend on it.
  struct BodyOp {
    uint64_t dims;
    bool isFree;
    uint64_t userDims = 0;
  };
  void readBody();
  static double squareCode(const Tile &tile);
  void measureSteps();
  std::optional<int64_t> stepOf(OpOperand &operand, unsigned dim);
  /// Vectors are read and written along the last dimension of memory.
  static bool takesVectors(Type type);
  static bool has(uint64_t dims, int dim) {
    return dim >= 0 && (dims >> dim & 1) != 0;
  }
  /// Copies of a value in a tile.
  double copies(uint64_t dims, const KernelPlan &plan, const Tile &tile) const {
    double count = double(has(dims, plan.rowDim) ? tile.rows : 1) *
                   double(has(dims, plan.vectorDim) ? tile.vectors : 1);
    for (unsigned dim : plan.inTile)
      count *= has(dims, int(dim)) ? double(extent(dim)) : 1;
    return count;
  }
  static Access accessIn(const KernelPlan &plan, const Tile &tile,
                         unsigned number);
  // Where operands come from (KernelCache.cpp).
  double missedLines(unsigned number, const KernelPlan &plan) const;
  double pageLoads(unsigned number, const KernelPlan &plan) const;
  bool hasNeighbours(unsigned number, const KernelPlan &plan) const;
  double uses(unsigned number, const KernelPlan &plan) const;
  /// Rows of a tile lie so that the near cache cannot hold a line of each.
  bool rowsCollide(unsigned number, const KernelPlan &plan) const;
  /// A panel can have such rows side by side.
  bool canTurn(unsigned number, const KernelPlan &plan) const;
  bool canBePanel(unsigned number, const KernelPlan &plan) const;
  double distantLoads(unsigned number, const KernelPlan &plan,
                      const Tile &tile) const;
  double loadsOfRun(unsigned number, const KernelPlan &plan) const;
  double aheadLoads(unsigned number, const KernelPlan &plan) const;
  double repeatedLoads(unsigned number, const KernelPlan &plan,
                       const Tile &tile) const;
  double windowShare(unsigned number, const KernelPlan &plan,
                     int64_t rows) const;
  double loadsOfStep(unsigned number, const KernelPlan &plan,
                     double width) const;
  double panelCost(unsigned number, const KernelPlan &plan) const;
  double depth(unsigned number, const KernelPlan &plan) const;
  double pieces(const KernelPlan &plan) const;
  double revisitCost() const;
  Effort stepEffort(const KernelPlan &plan, const Tile &tile) const;
  Effort outputEffort(const KernelPlan &plan, const Tile &tile) const;
  double pointsInCode(const KernelPlan &plan, const Tile &tile) const;
  Effort tileEffort(const KernelPlan &plan, const Tile &tile) const;

  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  double instructionCost;
  SmallVector<int64_t> extents;
  unsigned firstOutput, numReductions;
  // Of each operand; asked for thousands of plans.
  SmallVector<SmallVector<std::optional<int64_t>>> steps;
  SmallVector<bool> hasVectors;      ///< `takesVectors`
  SmallVector<int64_t> elementSizes; ///< in bytes
  SmallVector<bool> isSimple;        ///< each dimension once, by itself
  SmallVector<uint64_t> operandDims; ///< those that its element depends on
  SmallVector<bool> isRead;          ///< by the body
  SmallVector<unsigned> inputs;      ///< those in memory that are read
  SmallVector<BodyOp> body;
  double numOps = 0;
  double chain = 0; ///< latency of the accumulator's operations
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELCOST_H
