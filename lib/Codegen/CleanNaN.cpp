// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values can only hold NaNs that survive a rounding's integer arithmetic.
#include "CleanNaN.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

bool CleanNaN::isClean(Value value) {
  if (!isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return true;
  auto [entry, isNew] = known.try_emplace(value, false); // in a cycle: no
  if (!isNew)
    return entry->second;
  bool result = look(value);
  known[value] = result;
  return result;
}

static bool hasNaN(Attribute attribute) {
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValue().isNaN();
  auto dense = dyn_cast<DenseFPElementsAttr>(attribute);
  return !dense || llvm::any_of(dense.getValues<APFloat>(),
                                [](const APFloat &v) { return v.isNaN(); });
}

bool CleanNaN::look(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    auto structured =
        dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    return structured &&
           isClean(structured->getOperand(argument.getArgNumber()));
  }
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant)))
    return !hasNaN(constant);
  if (isa<RoundOp, tensor::EmptyOp, arith::SIToFPOp, arith::UIToFPOp>(op))
    return true;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    auto yield = structured.getBlock()->getTerminator();
    return isClean(yield->getOperand(cast<OpResult>(value).getResultNumber()));
  }
  if (auto choice = dyn_cast<scf::IfOp>(op)) {
    unsigned number = cast<OpResult>(value).getResultNumber();
    return isClean(choice.thenYield().getOperand(number)) &&
           isClean(choice.elseYield().getOperand(number));
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding && isClean(padding) && isClean(pad.getSource());
  }
  bool moves = isa<tensor::ExtractSliceOp, tensor::InsertSliceOp,
                   tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                   tensor::CastOp, tensor::ExtractOp, tensor::SplatOp>(op);
  bool computes =
      isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) &&
      !isa<arith::BitcastOp>(op);
  return (moves || computes) &&
         llvm::all_of(op->getOperands(), [&](Value v) { return isClean(v); });
}
