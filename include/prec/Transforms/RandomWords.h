// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Keys and random words for the stochastic roundings of one function.
#ifndef PREC_TRANSFORMS_RANDOMWORDS_H
#define PREC_TRANSFORMS_RANDOMWORDS_H

#include "prec/Analysis/Contraction.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Policy/Policy.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::prec {

/// Builds the `random` operands of stochastic roundings (docs/numerics.md).
///
/// A tensor's rounding gets a key, a scalar's or vector's a word. The position
/// is, in the body of a linalg operation, the row-major place in its iteration
/// space, and in a contraction those in its two operands; elsewhere the place
/// among the iterations of the enclosing loops. Loops whose iterations have no
/// row-major place (a linalg operation or tensor inside a loop, an inner loop
/// whose trip count varies) join their trip counts to the key instead. With
/// RandomKind::Values the position is the value's bits, wherever it stands.
class RandomWords {
public:
  RandomWords(func::FuncOp function, RandomKind kind)
      : function(function), kind(kind) {}

  /// The key of a site in this call, made once at the function's entry.
  Value key(SiteAttr site);

  /// The key for rounding a tensor that `op` makes: joined with the trip counts
  /// of the loops around it.
  FailureOr<Value> tensorKey(OpBuilder &builder, Operation *op, SiteAttr site);

  /// The word for rounding the scalar or vector `value` that `op` makes.
  /// `accumulator` is the site of the accumulator if `op` is the product or
  /// the sum of a contraction (they share its words), else null. `wholeWord`:
  /// more than 16 random bits are needed.
  FailureOr<Value> word(OpBuilder &builder, Operation *op, Value value,
                        SiteAttr site, SiteAttr accumulator, bool wholeWord);

  /// Do words follow from what is rounded, rather than from its place?
  bool isByValue() const { return kind == RandomKind::Values; }

private:
  struct Band;
  FailureOr<Band> loopBand(OpBuilder &builder, Operation *op, Value key,
                           bool joinAll);
  FailureOr<Value> contractionWord(OpBuilder &builder, linalg::LinalgOp parent,
                                   const Contraction &contraction,
                                   Operation *op, SiteAttr accumulator,
                                   bool wholeWord);
  SmallVector<Value> bodyIndices(linalg::LinalgOp parent);
  SmallVector<OpFoldResult> bodyExtents(linalg::LinalgOp parent);

  func::FuncOp function;
  RandomKind kind;
  Value seed, step;
  llvm::DenseMap<uint64_t, Value> keys;
  llvm::DenseMap<std::pair<Value, uint64_t>, Value> variants;
  llvm::DenseMap<std::pair<Operation *, Value>, Value> contractionWords;
  llvm::DenseMap<Operation *, SmallVector<Value>> indices;
  llvm::DenseMap<Operation *, SmallVector<OpFoldResult>> extents;
};

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_RANDOMWORDS_H
