// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads @forward's signature by roles, and puts its classes last.
#include "ForwardFunction.h"
#include "Pointwise.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::prec;

LogicalResult ForwardFunction::read(func::FuncOp f, int64_t leastRank) {
  function = f;
  if (!f.getBody().hasOneBlock())
    return emitError(f.getLoc(), "@forward: expected a body of one block");
  for (unsigned i = 0; i < f.getNumArguments(); ++i) {
    auto role = f.getArgAttrOfType<StringAttr>(i, roleAttrName);
    StringRef word = role ? role.getValue() : "input";
    if (word == "weight")
      weights.push_back(i);
    else if (word == "state")
      states.push_back(i);
    else if (word == "input")
      inputs.push_back(i);
    else
      return emitError(f.getLoc(), "@forward: argument ")
             << i << " has role \"" << word
             << "\", expected weight, state or input";
  }
  if (weights.empty())
    return emitError(f.getLoc(), "@forward: expected at least one argument of "
                                 "prec.role \"weight\"");
  if (inputs.empty())
    return emitError(f.getLoc(), "@forward: found no argument of role input");
  if (f.getNumResults() == 0 || !isa<RankedTensorType>(f.getResultTypes()[0]) ||
      !isa<Float32Type, Float64Type>(
          getElementTypeOrSelf(f.getResultTypes()[0])) ||
      logits().getRank() < leastRank)
    return emitError(f.getLoc(), "@forward: expected ")
           << (leastRank > 1 ? "logits [batch, classes]" : "outputs [batch]")
           << " of f32 or f64 as first result";
  if (f.getNumResults() != 1 && f.getNumResults() != 1 + states.size())
    return emitError(f.getLoc(), "@forward: found ")
           << f.getNumResults() - 1 << " results after the logits, expected "
           << states.size() << ", one for each argument of role state";
  for (auto [i, type] : llvm::enumerate(f.getResultTypes().drop_front()))
    if (type != typeOf(states[i]))
      return emitError(f.getLoc(), "@forward: result ")
             << i + 1 << " is " << type << ", expected " << typeOf(states[i])
             << " as argument " << states[i] << ", whose next value it is";
  for (unsigned i : inputs) {
    auto type = dyn_cast<RankedTensorType>(f.getArgumentTypes()[i]);
    if (!type || type.getRank() == 0)
      return emitError(f.getLoc(), "@forward: input argument ")
             << i << " is " << f.getArgumentTypes()[i]
             << ", expected a tensor whose first dimension is the batch";
  }
  return success();
}

/// Returns the first result with its dimensions in another order.
static void permuteFirstResult(func::FuncOp f, ArrayRef<int64_t> order,
                               StringRef phase) {
  Operation *end = f.front().getTerminator();
  OpBuilder b(end);
  Stamp stamp(b, b.getStringAttr("loss"), phase, "");
  Location loc = f.getLoc();
  Value logits = end->getOperand(0);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, logits);
  applyPermutationToVector(sizes, order);
  Value empty = tensor::EmptyOp::create(b, loc, sizes,
                                        getElementTypeOrSelf(logits.getType()));
  end->setOperand(
      0,
      linalg::TransposeOp::create(b, loc, logits, empty, order)->getResult(0));
  f.setType(b.getFunctionType(f.getArgumentTypes(), end->getOperandTypes()));
}

LogicalResult ForwardFunction::moveClassesLast(int64_t axis,
                                               func::FuncOp predict) {
  int64_t rank = logits().getRank();
  if (axis < 1 || axis >= rank)
    return emitError(function.getLoc(), "@forward: found class-axis ")
           << axis << ", expected 1.." << rank - 1
           << ", a dimension of the logits " << logits() << " behind the batch";
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  order.erase(order.begin() + axis);
  order.push_back(axis);
  if (predict && predict.getResultTypes() != ArrayRef<Type>(logits()))
    return emitError(predict.getLoc(), "@predict: found the results ")
           << predict.getResultTypes() << ", expected " << logits()
           << " as @forward has them to make class-axis " << axis
           << " the last";
  permuteFirstResult(function, order, "forward");
  if (predict)
    permuteFirstResult(predict, order, "eval");
  return success();
}
