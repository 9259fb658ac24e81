// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel's tile costs: how operands lie along each dimension, and a
// model of the vector unit.
//
// The model, in cycles: two vector operations and two loads start in each
// cycle, independently of each other; an accumulator that depends on itself
// waits for its chain of operations. A few percent for what the model leaves
// out make the smaller of two equal tiles win.
#ifndef PREC_CODEGEN_KERNELCOST_H
#define PREC_CODEGEN_KERNELCOST_H

#include "KernelPlan.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

class KernelCost {
public:
  explicit KernelCost(linalg::GenericOp op);

  /// By how many elements `operand` moves when `dim` grows by one; nothing if
  /// that is not constant.
  std::optional<int64_t> step(unsigned operand, unsigned dim) const {
    return steps[operand][dim];
  }
  /// The accesses along `vectorDim` when `rowDim` (or -1) gives the rows.
  SmallVector<Access> accesses(unsigned vectorDim, int rowDim) const;

  /// Cycles for everything, with the plan's tile.
  double total(const KernelPlan &plan) const;

  double bodyOps() const { return numOps; }
  /// The extent, 64 for a dynamic one.
  int64_t extent(unsigned dim) const;
  /// Points of the reduction dimensions `dims`.
  double points(ArrayRef<unsigned> dims) const;

private:
  struct Tile {
    int64_t rows, vectors, lanes;
  };
  struct Dependence {
    bool row = false, vector = false;
  };
  void measureSteps();
  std::optional<int64_t> stepOf(OpOperand &operand, unsigned dim);
  /// Vectors are read and written along the last dimension of memory.
  static bool takesVectors(OpOperand &operand);
  /// Copies of a value in a tile.
  static double copies(Dependence d, const Tile &tile) {
    return double(d.row ? tile.rows : 1) * double(d.vector ? tile.vectors : 1);
  }
  double missedLines(unsigned number, const KernelPlan &plan,
                     const Tile &tile) const;
  double stepCycles(const KernelPlan &plan, const Tile &tile) const;
  double outputCycles(const KernelPlan &plan, const Tile &tile) const;
  double tileCycles(const KernelPlan &plan, const Tile &tile) const;
  Dependence dependenceOf(Value value, const KernelPlan &plan,
                          llvm::DenseMap<Value, Dependence> &known) const;

  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  SmallVector<int64_t> extents;
  SmallVector<SmallVector<std::optional<int64_t>>> steps;
  double numOps = 0;
  double chain = 0; ///< latency of the accumulator's operations
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELCOST_H
