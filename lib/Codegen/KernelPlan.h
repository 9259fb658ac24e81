// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a linalg.generic on buffers becomes a loop nest on vectors: which
// dimension is the vector, how many rows and vectors live in registers.
//
//   for outer parallel dimensions
//     for blocks of `vectors` * `lanes` points of the vector dimension
//       for blocks of `rows` points of the row dimension
//         accumulators[rows][vectors] = output
//         for reduction dimensions, ascending       <- one element at a time
//           accumulators = body(inputs, accumulators)
//         output = accumulators
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
  Uniform,    ///< one element for all lanes
  Contiguous, ///< neighbours in memory
  Strided,    ///< an element at a time
};

struct KernelPlan {
  /// -1: no vectors, one point at a time.
  int vectorDim = -1;
  /// -1: no row dimension.
  int rowDim = -1;
  int64_t lanes = 1, vectors = 1, rows = 1;
  /// The other parallel dimensions and the reduction dimensions, ascending.
  SmallVector<unsigned> outer, reductions;
  /// The outermost loop runs on several threads.
  bool useThreads = false;
  /// Lanes can be masked when an extent is no multiple of them.
  bool canMask = false;
  /// One for each operand.
  SmallVector<Access> accesses;

  bool isScalar() const { return vectorDim < 0; }
};

/// How many scalar operations it computes; a dynamic extent counts as 64.
int64_t countScalarOps(linalg::GenericOp op);

/// The plan, or nothing if the operation is not of this kind: a body with
/// operations that are not elementwise, an output that is not a permutation of
/// the parallel dimensions.
std::optional<KernelPlan> planKernel(linalg::GenericOp op,
                                     const CodegenOptions &options);

} // namespace mlir::prec

#endif // PREC_CODEGEN_KERNELPLAN_H
