// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What operations that only fill write.
#include "Fill.h"

using namespace mlir;

Value mlir::prec::filledWith(Operation *op) {
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!structured || structured.getNumDpsInits() != 1 ||
      structured.getNumReductionLoops() > 0 ||
      !structured.getIndexingMapsArray().back().isPermutation())
    return {};
  Block *body = structured.getBlock();
  Value yielded = body->getTerminator()->getOperand(0);
  if (yielded.getParentBlock() != body)
    return yielded;
  auto argument = dyn_cast<BlockArgument>(yielded);
  if (!argument || argument.getArgNumber() >= structured.getNumDpsInputs())
    return {};
  Value input = structured.getDpsInputs()[argument.getArgNumber()];
  return isa<ShapedType>(input.getType()) ? Value() : input;
}
