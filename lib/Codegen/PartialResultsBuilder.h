// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The builder behind PartialResults.h: state and steps.
#ifndef PREC_CODEGEN_PARTIALRESULTSBUILDER_H
#define PREC_CODEGEN_PARTIALRESULTSBUILDER_H

#include "PartialResults.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::prec {

/// The reduction while it is taken apart. Loops are numbered as `op`'s are
/// until normalise(); then `inputs` are read by `maps` over (parallel dims...,
/// outer reduction dims..., k). With outer ones k has a multiple of 16
/// elements, so that a lane is the same for all of them.
class PartialResults {
  using Body = function_ref<Value(OpBuilder &, Location, ValueRange)>;
  using Iterator = utils::IteratorType;

public:
  PartialResults(RewriterBase &rewriter, linalg::GenericOp op,
                 const std::optional<Contraction> &dot)
      : b(rewriter), loc(op.getLoc()), op(op), dot(dot) {
    op.getParallelDims(parallel);
    op.getReductionDims(reduced);
    combiner = dot ? dot->add : matchCombiner(op, 0);
    init = op.getDpsInits()[0];
    for (Range range :
         cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc))
      sizes.push_back(range.size);
  }

  Value build();

private:
  // --- one reduction dimension

  unsigned rank() const { return parallel.size(); }
  unsigned kDim() const { return rank() + numOuter; }
  AffineExpr dim(unsigned position) { return b.getAffineDimExpr(position); }

  void normalise();

  OpFoldResult product();

  /// What is read: a dot's operands, or all inputs.
  SmallVector<unsigned> readInputs();

  /// Can the inputs be read as they are?
  bool isDirect();

  void takeInputs();

  /// Loops in the order (parallel..., reduced...).
  AffineMap loopOrder();

  SmallVector<OpFoldResult> sizesInOrder();

  Value empty(ArrayRef<OpFoldResult> shape);

  /// An input as a tensor of all loops in order.
  Value inOrder(Value input, AffineMap map);

  /// g(inputs) as a tensor of all loops in order.
  Value termsInOrder();

  /// Adds a tensor of all loops in order, its reduced dimensions as one.
  void addFlat(Value tensor);

  // --- the body's parts

  /// g, as a value of op's body.
  Value term();

  Value cloneTerm(OpBuilder &builder, ValueRange args);

  /// The term of one element, read by `args`.
  Value termOf(OpBuilder &builder, ValueRange args);

  Value combine(OpBuilder &builder, Value a, Value c);

  /// acc joined with the element that `args` read.
  Value accumulate(OpBuilder &builder, Value acc, ValueRange args);

  TypedAttr neutral();

  // --- the operations

  Value generic(ValueRange ins, ArrayRef<AffineMap> inMaps, Value out,
                AffineMap outMap, ArrayRef<Iterator> iterators, Body body);

  SmallVector<OpFoldResult> laneShape();

  Value clearedLanes();

  /// The part [offset, offset + size) of k, for each input that has k.
  Value slice(Value tensor, AffineMap map, OpFoldResult offset,
              OpFoldResult size);

  OpFoldResult ofLength(AffineExpr expr);

  /// Loops (parallel..., outer..., q reduced, l): lanes[l] takes elements 16 q
  /// + l.
  Value addChunks(Value lanes);

  /// Dimension `position` of 16 q elements as (q, 16).
  Value expand(Value tensor, unsigned position, OpFoldResult chunks);

  Value addRemainder(Value lanes);

  // --- the tree

  /// The initial value's map over the parallel dimensions.
  AffineMap initMap();

  Value tree(OpBuilder &builder, SmallVector<Value> values, Value initial);

  /// Reads `ins` once for each lane, k being the lane's number.
  Value joinBy(ValueRange ins, ArrayRef<AffineMap> inMaps, int64_t lanes,
               function_ref<Value(OpBuilder &, ValueRange)> valueOf);

  Value joinLanes(Value lanes);

  /// At most 16 elements: each is its partial.
  Value joinElements(int64_t count);

  RewriterBase &b;
  Location loc;
  linalg::GenericOp op;
  const std::optional<Contraction> &dot;
  Operation *combiner;
  Value init;
  SmallVector<unsigned> parallel, reduced;
  SmallVector<OpFoldResult> sizes; ///< of op's loops
  OpFoldResult length;             ///< of k
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  unsigned numOuter = 0; ///< reduction dims that are no part of k
  /// The inputs are the terms themselves, not op's inputs.
  bool isTerm = true;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_PARTIALRESULTSBUILDER_H
