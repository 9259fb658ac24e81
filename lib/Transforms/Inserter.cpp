// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inserts roundings of values: arguments, constants, results.
#include "prec/Transforms/Inserter.h"
#include "prec/IR/GradientNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

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
  size_t own =
      action.format.numRuntimeParameters() + action.mode.numRuntimeParameters();
  spec.parameters = numbersOf(
      ArrayRef<std::string>(action.parameters).take_front(own),
      ArrayRef<Action::RuntimeNumber>(action.runtimeNumbers()).take_front(own));
  return spec;
}

SmallVector<Value>
Inserter::numbersOf(ArrayRef<std::string> names,
                    ArrayRef<Action::RuntimeNumber> numbers) {
  SmallVector<Value> values;
  auto add = [&](std::string declaration) {
    Value &value = parameters[declaration];
    if (!value) {
      OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
      value = ParameterOp::create(builder, function.getLoc(),
                                  builder.getI32Type(), declaration);
    }
    values.push_back(value);
  };
  for (auto [name, number] : llvm::zip_equal(names, numbers)) {
    if (!number.isReal) {
      add(declarationName(name));
      continue;
    }
    for (bool isHighWord : {true, false})
      add(declarationName(name, isHighWord));
  }
  return values;
}

/// Is it zero everywhere, as what sums start from is? Every format with a
/// shared scale has such a tensor.
static bool isZero(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getInputs().front();
  return matchPattern(value, m_PosZeroFloat());
}

/// With the greatest number of steps if that changes.
ScaledRound Inserter::scaledRound(RoundOp round, const Rule &rule) {
  const Action &action = rule.action;
  ScaledRound scaled{round, rule.origin, *action.scale, {}};
  if (action.scale->steps != AmaxScale::runtime)
    return scaled;
  size_t before =
      action.format.numRuntimeParameters() + action.mode.numRuntimeParameters();
  const std::string &name = action.parameters[before];
  scaled.scale.steps = unsigned(policy.parameter(name)->range().second);
  std::vector<Action::RuntimeNumber> numbers = action.runtimeNumbers();
  scaled.steps = numbersOf({name}, {numbers[before]}).front();
  return scaled;
}

/// The key of a tensor or the word of a scalar.
FailureOr<Value> Inserter::randomFor(OpBuilder &builder, Value value,
                                     Operation *op, const RoundingMode &mode,
                                     SiteAttr site, SiteAttr accumulator,
                                     ValueRange parameters) {
  if (isa<TensorType>(value.getType()))
    return words.tensorKey(builder, op, site);
  FailureOr<Value> word =
      words.word(builder, op, value, site, accumulator, mode.needsWholeWord());
  const bool isSum = accumulator && accumulator == site;
  if (failed(word) || !isSum || !mode.isRuntime || !mode.needsWholeWord())
    return word;
  // Up to 16 bits are the half that the product leaves, more a second word.
  FailureOr<Value> half = words.word(builder, op, value, site, accumulator,
                                     /*wholeWord=*/false);
  if (failed(half))
    return failure();
  Location loc = op->getLoc();
  Value isWhole = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::ugt, parameters.back(),
      arith::ConstantIntOp::create(builder, loc, 16, 32));
  return arith::SelectOp::create(builder, loc, isWhole, *word, *half)
      .getResult();
}

/// Rounds one value; `op` is the operation that made it, or, for entries, the
/// one that the rounding stands before.
FailureOr<Value> Inserter::roundValue(OpBuilder &builder, Value value,
                                      Operation *op, const Rule &rule,
                                      SiteAttr site, SiteAttr accumulator) {
  const Action &action = rule.action;
  Type element = getElementTypeOrSelf(value.getType());
  if (std::string why = policy.whyNotIn(action, *carrierOf(element));
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
    if (action.gradient)
      array.getDefiningOp()->setAttr(sitelessAttrName, builder.getUnitAttr());
    FailureOr<Value> rounded =
        roundValue(builder, array, op, rule, site, accumulator);
    if (failed(rounded))
      return failure();
    auto scalar =
        tensor::ExtractOp::create(builder, loc, *rounded, ValueRange{});
    if (action.gradient)
      scalar->setAttr(sitelessAttrName, builder.getUnitAttr());
    return scalar.getResult();
  }
  if (sharesScale && !isa<RankedTensorType>(type))
    return emitError(value.getLoc())
           << "format " << action.format.str()
           << " shares scales between the elements of a tensor, found a value "
              "of type "
           << value.getType()
           << "; choose granularity op, layer or batch, or a rule for tensors";
  if (auto tensor = dyn_cast<RankedTensorType>(type);
      tensor && tensor.getRank() > 0 && action.format.axis >= tensor.getRank())
    return emitError(value.getLoc())
           << "format " << action.format.str() << " of rule '" << rule.origin
           << "' has axis " << action.format.axis << ", found "
           << tensor.getRank()
           << " dimensions; choose sites that have it, or a format without";
  if (sharesScale && action.mode.isStochastic() && words.isByValue())
    return emitError(value.getLoc())
           << "format " << action.format.str()
           << " shares scales between elements, so the same values need not "
              "round alike; choose --random=operands or counter";
  // The second operand becomes what the step before lost (addFeedback). A
  // residual that stays zero needs no state.
  bool keepsLoss =
      action.feedback && (action.format.isElementwise() || !isZero(value));
  if (keepsLoss)
    value = arith::AddFOp::create(builder, value.getLoc(), value, value);
  RoundSpec spec = specFor(action, site);
  if (auto vector = dyn_cast<VectorType>(type); vector && action.mode.isRuntime)
    spec.parameters.back() = vector::BroadcastOp::create(
        builder, value.getLoc(), vector.clone(builder.getI32Type()),
        spec.parameters.back());
  Value random;
  if (action.mode.isStochastic()) {
    FailureOr<Value> made = randomFor(builder, value, op, action.mode, site,
                                      accumulator, spec.parameters);
    if (failed(made))
      return failure();
    random = *made;
  }
  bool isByValue =
      random && words.isByValue() && isa<TensorType>(value.getType());
  // Zero stays zero, whatever its scale.
  bool isScaled = action.scale && !isZero(value);
  if (keepsLoss || isScaled || action.gradient) {
    auto round = RoundOp::create(builder, value.getLoc(), value.getType(),
                                 value, spec.parameters, random, spec.format,
                                 spec.mode, spec.site, isByValue);
    if (keepsLoss)
      feedbackRounds.push_back({round, rule.origin});
    if (isScaled)
      scaledRounds.push_back(scaledRound(round, rule));
    if (action.gradient) {
      round->setAttr(gradAttrName,
                     builder.getStringAttr(str(*action.gradient)));
      round->setAttr(insertedAttrName, builder.getUnitAttr());
    }
    // What the derivative makes belongs to the layer too.
    if (Operation *maker = value.getDefiningOp(); maker && action.gradient)
      if (Attribute scope = maker->getAttr(scopeAttrName))
        round->setAttr(scopeAttrName, scope);
    return round.getResult();
  }
  return builder.createOrFold<RoundOp>(value.getLoc(), value.getType(), value,
                                       spec.parameters, random, spec.format,
                                       spec.mode, spec.site, isByValue);
}

/// A rounding that was there before differentiation: sites have other numbers
/// now, and the function may have become a loop's body.
LogicalResult Inserter::nameInserted(RoundOp round, Operation *op,
                                     SiteAttr site) {
  round.setSiteAttr(site);
  round->removeAttr(insertedAttrName);
  const RoundingMode &mode = round.getMode().getValue();
  if (!mode.isStochastic())
    return success();
  OpBuilder builder(round);
  Value value = round.getOperand();
  FailureOr<Value> random =
      isa<TensorType>(value.getType())
          ? words.tensorKey(builder, op, site)
          : words.word(builder, op, value, site, {}, mode.needsWholeWord());
  if (failed(random))
    return failure();
  round.getRandomMutable().assign(*random);
  return success();
}

LogicalResult Inserter::insertConstant(const Plan::Entry &entry,
                                       const Rule &rule, SiteAttr site) {
  const Action &action = rule.action;
  Operation *constant = entry.value.getDefiningOp();
  bool folds = !action.mode.isStochastic() && !action.format.isRuntime() &&
               action.format.isElementwise() && !action.feedback &&
               !action.scale;
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
      roundValue(builder, source, folds ? constant : anchor, rule, site, {});
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
  if (RoundOp round = entry.inserted)
    return nameInserted(
        round, round,
        SiteTable::makeSite(function.getContext(), *entry.candidate,
                            policy.rules[entry.rule].action.granularity));
  const Rule &rule = policy.rules[entry.rule];
  SiteAttr site = SiteTable::makeSite(function.getContext(), *entry.candidate,
                                      rule.action.granularity);
  if (isa<BaseMemRefType>(entry.value.getType()))
    return insertBuffer(entry, rule, site);
  Operation *definition = entry.value.getDefiningOp();
  if (definition && !isPart(definition))
    return insertConstant(entry, rule, site);
  OpBuilder builder(anchor);
  if (definition)
    builder.setInsertionPointAfter(definition);
  FailureOr<Value> rounded = roundValue(
      builder, entry.value, definition ? definition : anchor, rule, site, {});
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
  const Rule &rule = policy.rules[definition.rule];
  const Action &action = rule.action;
  const Candidate &candidate = *sites.lookup(op);
  if (definition.isInserted) {
    for (OpResult result : op->getResults())
      for (RoundOp round : insertedRounds(result))
        if (failed(
                nameInserted(round, op,
                             SiteTable::makeSite(function.getContext(),
                                                 candidate, action.granularity,
                                                 result.getResultNumber()))))
          return failure();
    return success();
  }
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
        roundValue(builder, result, op, rule, site, accumulator);
    if (failed(rounded))
      return failure();
    for (OpOperand *use : uses)
      use->set(*rounded);
  }
  if (isa<linalg::LinalgOp>(op) && op->getNumResults() == 0)
    return roundBufferOutputs(definition, rule, candidate);
  return success();
}
