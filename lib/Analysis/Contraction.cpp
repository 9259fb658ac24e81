// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Recognises contractions by their bodies.
#include "prec/Analysis/Contraction.h"
#include "prec/IR/PrecDialect.h"

using namespace mlir;
using namespace mlir::prec;

/// The value itself or, on demand, what was rounded to give it.
static Value look(Value value, bool throughRounds) {
  while (throughRounds) {
    auto round = value.getDefiningOp<RoundOp>();
    if (!round)
      break;
    value = round.getOperand();
  }
  return value;
}

Operation *mlir::prec::matchCombiner(linalg::LinalgOp op, unsigned output,
                                     bool throughRounds) {
  if (op.getNumReductionLoops() == 0)
    return nullptr;
  Block *body = op.getBlock();
  Value yielded =
      look(body->getTerminator()->getOperand(output), throughRounds);
  Operation *combiner = yielded.getDefiningOp();
  if (!combiner || combiner->getBlock() != body ||
      combiner->getNumOperands() != 2)
    return nullptr;
  BlockArgument acc = op.getRegionOutputArgs()[output];
  if (!llvm::hasSingleElement(acc.getUses()))
    return nullptr;
  for (Value operand : combiner->getOperands())
    if (look(operand, throughRounds) == acc)
      return combiner;
  return nullptr;
}

std::optional<Contraction>
mlir::prec::matchContraction(linalg::LinalgOp op, bool throughRounds,
                             bool throughExtensions) {
  if (op.getNumDpsInits() != 1)
    return std::nullopt;
  Operation *add = matchCombiner(op, 0, throughRounds);
  if (!isa_and_nonnull<arith::AddFOp>(add))
    return std::nullopt;
  BlockArgument acc = op.getRegionOutputArgs()[0];
  for (Value operand : add->getOperands()) {
    auto multiply = look(operand, throughRounds).getDefiningOp<arith::MulFOp>();
    if (!multiply || !llvm::hasSingleElement(multiply->getUses()))
      continue;
    auto input = [&](Value value) {
      value = look(value, throughRounds);
      if (auto extend = value.getDefiningOp<arith::ExtFOp>();
          extend && throughExtensions)
        value = look(extend.getIn(), throughRounds);
      return dyn_cast<BlockArgument>(value);
    };
    BlockArgument a = input(multiply.getLhs()), b = input(multiply.getRhs());
    if (!a || !b || a == b || a == acc || b == acc ||
        a.getOwner() != op.getBlock() || b.getOwner() != op.getBlock())
      return std::nullopt;
    return Contraction{multiply, add, a.getArgNumber(), b.getArgNumber()};
  }
  return std::nullopt;
}
