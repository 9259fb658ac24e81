// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The way back from a new weight to its gradients.
#include "StepGradients.h"
#include "prec/Analysis/Sites.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::prec;

static StringRef textOf(Operation *op, StringRef name) {
  auto text = op->getAttrOfType<StringAttr>(name);
  return text ? text.getValue() : StringRef();
}

/// What a value is a rounding of, in its type or a wider one; the roundings on
/// the way go to `see`.
static Value
behindRounds(Value value, function_ref<void(RoundOp)> see = [](RoundOp) {}) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto round = dyn_cast<RoundOp>(op))
      see(round);
    else if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Whether types hold as many floats.
static bool isAlike(Type a, Type b) {
  auto x = dyn_cast<RankedTensorType>(a), y = dyn_cast<RankedTensorType>(b);
  if (!isa<FloatType>(getElementTypeOrSelf(b)) || !x != !y)
    return false;
  return x ? x.getShape() == y.getShape() : isa<FloatType>(b);
}

namespace {
/// One weight's way.
class WayBack {
public:
  explicit WayBack(Type type) : type(type) {}

  void visit(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(op).second || isFarther(op))
      return;
    for (Value operand : operandsOf(op))
      if (isGradient(operand))
        found.push_back({operand, scopeFor(op, operand)});
      else
        visit(operand);
  }

  SmallVector<StepGradient> found;

private:
  /// Operands like the weight that are read.
  SmallVector<Value> operandsOf(Operation *op) const {
    SmallVector<Value> values;
    auto writer = dyn_cast<DestinationStyleOpInterface>(op);
    for (OpOperand &operand : op->getOpOperands())
      if (isAlike(type, operand.get().getType()) &&
          !(writer && writer.isDpsInit(&operand)))
        values.push_back(operand.get());
    return values;
  }

  /// Before the update.
  static bool isFarther(Operation *op) {
    StringRef phase = textOf(op, phaseAttrName);
    return !phase.empty() && phase != "update";
  }

  bool isGradient(Value value) const {
    bool isMarked = false;
    Value source = behindRounds(value, [&](RoundOp round) {
      if (auto site = round.getSite())
        isMarked |= site->getRole() == "weight-gradient" ||
                    site->getPhase() == "backward";
    });
    if (isMarked)
      return true;
    Operation *op = source.getDefiningOp();
    if (!op)
      return false;
    if (textOf(op, roleAttrName) == "weight-gradient" ||
        textOf(op, phaseAttrName) == "backward")
      return true;
    if (textOf(op, scopeAttrName) != "loss" ||
        textOf(op, phaseAttrName) != "update")
      return false;
    SmallVector<Value> operands = operandsOf(op);
    return !operands.empty() && llvm::all_of(operands, [&](Value operand) {
      return isGradient(operand);
    });
  }

  static std::string scopeFor(Operation *user, Value gradient) {
    StringRef scope = scopeOf(user);
    Operation *op = behindRounds(gradient).getDefiningOp();
    return scope.empty() && op ? scopeOf(op).str() : scope.str();
  }

  Type type;
  llvm::SmallPtrSet<Operation *, 8> seen;
};
} // namespace

FailureOr<SmallVector<StepGradient>>
mlir::prec::findGradients(func::FuncOp step) {
  SmallVector<StepGradient> all;
  Operation *end = step.front().getTerminator();
  for (BlockArgument weight : step.getArguments()) {
    unsigned number = weight.getArgNumber();
    auto role = step.getArgAttrOfType<StringAttr>(number, roleAttrName);
    if (!role || role.getValue() != "weight")
      continue;
    auto name = step.getArgAttrOfType<StringAttr>(number, nameAttrName);
    auto bad = [&] {
      return emitError(weight.getLoc(), "@step: ")
             << "weight '" << (name ? name.getValue() : StringRef())
             << "' (argument " << number << ") ";
    };
    if (number >= end->getNumOperands() ||
        end->getOperand(number).getType() != weight.getType())
      return bad() << "has no result of the same number and type, its new "
                      "value";
    Value next = end->getOperand(number);
    if (behindRounds(next) == weight)
      continue;
    WayBack way(weight.getType());
    way.visit(next);
    if (way.found.empty())
      return bad() << "is updated without a gradient that can be found; "
                      "expected an operation of prec.role "
                      "\"weight-gradient\" on the way to its new value";
    llvm::SmallPtrSet<void *, 4> seen;
    for (StepGradient &gradient : way.found)
      if (seen.insert(gradient.value.getAsOpaquePointer()).second)
        all.push_back(std::move(gradient));
  }
  if (all.empty())
    return step.emitError("@step: found no argument of prec.role \"weight\" "
                          "that is updated, expected one to measure gradients "
                          "of");
  return all;
}
