// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A large contraction as loops over tiles of its result.
#ifndef PREC_LIB_CODEGEN_SPLITTILES_H
#define PREC_LIB_CODEGEN_SPLITTILES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::prec {

/// What is left of a contraction inside its loops.
struct Tile {
  linalg::GenericOp op;
  SmallVector<LoopLikeOpInterface> loops; ///< outermost first
};

/// Replaces `op`, which sums products of two inputs from a constant, by loops
/// over tiles of at most `points` points, if there are several. They have one
/// static shape; indices count as they did. Nothing is done where no loop can
/// be cut.
std::optional<Tile> splitIntoTiles(RewriterBase &rewriter, linalg::GenericOp op,
                                   int64_t points);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_SPLITTILES_H
