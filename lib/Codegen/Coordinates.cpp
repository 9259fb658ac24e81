// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Indices as affine expressions in the loops.
#include "Coordinates.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::prec;

/// An index as an expression in the loops, or null.
static AffineExpr exprOf(Value value) {
  MLIRContext *context = value.getContext();
  Operation *def = value.getDefiningOp();
  if (!def)
    return {};
  if (auto index = dyn_cast<linalg::IndexOp>(def))
    return getAffineDimExpr(unsigned(index.getDim()), context);
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return getAffineConstantExpr(*constant, context);
  SmallVector<AffineExpr> operands;
  if (isa<affine::AffineApplyOp, arith::AddIOp, arith::MulIOp>(def))
    operands = llvm::map_to_vector(def->getOperands(), exprOf);
  if (operands.empty() || llvm::is_contained(operands, AffineExpr()))
    return {};
  if (auto apply = dyn_cast<affine::AffineApplyOp>(def)) {
    ArrayRef<AffineExpr> all = operands;
    unsigned dims = apply.getAffineMap().getNumDims();
    return apply.getAffineMap().getResult(0).replaceDimsAndSymbols(
        all.take_front(dims), all.drop_front(dims));
  }
  if (isa<arith::AddIOp>(def))
    return operands[0] + operands[1];
  bool isLinear =
      operands[0].isSymbolicOrConstant() || operands[1].isSymbolicOrConstant();
  return isLinear ? operands[0] * operands[1] : AffineExpr();
}

std::optional<Coordinate> mlir::prec::coordinateOf(Value value, AffineMap map) {
  AffineExpr expr = value.getType().isIndex() ? exprOf(value) : AffineExpr();
  if (!expr || expr.isSymbolicOrConstant())
    return std::nullopt;
  for (unsigned r = 0; r < map.getNumResults(); ++r) {
    AffineExpr difference =
        simplifyAffineExpr(expr - map.getResult(r), map.getNumDims(), 0);
    if (auto offset = dyn_cast<AffineConstantExpr>(difference))
      return Coordinate{r, offset.getValue()};
  }
  return std::nullopt;
}
