// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Goes back to where numbers come from.
#include "TracedProperty.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

bool TracedProperty::holds(Value value) {
  if (!isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return true;
  auto [entry, isNew] = known.try_emplace(value, false); // in a cycle: no
  if (!isNew)
    return entry->second;
  bool result = look(value);
  known[value] = result;
  return result;
}

bool TracedProperty::holdsOfOperands(Operation *op) {
  return llvm::all_of(op->getOperands(),
                      [&](Value operand) { return holds(operand); });
}

bool TracedProperty::look(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    auto structured =
        dyn_cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    return structured && holds(structured->getOperand(argument.getArgNumber()));
  }
  if (std::optional<bool> decided = decide(op))
    return *decided;
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    auto yield = structured.getBlock()->getTerminator();
    return holds(yield->getOperand(cast<OpResult>(value).getResultNumber()));
  }
  if (auto choice = dyn_cast<scf::IfOp>(op)) {
    unsigned number = cast<OpResult>(value).getResultNumber();
    return holds(choice.thenYield().getOperand(number)) &&
           holds(choice.elseYield().getOperand(number));
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding && holds(padding) && holds(pad.getSource());
  }
  if (isa<tensor::EmptyOp>(op)) // what nobody wrote nobody reads
    return true;
  // The last of these change a sign.
  return isa<arith::SelectOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp, arith::NegFOp, math::AbsFOp,
             tensor::ExtractSliceOp, tensor::InsertSliceOp,
             tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp,
             tensor::ExtractOp, tensor::SplatOp>(op) &&
         holdsOfOperands(op);
}
