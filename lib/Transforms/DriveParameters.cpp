// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plateau-driven numbers as state of @step.
#include "prec/Transforms/DriveParameters.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Transforms/Inserter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
class Drive {
public:
  Drive(ModuleOp module, const Policy &policy)
      : module(module), policy(policy), b(module.getContext()) {}

  LogicalResult run() {
    for (const Parameter &parameter : policy.parameters)
      if (parameter.plateau)
        driven.push_back(&parameter);
    if (driven.empty())
      return success();
    auto step = module.lookupSymbol<func::FuncOp>("step");
    auto predict = module.lookupSymbol<func::FuncOp>("predict");
    bool isStep = step && step.getNumArguments() >= 4 &&
                  step.getNumResults() >= 2 && step.getBody().hasOneBlock();
    if (!isStep && !predict) {
      emitWarning(module.getLoc())
          << "parameter '" << driven.front()->name
          << "' follows the loss, but there is no @step(parameters..., "
             "state..., x, labels, rate) -> (parameters..., state..., loss); "
             "it keeps its first value";
      return success();
    }
    // Alone, as for an evaluation, @predict takes the numbers all the same.
    unsigned at =
        predict ? predict.getNumArguments() - 1 : step.getNumArguments() - 3;
    if (isStep && at > step.getNumArguments() - 3)
      return predict.emitError("@predict takes more parameters than @step");
    if (predict) {
      SmallVector<Value> values;
      for (auto [i, parameter] : llvm::enumerate(driven))
        values.push_back(addArgument(predict, at + i, parameter->name, 0));
      replace(predict, values);
    }
    return isStep ? change(step, at) : success();
  }

private:
  Value addArgument(func::FuncOp function, unsigned index,
                    const llvm::Twine &name, double init) {
    Type type = b.getF32Type();
    NamedAttrList attributes;
    attributes.set(nameAttrName, b.getStringAttr("prec." + name));
    attributes.set(roleAttrName, b.getStringAttr("state"));
    attributes.set(initAttrName,
                   b.getStringAttr("constant:" + std::to_string(init)));
    (void)function.insertArgument(index, type,
                                  attributes.getDictionary(b.getContext()),
                                  function.getLoc());
    return function.getArgument(index);
  }

  /// The driven numbers of a function are these values.
  void replace(func::FuncOp function, ArrayRef<Value> values) {
    for (auto [parameter, value] : llvm::zip_equal(driven, values)) {
      std::string name = declarationName(parameter->name);
      Value number;
      SmallVector<ParameterOp> uses;
      function.walk([&](ParameterOp op) {
        if (op.getName() == name)
          uses.push_back(op);
      });
      if (uses.empty())
        continue;
      b.setInsertionPointToStart(&function.front());
      number =
          arith::FPToSIOp::create(b, function.getLoc(), b.getI32Type(), value);
      for (ParameterOp op : uses) {
        op.replaceAllUsesWith(number);
        op.erase();
      }
    }
  }

  LogicalResult change(func::FuncOp step, unsigned at) {
    Location loc = step.getLoc();
    size_t count = driven.size();
    SmallVector<Value> values;
    for (auto [i, parameter] : llvm::enumerate(driven))
      values.push_back(addArgument(step, at + i, parameter->name,
                                   parameter->schedule.at(0)));
    SmallVector<Value> bests, waits;
    for (auto [i, parameter] : llvm::enumerate(driven)) {
      bests.push_back(addArgument(step, at + count + 2 * i,
                                  parameter->name + ".best", largest));
      waits.push_back(addArgument(step, at + count + 2 * i + 1,
                                  parameter->name + ".wait", 0));
    }
    replace(step, values);
    auto end = cast<func::ReturnOp>(step.front().getTerminator());
    b.setInsertionPoint(end);
    Value loss = end.getOperands().back();
    if (!loss.getType().isF32() && !loss.getType().isF64())
      return end.emitError("a number that follows the loss needs a scalar "
                           "loss as last result, found ")
             << loss.getType();
    if (loss.getType().isF64())
      loss = arith::TruncFOp::create(b, loc, b.getF32Type(), loss);
    auto constant = [&](double value) -> Value {
      return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(float(value)));
    };
    using Predicate = arith::CmpFPredicate;
    auto compare = [&](Predicate predicate, Value x, Value y) -> Value {
      return arith::CmpFOp::create(b, loc, predicate, x, y);
    };
    auto select = [&](Value which, Value x, Value y) -> Value {
      return arith::SelectOp::create(b, loc, which, x, y);
    };
    SmallVector<Value> nextValues, nextRest;
    for (size_t i = 0; i < count; ++i) {
      const Plateau &plateau = *driven[i]->plateau;
      Value bound = arith::SubFOp::create(b, loc, bests[i],
                                          constant(plateau.improvement));
      Value improves = compare(Predicate::OLT, loss, bound);
      Value waited = arith::AddFOp::create(b, loc, waits[i], constant(1));
      Value fires = compare(Predicate::OGE, waited, constant(plateau.steps));
      fires =
          select(improves, arith::ConstantIntOp::create(b, loc, 0, 1), fires);
      Value moved =
          arith::AddFOp::create(b, loc, values[i], constant(plateau.by));
      Value limit = constant(plateau.until);
      Value isBeyond = compare(plateau.by > 0 ? Predicate::OGT : Predicate::OLT,
                               moved, limit);
      moved = select(isBeyond, limit, moved);
      Value zero = constant(0);
      nextValues.push_back(select(fires, moved, values[i]));
      nextRest.push_back(select(improves, loss, bests[i]));
      nextRest.push_back(select(improves, zero, select(fires, zero, waited)));
    }
    llvm::append_range(nextValues, nextRest);
    SmallVector<Value> results(end.getOperands());
    results.insert(results.begin() + at, nextValues.begin(), nextValues.end());
    end->setOperands(results);
    for (size_t i = 0; i < nextValues.size(); ++i)
      (void)step.insertResult(
          at + i, b.getF32Type(),
          b.getDictionaryAttr(b.getNamedAttr(
              nameAttrName,
              step.getArgAttrOfType<StringAttr>(at + i, nameAttrName))));
    return success();
  }

  static constexpr double largest = 3.0e38;

  ModuleOp module;
  const Policy &policy;
  OpBuilder b;
  SmallVector<const Parameter *> driven;
};
} // namespace

LogicalResult mlir::prec::driveParameters(ModuleOp module,
                                          const Policy &policy) {
  return Drive(module, policy).run();
}
