// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers that follow the loss or overflows as state of @step.
#include "prec/Transforms/DriveParameters.h"
#include "OverflowShares.h"
#include "StepState.h"
#include "prec/IR/PrecDialect.h"
#include "prec/IR/StepInputs.h"
#include "prec/Numerics/Describe.h"
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
      if (parameter.isDriven())
        driven.push_back(&parameter);
    if (driven.empty())
      return success();
    if (failed(findScales()))
      return failure();
    auto step = module.lookupSymbol<func::FuncOp>("step");
    auto predict = module.lookupSymbol<func::FuncOp>("predict");
    bool isStep = step && isTrainingStep(step);
    if (!isStep && !predict) {
      emitWarning(module.getLoc())
          << "parameter '" << driven.front()->name
          << "' changes with the steps, but there is no @step(parameters..., "
             "state..., inputs..., labels, rate) -> (parameters..., state..., "
             "loss); "
             "it keeps its first value";
      return success();
    }
    // Alone, as for an evaluation, @predict takes the numbers all the same.
    unsigned inStep =
        isStep ? step.getNumArguments() - 2 - countStepInputs(step) : 0;
    unsigned at = predict
                      ? predict.getNumArguments() - countPredictInputs(predict)
                      : inStep;
    if (isStep && at > inStep)
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
                   b.getStringAttr("constant:" + shortestText(float(init))));
    (void)function.insertArgument(index, type,
                                  attributes.getDictionary(b.getContext()),
                                  function.getLoc());
    return function.getArgument(index);
  }

  /// Which of them are scales, real numbers in all rules that have them.
  LogicalResult findScales() {
    llvm::StringMap<const Rule *> wholes, reals;
    for (const Rule &rule : policy.rules)
      for (auto [name, number] : llvm::zip_equal(rule.action.parameters,
                                                 rule.action.runtimeNumbers()))
        (number.isReal ? reals : wholes)[name] = &rule;
    for (const Parameter *parameter : driven) {
      const Rule *real = reals.lookup(parameter->name);
      const Rule *whole = wholes.lookup(parameter->name);
      if (real && whole)
        return emitError(module.getLoc())
               << "parameter '" << parameter->name << "' is a scale of rule '"
               << real->origin << "' and a whole number of rule '"
               << whole->origin
               << "', which do not move alike; expected two parameters";
      if (real)
        scales.insert(parameter);
    }
    return success();
  }

  /// The numbers of this name in the function become what `make` gives.
  void replace(func::FuncOp function, StringRef name,
               function_ref<Value()> make) {
    SmallVector<ParameterOp> uses;
    function.walk([&](ParameterOp op) {
      if (op.getName() == name)
        uses.push_back(op);
    });
    if (uses.empty())
      return;
    b.setInsertionPointToStart(&function.front());
    loc = function.getLoc();
    Value number = make();
    for (ParameterOp op : uses) {
      op.replaceAllUsesWith(number);
      op.erase();
    }
  }

  /// The driven numbers of a function are these values.
  void replace(func::FuncOp function, ArrayRef<Value> values) {
    for (auto [parameter, given] : llvm::zip_equal(driven, values)) {
      Value value = given;
      replace(function, declarationName(parameter->name), [&] {
        return arith::FPToSIOp::create(b, loc, b.getI32Type(), value);
      });
      for (bool isHighWord : {true, false})
        replace(function, declarationName(parameter->name, isHighWord),
                [&] { return wordOfReal(value, isHighWord); });
    }
  }

  /// Half of an f64's bits.
  Value wordOfReal(Value value, bool isHighWord) {
    value = arith::ExtFOp::create(b, loc, b.getF64Type(), value);
    Value bits = arith::BitcastOp::create(b, loc, b.getI64Type(), value);
    if (isHighWord)
      bits = arith::ShRUIOp::create(
          b, loc, bits, arith::ConstantIntOp::create(b, loc, 32, 64));
    return arith::TruncIOp::create(b, loc, b.getI32Type(), bits);
  }

  /// A number's state beside itself: names, and what they begin with.
  static SmallVector<std::pair<StringRef, double>> restOf(const Parameter &p) {
    if (p.plateau)
      return {{".best", largest}, {".wait", 0}};
    return {{".over", 0}, {".half", 0}, {".wait", 0}};
  }

  LogicalResult change(func::FuncOp step, unsigned at) {
    SmallVector<Value> values;
    for (auto [i, parameter] : llvm::enumerate(driven))
      values.push_back(addArgument(step, at + i, parameter->name,
                                   parameter->schedule.realAt(0)));
    SmallVector<SmallVector<Value>> rests;
    unsigned next = at + driven.size();
    for (const Parameter *parameter : driven) {
      SmallVector<Value> &rest = rests.emplace_back();
      for (auto [name, init] : restOf(*parameter))
        rest.push_back(
            addArgument(step, next++, parameter->name + name.str(), init));
    }
    SmallVector<SmallVector<RoundOp>> rounds;
    for (const Parameter *parameter : driven)
      rounds.push_back(roundsBy(step, *parameter));
    replace(step, values);
    auto end = cast<func::ReturnOp>(step.front().getTerminator());
    b.setInsertionPoint(end);
    loc = step.getLoc();
    SmallVector<Value> nextValues, nextRests;
    for (auto [i, parameter] : llvm::enumerate(driven)) {
      FailureOr<SmallVector<Value>> news =
          parameter->plateau
              ? followLoss(*parameter->plateau, values[i], rests[i], end)
              : followOverflows(*parameter, values[i], rests[i], rounds[i]);
      if (failed(news))
        return failure();
      nextValues.push_back(news->front());
      llvm::append_range(nextRests, llvm::drop_begin(*news));
    }
    llvm::append_range(nextValues, nextRests);
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

  static SmallVector<RoundOp> roundsBy(func::FuncOp step, const Parameter &p) {
    SmallVector<RoundOp> result;
    const std::string names[] = {declarationName(p.name),
                                 declarationName(p.name, /*isHighWord=*/true)};
    step.walk([&](RoundOp round) {
      // Limits of the format are no values of a site.
      if (round.getSite() &&
          llvm::any_of(round.getParameters(), [&](Value value) {
            auto number = value.getDefiningOp<ParameterOp>();
            return number && llvm::is_contained(names, number.getName());
          }))
        result.push_back(round);
    });
    return result;
  }

  Value constant(double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(float(value)));
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value select(Value which, Value x, Value y) {
    return arith::SelectOp::create(b, loc, which, x, y);
  }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }

  /// The next value, best loss and number of steps waited.
  FailureOr<SmallVector<Value>> followLoss(const Plateau &plateau, Value value,
                                           ArrayRef<Value> rest,
                                           func::ReturnOp end) {
    using Predicate = arith::CmpFPredicate;
    Value best = rest[0], wait = rest[1];
    Value loss = end.getOperands().back();
    if (!loss.getType().isF32() && !loss.getType().isF64())
      return end.emitError("a number that follows the loss needs a scalar "
                           "loss as last result, found ")
             << loss.getType();
    if (loss.getType().isF64())
      loss = arith::TruncFOp::create(b, loc, b.getF32Type(), loss);
    Value bound =
        arith::SubFOp::create(b, loc, best, constant(plateau.improvement));
    Value improves = compare(Predicate::OLT, loss, bound);
    Value waited = add(wait, constant(1));
    Value fires = compare(Predicate::OGE, waited, constant(plateau.steps));
    fires = select(improves, arith::ConstantIntOp::create(b, loc, 0, 1), fires);
    Value by = constant(plateau.by), limit = constant(plateau.until);
    Value moved = plateau.isFactor
                      ? arith::MulFOp::create(b, loc, value, by).getResult()
                      : add(value, by);
    const bool goesUp = plateau.by > (plateau.isFactor ? 1 : 0);
    Value isBeyond =
        compare(goesUp ? Predicate::OGT : Predicate::OLT, moved, limit);
    moved = select(isBeyond, limit, moved);
    Value zero = constant(0);
    return SmallVector<Value>{
        select(fires, moved, value), select(improves, loss, best),
        select(improves, zero, select(fires, zero, waited))};
  }

  /// The next value, sums of shares and number of steps counted.
  FailureOr<SmallVector<Value>> followOverflows(const Parameter &parameter,
                                                Value value,
                                                ArrayRef<Value> rest,
                                                ArrayRef<RoundOp> rounds) {
    using Predicate = arith::CmpFPredicate;
    const OverflowShare &overflow = *parameter.overflow;
    const bool isScale = scales.contains(&parameter);
    Value number = value;
    if (!isScale)
      number = arith::FPToSIOp::create(b, loc, b.getI32Type(), value);
    FailureOr<OverflowShares> shares = countOverflows(b, loc, rounds, number);
    if (failed(shares))
      return failure();
    Value over = add(rest[0], shares->whole), half = add(rest[1], shares->half);
    Value waited = add(rest[2], constant(1));
    Value fires = compare(Predicate::OGE, waited, constant(overflow.steps));
    auto isMore = [&](Predicate predicate, Value sum) {
      Value mean = arith::DivFOp::create(b, loc, sum, constant(overflow.steps));
      return compare(predicate, mean, constant(overflow.share));
    };
    auto next = [&](double factor, double step) -> Value {
      if (isScale)
        return arith::MulFOp::create(b, loc, value, constant(factor));
      return add(value, constant(step));
    };
    Value wider =
        arith::MinimumFOp::create(b, loc, next(2, 1), constant(overflow.most));
    Value narrower = arith::MaximumFOp::create(b, loc, next(0.5, -1),
                                               constant(overflow.least));
    Value moved = select(isMore(Predicate::OGT, over), wider,
                         select(isMore(Predicate::OLE, half), narrower, value));
    Value zero = constant(0);
    return SmallVector<Value>{
        select(fires, moved, value), select(fires, zero, over),
        select(fires, zero, half), select(fires, zero, waited)};
  }

  static constexpr double largest = 3.0e38;

  ModuleOp module;
  const Policy &policy;
  OpBuilder b;
  Location loc = b.getUnknownLoc();
  SmallVector<const Parameter *> driven;
  llvm::SmallPtrSet<const Parameter *, 4> scales;
};
} // namespace

LogicalResult mlir::prec::driveParameters(ModuleOp module,
                                          const Policy &policy) {
  return Drive(module, policy).run();
}
