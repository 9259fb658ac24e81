// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inserts roundings of values: arguments, constants, results.
#include "prec/Transforms/Inserter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

std::string mlir::prec::declarationName(StringRef parameter) {
  return ("prec." + parameter).str();
}

Inserter::Inserter(func::FuncOp function, const SiteTable &sites,
                   const Policy &policy)
    : function(function), sites(sites), policy(policy),
      words(function, policy.random), anchor(&function.front().front()) {}

RoundSpec Inserter::specFor(const Action &action, SiteAttr site) {
  MLIRContext *context = function.getContext();
  RoundSpec spec{FormatAttr::get(context, action.format),
                 ModeAttr::get(context, action.mode),
                 site,
                 {},
                 {}};
  for (const std::string &name : action.parameters) {
    Value &value = parameters[name];
    if (!value) {
      OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
      value = ParameterOp::create(builder, function.getLoc(),
                                  builder.getI32Type(), declarationName(name));
    }
    spec.parameters.push_back(value);
  }
  return spec;
}

/// Rounds one value; `op` is the operation that made it, or, for entries, the
/// one that the rounding stands before.
FailureOr<Value> Inserter::roundValue(OpBuilder &builder, Value value,
                                      Operation *op, const Action &action,
                                      SiteAttr site, SiteAttr accumulator) {
  Type element = getElementTypeOrSelf(value.getType());
  if (std::string why = action.format.whyNotIn(*carrierOf(element));
      !why.empty())
    return emitError(value.getLoc())
           << "format " << action.format.str() << " does not fit " << element
           << ": " << why;
  // A scalar is an array of one element; where each scalar is a site of its
  // own, inside operations too, a shared scale has no meaning.
  bool sharesScale = !action.format.isElementwise();
  Type type = value.getType();
  if (sharesScale && type == element &&
      action.granularity != Granularity::Elementary) {
    Location loc = value.getLoc();
    Value array = tensor::FromElementsOp::create(
        builder, loc, RankedTensorType::get({}, element), value);
    FailureOr<Value> rounded =
        roundValue(builder, array, op, action, site, accumulator);
    if (failed(rounded))
      return failure();
    return tensor::ExtractOp::create(builder, loc, *rounded, ValueRange{})
        .getResult();
  }
  if (sharesScale && !isa<RankedTensorType>(type))
    return emitError(value.getLoc())
           << "format " << action.format.str()
           << " shares scales between the elements of a tensor, found a value "
              "of type "
           << value.getType()
           << "; choose granularity op, layer or batch, or a rule for tensors";
  if (sharesScale && action.mode.isStochastic() && words.isByValue())
    return emitError(value.getLoc())
           << "format " << action.format.str()
           << " shares scales between elements, so the same values need not "
              "round alike; choose --random=operands or counter";
  RoundSpec spec = specFor(action, site);
  Value random;
  if (action.mode.isStochastic()) {
    FailureOr<Value> made =
        isa<TensorType>(value.getType())
            ? words.tensorKey(builder, op, site)
            : words.word(builder, op, value, site, accumulator,
                         action.mode.needsWholeWord());
    if (failed(made))
      return failure();
    random = *made;
  }
  return builder.createOrFold<RoundOp>(
      value.getLoc(), value.getType(), value, spec.parameters, random,
      spec.format, spec.mode, spec.site,
      random && words.isByValue() && isa<TensorType>(value.getType()));
}

LogicalResult Inserter::insertConstant(const Plan::Entry &entry,
                                       const Action &action, SiteAttr site) {
  Operation *constant = entry.value.getDefiningOp();
  bool folds = !action.mode.isStochastic() && !action.format.isRuntime() &&
               action.format.isElementwise();
  OpBuilder builder(constant);
  Value source = entry.value;
  if (folds) {
    builder.setInsertionPointAfter(constant);
  } else {
    // Once per call, so not in the loop or body where the constant stands.
    builder.setInsertionPoint(anchor);
    source = builder.clone(*constant)->getResult(0);
  }
  FailureOr<Value> rounded =
      roundValue(builder, source, folds ? constant : anchor, action, site, {});
  if (failed(rounded))
    return failure();
  for (OpOperand *use : entry.uses)
    use->set(*rounded);
  // The anchor stays: it marks where entries go.
  if (constant->use_empty() && constant != anchor)
    constant->erase();
  return success();
}

LogicalResult Inserter::insert(const Plan::Entry &entry) {
  if (entry.isExempt)
    return success();
  const Action &action = policy.rules[entry.rule].action;
  SiteAttr site = SiteTable::makeSite(function.getContext(), *entry.candidate,
                                      action.granularity);
  if (isa<BaseMemRefType>(entry.value.getType()))
    return insertBuffer(entry, action, site);
  if (entry.value.getDefiningOp())
    return insertConstant(entry, action, site);
  OpBuilder builder(anchor);
  FailureOr<Value> rounded =
      roundValue(builder, entry.value, anchor, action, site, {});
  if (failed(rounded))
    return failure();
  for (OpOperand *use : entry.uses)
    use->set(*rounded);
  return success();
}

LogicalResult Inserter::insert(const Plan::Definition &definition) {
  if (definition.isExempt)
    return success();
  Operation *op = definition.op;
  const Action &action = policy.rules[definition.rule].action;
  const Candidate &candidate = *sites.lookup(op);
  SiteAttr accumulator;
  if (auto parent = dyn_cast_or_null<linalg::LinalgOp>(op->getParentOp()))
    if (auto contraction = matchContraction(parent, /*throughRounds=*/true))
      if (op == contraction->multiply || op == contraction->add)
        accumulator = SiteTable::makeSite(function.getContext(),
                                          *sites.lookup(contraction->add),
                                          action.granularity);

  OpBuilder builder(function.getContext());
  for (OpResult result : op->getResults()) {
    if (!isCarrierLike(result.getType()))
      continue;
    bool isSum = accumulator && candidate.role == "accumulator";
    SiteAttr site = isSum ? accumulator
                          : SiteTable::makeSite(function.getContext(),
                                                candidate, action.granularity,
                                                result.getResultNumber());
    builder.setInsertionPointAfter(op);
    // Remember the uses first: the rounding is one too.
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : result.getUses())
      uses.push_back(&use);
    FailureOr<Value> rounded =
        roundValue(builder, result, op, action, site, accumulator);
    if (failed(rounded))
      return failure();
    for (OpOperand *use : uses)
      use->set(*rounded);
  }
  if (isa<linalg::LinalgOp>(op) && op->getNumResults() == 0)
    return roundBufferOutputs(definition, action, candidate);
  return success();
}
