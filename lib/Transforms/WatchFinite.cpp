// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Flags for values that are not finite, and the walk along them.
#include "prec/Transforms/WatchFinite.h"
#include "ElementSums.h"
#include "prec/IR/Location.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/RegionUtils.h"

#include <limits>

using namespace mlir;
using namespace mlir::prec;

static bool isFloat(Type type) {
  return isa<FloatType, RankedTensorType>(type) &&
         isa<Float32Type, Float64Type>(getElementTypeOrSelf(type));
}

/// Whether a value says nothing: it has no contents yet, or they are meant.
static bool isGiven(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<tensor::EmptyOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
    return true;
  return isa<linalg::FillOp, RoundOp>(op) && isGiven(op->getOperand(0));
}

/// 0, 1 for an infinity, 2 for a NaN.
static Value flagOf(ImplicitLocOpBuilder &b, Value x) {
  Type type = x.getType();
  auto number = [&](int32_t value) {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  auto limit = [&](double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto is = [&](arith::CmpFPredicate predicate, Value other) {
    return arith::CmpFOp::create(b, predicate, x, other);
  };
  Value isInfinite =
      arith::OrIOp::create(b, is(arith::CmpFPredicate::OEQ, limit(infinity)),
                           is(arith::CmpFPredicate::OEQ, limit(-infinity)));
  Value flag = arith::SelectOp::create(b, isInfinite, number(1), number(0));
  return arith::SelectOp::create(b, is(arith::CmpFPredicate::UNO, x), number(2),
                                 flag);
}

/// The largest flag of a tensor's elements, or a scalar's.
static Value worstFlag(ImplicitLocOpBuilder &b, Value value) {
  Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  return sumElements(b, value, zero,
                     [](ImplicitLocOpBuilder &n, ValueRange x,
                        ValueRange worst) -> SmallVector<Value> {
                       Value flag = flagOf(n, x[0]);
                       return {arith::MaxSIOp::create(n, flag, worst[0])};
                     })
      .front();
}

/// "linalg.generic (arith.mulf, arith.addf)".
static std::string describeOperation(Operation *op) {
  std::string text = op->getName().getStringRef().str();
  if (auto round = dyn_cast<RoundOp>(op))
    return text + " to " + round.getFormat().getValue().str();
  if (op->getNumRegions() == 0 || !isa<linalg::GenericOp>(op))
    return text;
  std::string parts;
  for (Operation &inner : op->getRegion(0).front().without_terminator())
    if (!inner.hasTrait<OpTrait::ConstantLike>() &&
        llvm::any_of(inner.getResultTypes(), isFloat))
      parts +=
          (parts.empty() ? "" : ", ") + inner.getName().getStringRef().str();
  return parts.empty() ? text : text + " (" + parts + ")";
}

static WatchedValue describeValue(Value value) {
  WatchedValue watched;
  watched.location = describe(value.getLoc());
  Operation *op = value.getDefiningOp();
  if (!op) {
    watched.argument = cast<BlockArgument>(value).getArgNumber();
    return watched;
  }
  watched.operation = describeOperation(op);
  op->walk([&](arith::ConstantOp constant) {
    auto number = dyn_cast<FloatAttr>(constant.getValue());
    watched.hasInfinity |= number && number.getValue().isInfinity();
  });
  if (auto round = dyn_cast<RoundOp>(op); round && round.getSite()) {
    SiteAttr site = *round.getSite();
    watched.scope = site.getScope().str();
    watched.phase = site.getPhase().str();
    watched.role = site.getRole().str();
    return watched;
  }
  auto text = [&](StringRef name) {
    auto attribute = op->getAttrOfType<StringAttr>(name);
    return attribute ? attribute.str() : "";
  };
  watched.scope = text(scopeAttrName);
  watched.phase = text(phaseAttrName);
  watched.role = text(roleAttrName);
  return watched;
}

/// What an operation reads, also inside its regions.
static SetVector<Value> readBy(Operation *op) {
  SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return values;
}

FiniteWatch mlir::prec::watchFinite(func::FuncOp function) {
  FiniteWatch watch;
  DenseMap<Value, unsigned> numbers;
  SmallVector<Value> flags;
  Block &body = function.front();
  Operation *end = body.getTerminator();
  auto add = [&](Value value, Operation *before) {
    if (!isFloat(value.getType()) || isGiven(value))
      return;
    ImplicitLocOpBuilder b(value.getLoc(), before);
    WatchedValue watched = describeValue(value);
    if (Operation *op = value.getDefiningOp())
      for (Value operand : readBy(op))
        if (auto known = numbers.find(operand); known != numbers.end())
          watched.operands.push_back(known->second);
    llvm::sort(watched.operands);
    numbers[value] = watch.values.size();
    watch.values.push_back(std::move(watched));
    flags.push_back(worstFlag(b, value));
  };
  SmallVector<Operation *> operations;
  for (Operation &op : body.without_terminator())
    operations.push_back(&op);
  Operation *first = operations.empty() ? end : operations.front();
  for (Value argument : body.getArguments())
    add(argument, first);
  for (Operation *op : operations)
    for (Value result : op->getResults())
      add(result, op->getNextNode());
  for (Value result : end->getOperands()) {
    auto known = numbers.find(result);
    watch.results.push_back(
        known == numbers.end() ? std::nullopt : std::optional(known->second));
  }
  ImplicitLocOpBuilder b(function.getLoc(), end);
  auto type = RankedTensorType::get({int64_t(flags.size())}, b.getI32Type());
  Value all = tensor::FromElementsOp::create(b, type, flags);
  end->insertOperands(end->getNumOperands(), all);
  (void)function.insertResult(function.getNumResults(), type,
                              b.getDictionaryAttr({}));
  return watch;
}

std::optional<unsigned> FiniteWatch::trace(ArrayRef<int32_t> flags) const {
  // An infinity that an operation brings in by a constant, as a mask does.
  auto isMeant = [&](unsigned number) {
    const WatchedValue &value = values[number];
    return value.hasInfinity && flags[number] == 1 &&
           llvm::all_of(value.operands,
                        [&](unsigned operand) { return flags[operand] == 0; });
  };
  std::optional<unsigned> at;
  for (auto [number, result] : llvm::enumerate(results)) {
    bool isLast = number + 1 == results.size();
    if (result && flags[*result] && (!at || isLast))
      at = result;
  }
  while (at) {
    std::optional<unsigned> worst;
    for (unsigned operand : values[*at].operands)
      if (flags[operand] > (worst ? flags[*worst] : 0) && !isMeant(operand))
        worst = operand;
    if (!worst)
      return at;
    at = worst;
  }
  return at;
}
