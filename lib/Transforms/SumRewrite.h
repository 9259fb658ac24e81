// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The builder behind the orders of summation: state and parts.
#ifndef PREC_TRANSFORMS_SUMREWRITE_H
#define PREC_TRANSFORMS_SUMREWRITE_H

#include "prec/Analysis/Contraction.h"
#include "prec/Transforms/Summation.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::prec {

/// One sum while it is rewritten.
class SumRewrite {
public:
  SumRewrite(RewriterBase &b, linalg::GenericOp op, const SumSpec &spec,
             const SiteTable &sites)
      : b(b), op(op), loc(op.getLoc()), spec(spec), sites(sites),
        add(matchSum(op)), contraction(matchContraction(op, true)) {
    Value acc = op.getRegionOutputArgs()[0];
    unsigned side = look(add->getOperand(0)) == acc ? 1 : 0;
    term = add->getOperand(side);
    if (add->getResult(0).hasOneUse())
      rounding = dyn_cast<RoundOp>(*add->getResult(0).user_begin());
    if (contraction)
      productIsRounded = term.getDefiningOp() != contraction->multiply;
    element = cast<FloatType>(add->getResult(0).getType());
  }

  LogicalResult run();

private:
  using Values = SmallVector<Value>;

  static Value look(Value value) {
    while (auto round = value.getDefiningOp<RoundOp>())
      value = round.getOperand();
    return value;
  }

  LogicalResult decideFusing();

  /// `value` rounded as the body's sums are.
  Value rounded(OpBuilder &builder, Value value) {
    if (!rounding)
      return value;
    IRMapping mapping = terms;
    mapping.map(rounding.getOperand(), value);
    return builder.clone(*rounding, mapping)->getResult(0);
  }

  /// `value` rounded to the carrier's own format: the same number.
  Value asItIs(OpBuilder &builder, Value value, Operation *of);

  /// acc + term, rounded, as the body had it.
  Value accumulate(OpBuilder &builder, Value acc);
  Value sumOf(OpBuilder &builder, Value x, Value y) {
    return rounded(builder, arith::AddFOp::create(builder, loc, x, y));
  }
  Value differenceOf(OpBuilder &builder, Value x, Value y) {
    return rounded(builder, arith::SubFOp::create(builder, loc, x, y));
  }

  // --- one accumulator

  LogicalResult sequential();

  // --- several

  Value zero(OpBuilder &builder) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getZeroAttr(element));
  }

  /// A tensor of zeros beside the operation's output.
  Value zeros();

  /// Extents of the reduction dimensions, outermost first, and their product.
  SmallVector<OpFoldResult> reductionSizes();
  Value productOf(ArrayRef<OpFoldResult> sizes);

  /// The number of the element, in the body.
  Value elementNumber(OpBuilder &builder, ArrayRef<Value> sizes);

  Value index(OpBuilder &builder, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }

  /// The operation with these accumulators; `next` makes each one's next value
  /// of their values and the element's number, in the body.
  linalg::GenericOp
  withAccumulators(ArrayRef<Value> outputs,
                   function_ref<Values(OpBuilder &, ValueRange, Value)> next);

  void copyAttributes(Operation *to) {
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      to->setAttr(attribute.getName(), attribute.getValue());
  }

  /// An elementwise operation on tensors of the output's shape.
  Value join(ArrayRef<Value> parts,
             function_ref<Value(OpBuilder &, ValueRange)> body);

  LogicalResult kahan();
  LogicalResult blocked(const Summation &sum);
  LogicalResult pairwise();

  /// total + block, rounded between blocks.
  Value addBlock(OpBuilder &builder, const Summation &sum, Value total,
                 Value block);

  RewriterBase &b;
  linalg::GenericOp op;
  Location loc;
  const SumSpec &spec;
  const SiteTable &sites;
  Operation *add;
  std::optional<Contraction> contraction;
  Value term;
  RoundOp rounding;
  bool productIsRounded = false, fused = false;
  FloatType element;
  /// From the old body's values to the new one's.
  IRMapping terms;
};

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_SUMREWRITE_H
