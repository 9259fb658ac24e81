// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold numbers of few fraction bits only.
#include "ShortValues.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

bool ShortValues::isShort(Value value) {
  auto [entry, isNew] = known.try_emplace(value, false); // in a cycle: no
  if (!isNew)
    return entry->second;
  bool result = look(value);
  known[value] = result;
  return result;
}

bool ShortValues::isAsShort(RoundOp other) {
  const Format &format = round.getFormat().getValue();
  const Format &others = other.getFormat().getValue();
  if (format.isRuntime() || others.isRuntime())
    return round.getFormat() == other.getFormat() &&
           round.getParameters() == other.getParameters();
  return !others.isGrid() && others.isElementwise() &&
         others.family != Format::Family::Posit &&
         others.fractionBits <= format.fractionBits;
}

bool ShortValues::look(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    auto structured =
        dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    return structured &&
           isShort(structured->getOperand(argument.getArgNumber()));
  }
  if (matchPattern(op, m_AnyZeroFloat()))
    return true;
  if (auto other = dyn_cast<RoundOp>(op))
    return isAsShort(other);
  if (isa<tensor::EmptyOp>(op)) // what nobody wrote nobody reads
    return true;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    auto yield = structured.getBlock()->getTerminator();
    return isShort(yield->getOperand(cast<OpResult>(value).getResultNumber()));
  }
  if (auto choice = dyn_cast<scf::IfOp>(op)) {
    unsigned number = cast<OpResult>(value).getResultNumber();
    return isShort(choice.thenYield().getOperand(number)) &&
           isShort(choice.elseYield().getOperand(number));
  }
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return isShort(select.getTrueValue()) && isShort(select.getFalseValue());
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding && isShort(padding) && isShort(pad.getSource());
  }
  // One of the operands, or their elements.
  bool moves = isa<tensor::ExtractSliceOp, tensor::CollapseShapeOp,
                   tensor::ExpandShapeOp, tensor::CastOp, arith::MaximumFOp,
                   arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp,
                   arith::NegFOp, tensor::InsertSliceOp>(op);
  return moves && llvm::all_of(op->getOperands(), [&](Value operand) {
           return !isa<FloatType>(getElementTypeOrSelf(operand.getType())) ||
                  isShort(operand);
         });
}
