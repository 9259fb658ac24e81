// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a linalg.generic becomes a loop nest on vectors: which dimension is the
// vector, how many rows and vectors live in registers.
//
//   for hoisted reduction dimensions              <- outputs stay in memory
//     for pieces of the next reduction dimension  <- here, too
//       panels = operands, side by side           <- before the first of these
//       for outer parallel dimensions                that they depend on
//         for `rowBlock` points of the row dimension
//           for `vectorGroup` points of the vector dimension, whose panels
//             are made here
//           for blocks of `vectors` * `lanes` points of the vector dimension
//             for blocks of `rows` points of the row dimension
//               accumulators[points of `inTile`][rows][vectors] = output
//               for other reduction dimensions, ascending   <- one at a time
//                 accumulators = body(inputs, accumulators)
//               output = accumulators
//
// The result does not depend on the plan: each output element is computed by
// the same operations in the same order.
#ifndef PREC_CODEGEN_KERNELPLAN_H
#define PREC_CODEGEN_KERNELPLAN_H

#include "prec/Codegen/Pipelines.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// How an operand is read or written along the vector dimension.
enum class Access {
  Uniform,     ///< one element for all lanes
  Contiguous,  ///< neighbours in memory
  Interleaved, ///< every second element; a written row pair fills the gaps
  Transposed,  ///< neighbours along the row dimension: a square of shuffles
  Ahead,       ///< neighbours along the last reduction: squares for its next
               ///< `lanes` points
  Strided,     ///< an element at a time
};

struct KernelPlan {
  /// -1: no vectors, one point at a time.
  int vectorDim = -1;
  /// -1: no row dimension.
  int rowDim = -1;
  int64_t lanes = 1, vectors = 1, rows = 1;
  /// The other parallel dimensions and the reduction dimensions, ascending;
  /// the first reductions may be hoisted out of the parallel loops, so that
  /// what one of their points reads stays in the cache.
  SmallVector<unsigned> outer, reductions, hoisted;
  /// Further parallel dimensions of which a tile has all points.
  SmallVector<unsigned> inTile;
  /// So many points of the first of `reductions` at a time; 0: all.
  int64_t piece = 0;
  /// So many rows at a time, whose inputs stay in the cache while the vector
  /// dimension runs; 0: all.
  int64_t rowBlock = 0;
  /// So many points of the vector dimension at a time, for which alone panels
  /// along it are made; 0: for all at once.
  int64_t vectorGroup = 0;
  /// For each operand: is it copied into a panel, in the order of its use?
  SmallVector<bool> panels;
  /// The outermost parallel loop runs on several threads.
  bool useThreads = false;
  /// Outer dimensions whose points threads share out in `parts` parts, around
  /// all loops that go over the outputs again: all of them or one.
  SmallVector<unsigned> shared;
  int64_t parts = 1;
  /// Lanes can be masked when an extent is no multiple of them.
  bool canMask = false;
  /// The reduction loops are few points of a small body: written out.
  bool unroll = false;
  /// One for each operand.
  SmallVector<Access> accesses;
  /// Squares of what lies ahead wait in memory, so that their points are a
  /// loop: the body is long.
  bool storesAhead = false;
  /// Squares of a result wait in memory, so that their transposition is a loop:
  /// the reduction is long.
  bool storesAcross = false;
  /// Estimated cycles for the whole operation.
  double cost = 0;

  bool isScalar() const { return vectorDim < 0; }
  /// Chooses `shared` for so many threads, all extents being known.
  void shareOut(ArrayRef<int64_t> extents, int64_t threads);
  /// Outputs are read and written more than once.
  bool revisitsOutputs() const { return piece > 0 || !hoisted.empty(); }
  /// The last reduction dimension runs `lanes` points at a time.
  bool looksAhead() const {
    return llvm::is_contained(accesses, Access::Ahead);
  }
  bool hasPanels() const { return llvm::is_contained(panels, true); }
  /// Does `dim` run in pieces, and how many of its points inside of the
  /// parallel loops?
  bool isCut(unsigned dim) const {
    return piece > 0 && dim == reductions.front();
  }
  int64_t pointsInside(unsigned dim, int64_t extent) const {
    return isCut(dim) ? std::min(piece, extent) : extent;
  }
  /// Points of the vector or row dimension in a block.
  int64_t widthAlong(unsigned dim) const {
    return int(dim) == vectorDim ? lanes * vectors : rows;
  }
  bool isPanel(unsigned operand) const {
    return !panels.empty() && panels[operand];
  }
};

/// How many scalar operations it computes; a dynamic extent counts as 64.
int64_t countScalarOps(linalg::GenericOp op);

/// A body of elementwise operations, outputs that are permutations of the
/// parallel dimensions.
bool canBeKernel(linalg::GenericOp op);

/// The plan, or nothing if the operation cannot be a kernel. On tensors it is
/// what the plan will be when they are contiguous buffers.
std::optional<KernelPlan> planKernel(linalg::GenericOp op,
                                     const CodegenOptions &options);

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELPLAN_H
