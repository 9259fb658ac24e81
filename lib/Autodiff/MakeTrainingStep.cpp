// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prec-make-training-step: from @forward to @step and @predict.
#include "Clipping.h"
#include "Pointwise.h"
#include "ScaleLoss.h"
#include "StepBuilder.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Differentiate.h"
#include "prec/Autodiff/Passes.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"
#include "prec/IR/Prepare.h"

namespace mlir::prec {
#define GEN_PASS_DEF_MAKETRAININGSTEP
#include "prec/Autodiff/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;

DictionaryAttr StepBuilder::attributes(StringRef name, StringRef role,
                                       StringRef init) {
  Builder b(forward.function.getContext());
  NamedAttrList list;
  list.set(nameAttrName, b.getStringAttr(name));
  list.set(roleAttrName, b.getStringAttr(role));
  if (!init.empty())
    list.set(initAttrName, b.getStringAttr(init));
  return list.getDictionary(b.getContext());
}

void StepBuilder::addState(StringRef name, Type type, StringRef init) {
  arguments.push_back({type, attributes(name, "state", init)});
}

/// Of several inputs each says that it is one, and its name.
DictionaryAttr StepBuilder::inputAttributes(unsigned argument) {
  NamedAttrList list(forward.function.getArgAttrDict(argument));
  if (forward.inputs.size() > 1)
    for (NamedAttribute attribute : attributes(nameOf(argument), "input"))
      list.set(attribute.getName(), attribute.getValue());
  return list.getDictionary(forward.function.getContext());
}

std::string StepBuilder::nameOf(unsigned argument) {
  auto name =
      forward.function.getArgAttrOfType<StringAttr>(argument, nameAttrName);
  return name ? name.str() : "arg" + std::to_string(argument);
}

SmallVector<unsigned> StepBuilder::order() const {
  SmallVector<unsigned> result(forward.weights);
  llvm::append_range(result, forward.states);
  llvm::append_range(result, forward.inputs);
  return result;
}

/// The new states and, last, the new weight.
SmallVector<Value> StepBuilder::update(OpBuilder &b, unsigned number,
                                       Value weight, Value gradient, Value rate,
                                       ValueRange states,
                                       ValueRange corrections) {
  Location loc = forward.function.getArgument(number).getLoc();
  Stamp stamp(b, scopes[number], "update", "state");
  SmallVector<Value> current(states);
  auto apply = [&](UpdateFormula formula) {
    SmallVector<Value> inputs = {weight, gradient, rate};
    llvm::append_range(inputs, current);
    llvm::append_range(inputs, corrections);
    return pointwise(b, loc, weight, inputs, [&](ArrayRef<Expression> x) {
      size_t n = current.size();
      return formula(
          {x[0], x[1], x[2], x.slice(3, n), x.drop_front(3 + n), options});
    });
  };
  for (auto [i, state] : llvm::enumerate(optimizer->states))
    current[i] = apply(state.next);
  current.push_back(apply(optimizer->weight));
  return current;
}

void StepBuilder::collectArguments() {
  func::FuncOp f = forward.function;
  Builder b(f.getContext());
  for (ArrayRef<unsigned> own :
       {ArrayRef(forward.weights), ArrayRef(forward.states)})
    for (unsigned i : own)
      arguments.push_back({forward.typeOf(i), f.getArgAttrDict(i)});
  for (unsigned i : forward.weights)
    for (const Optimizer::State &state : optimizer->states)
      addState(nameOf(i) + "." + state.name.str(), forward.typeOf(i));
  Type element = forward.logits().getElementType();
  if (optimizer->isCorrected)
    for (const char *name : {"correction1", "correction2"})
      addState((optimizer->name + "." + name).str(), element);
  if (scaling.isDynamic) {
    addState("loss_scale", element,
             "constant:" + std::to_string(scaling.scale));
    addState("loss_scale.steps", element);
  }
  numStates = arguments.size();
  for (unsigned x : forward.inputs)
    arguments.push_back(
        {repeatBatch(cast<RankedTensorType>(forward.typeOf(x)), accumulate),
         inputAttributes(x)});
  arguments.push_back(
      {repeatBatch(labelsType(), accumulate),
       attributes(loss.hasValues ? "values" : "labels", "label")});
  arguments.push_back({b.getF32Type(), attributes("learning_rate", "input")});
}

func::FuncOp StepBuilder::declare(OpBuilder &b) {
  SmallVector<Type> inputs, results;
  SmallVector<DictionaryAttr> inputAttrs, resultAttrs;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    inputs.push_back(argument.type);
    inputAttrs.push_back(argument.attributes);
    if (i >= numStates)
      continue;
    results.push_back(argument.type);
    NamedAttrList name;
    if (auto text = argument.attributes.get(nameAttrName))
      name.set(nameAttrName, text);
    resultAttrs.push_back(name.getDictionary(b.getContext()));
  }
  results.push_back(forward.logits().getElementType());
  resultAttrs.push_back(attributes("loss", "loss"));
  auto step = func::FuncOp::create(b, forward.function.getLoc(), "step",
                                   b.getFunctionType(inputs, results));
  step.setAllArgAttrs(inputAttrs);
  step.setAllResultAttrs(resultAttrs);
  b.setInsertionPointToEnd(step.addEntryBlock());
  return step;
}

/// Adam's 1 - beta^t for this step.
SmallVector<Value> StepBuilder::correct(OpBuilder &b, func::FuncOp step) {
  SmallVector<Value> result;
  if (!optimizer->isCorrected)
    return result;
  Stamp stamp(b, {}, "update", "state");
  double betas[] = {options.beta1, options.beta2};
  for (auto [i, beta] : llvm::enumerate(betas)) {
    Expression old(
        b, step.getLoc(),
        step.getArgument(numStates - (scaling.isDynamic ? 4 : 2) + i));
    result.push_back((old * beta + (1.0 - beta)).value);
  }
  return result;
}

LogicalResult StepBuilder::build() {
  OpBuilder b(forward.function);
  collectArguments();
  func::FuncOp step = declare(b);
  auto made = accumulated(b, step);
  if (failed(made))
    return failure();
  ArrayRef<BlockArgument> all = step.getArguments();
  SmallVector<Value> weights(all.take_front(forward.weights.size()));
  ScaleLoss scaler(b, step.getLoc(), scaling,
                   all.slice(numStates - 2 * scaling.isDynamic));
  scaler.unscale(made->gradients);
  clipGradients(b, step.getLoc(), made->gradients, clipValue, clipNorm);

  Value rate = all.back();
  if (Type element = forward.logits().getElementType(); !element.isF32()) {
    Stamp stamp(b, {}, "update", "");
    rate = arith::ExtFOp::create(b, step.getLoc(), element, rate);
  }
  SmallVector<Value> corrections = correct(b, step);
  SmallVector<Value> returned, newStates;
  unsigned next = numOwn(), perWeight = optimizer->states.size();
  for (auto [i, number] : llvm::enumerate(forward.weights)) {
    SmallVector<Value> states(all.slice(next, perWeight));
    next += perWeight;
    SmallVector<Value> updated = update(
        b, number, weights[i], made->gradients[i], rate, states, corrections);
    returned.push_back(updated.pop_back_val());
    llvm::append_range(newStates, updated);
  }
  llvm::append_range(returned, made->states);
  llvm::append_range(returned, newStates);
  llvm::append_range(returned, corrections);
  scaler.finish(returned, all);
  returned.push_back(made->loss);
  func::ReturnOp::create(b, step.getLoc(), returned);
  if (accumulate > 1) {
    Operation *micro =
        forward.function->getParentOfType<ModuleOp>().lookupSymbol(
            "step.micro");
    if (micro->hasAttr(gradientsAttrName))
      step->setAttr(gradientsAttrName, b.getUnitAttr());
    if (failed(inlineMicroBatches(step)))
      return failure();
    micro->erase();
  }
  eraseDead(step);
  return success();
}

void StepBuilder::buildPredict() {
  func::FuncOp f = forward.function;
  OpBuilder b(f);
  SmallVector<Type> inputs;
  SmallVector<DictionaryAttr> inputAttrs;
  for (unsigned i : order()) {
    inputs.push_back(forward.typeOf(i));
    bool isInput = llvm::is_contained(forward.inputs, i);
    NamedAttrList list(isInput ? inputAttributes(i) : f.getArgAttrDict(i));
    list.erase(initAttrName);
    inputAttrs.push_back(list.getDictionary(f.getContext()));
  }
  auto predict = func::FuncOp::create(
      b, f.getLoc(), "predict", b.getFunctionType(inputs, forward.logits()));
  predict.setAllArgAttrs(inputAttrs);
  predict.setResultAttr(0, nameAttrName, b.getStringAttr("logits"));
  auto eval = b.getStringAttr("eval");
  predict->setAttr(phaseAttrName, eval);
  b.setInsertionPointToEnd(predict.addEntryBlock());
  Value logits = cloneBody(b, f, order(), predict.getArguments()).front();
  func::ReturnOp::create(b, f.getLoc(), logits);
  eraseDead(predict);
  predict.walk([&](Operation *op) {
    if (op->hasAttr(phaseAttrName))
      op->setAttr(phaseAttrName, eval);
  });
}

namespace {
struct MakeTrainingStep final
    : mlir::prec::impl::MakeTrainingStepBase<MakeTrainingStep> {
  using Base::Base;
  explicit MakeTrainingStep(BeforeDifferentiation before)
      : before(std::move(before)) {}
  MakeTrainingStep(const MakeTrainingStep &other)
      : MakeTrainingStepBase(other), before(other.before) {}

  BeforeDifferentiation before;
  /// What ignore-label is where nobody says.
  static constexpr int64_t noLabel = std::numeric_limits<int64_t>::min();

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    registerDifferentiableModels(registry);
  }

  FailureOr<LossOptions> readLoss() {
    auto fault = [&](const Twine &text) {
      return emitError(getOperation().getLoc(), text);
    };
    std::optional<LossKind> kind = parseLoss(loss);
    if (!kind)
      return fault("unknown loss '" + loss +
                   "', expected one of: " + listLosses());
    if (targets != "labels" && targets != "values")
      return fault("unknown targets '" + targets +
                   "', expected labels or values");
    LossOptions options{*kind, targets == "values", labelSmoothing};
    if (!options.hasValues && !takesLabels(*kind))
      return fault("found labels, but loss " + loss +
                   " compares outputs with values (floats)");
    if (options.hasValues && labelSmoothing != 0 &&
        *kind != LossKind::SoftmaxCrossEntropy)
      return fault("found label-smoothing, but loss " + loss +
                   " compares outputs with values, not with classes");
    if (options.hasValues && classAxis != -1)
      return fault("found class-axis, but outputs are compared with values of "
                   "the same shape");
    if (ignoreLabel == noLabel)
      return options;
    if (options.hasValues)
      return fault("found ignore-label, but outputs are compared with values");
    if (!llvm::isInt<32>(ignoreLabel))
      return fault("found ignore-label=" + Twine(ignoreLabel) +
                   ", expected a number of 32 bits");
    options.ignoredLabel = int32_t(ignoreLabel);
    return options;
  }

  LogicalResult run() {
    ModuleOp module = getOperation();
    const Optimizer *row = findOptimizer(optimizer);
    if (!row)
      return emitError(module.getLoc(), "unknown optimizer '")
             << optimizer << "', expected one of: " << listOptimizers();
    auto lossOptions = readLoss();
    if (failed(lossOptions))
      return failure();
    auto f = module.lookupSymbol<func::FuncOp>("forward");
    if (!f)
      return emitError(module.getLoc(),
                       "found no function @forward to make a training "
                       "step of");
    if (module.lookupSymbol("step"))
      return emitError(module.getLoc(), "the module already has a @step");
    OptimizerOptions options{momentum, beta1,   beta2,
                             alpha,    epsilon, weightDecay};
    if (labelSmoothing < 0 || labelSmoothing >= 1 || clipValue < 0 ||
        clipNorm < 0)
      return emitError(module.getLoc(), "found a label smoothing of ")
             << labelSmoothing << ", clip-value " << clipValue
             << " and clip-norm " << clipNorm
             << ", expected 0 <= smoothing < 1 and limits that are not "
                "negative";
    if (options.epsilon < 0)
      options.epsilon = row->epsilon;
    if (options.weightDecay < 0)
      options.weightDecay = row->weightDecay;
    std::string error;
    auto scaling = LossScaling::parse(lossScale, &error);
    if (!scaling)
      return emitError(module.getLoc(), "loss-scale: ") << error;
    if (accumulate < 1 || accumulate > 1 << 20)
      return emitError(module.getLoc(), "found accumulate=")
             << int64_t(accumulate) << ", expected 1..1048576";
    StepBuilder builder;
    builder.optimizer = row;
    builder.options = options;
    builder.loss = *lossOptions;
    builder.clipValue = clipValue;
    builder.clipNorm = clipNorm;
    builder.scaling = *scaling;
    builder.accumulate = accumulate;
    builder.before = before;
    auto predict = module.lookupSymbol<func::FuncOp>("predict");
    // Rows of classes need two dimensions; who only predicts does not say.
    bool hasRows = lossOptions->kind == LossKind::SoftmaxCrossEntropy ||
                   !lossOptions->hasValues;
    if (failed(builder.forward.read(f, hasRows && !onlyPredict ? 2 : 1)) ||
        (classAxis != -1 &&
         failed(builder.forward.moveClassesLast(classAxis, predict))) ||
        (!onlyPredict && failed(builder.build())))
      return failure();
    if (!predict)
      builder.buildPredict();
    f.erase();
    return success();
  }

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass>
mlir::prec::createMakeTrainingStep(BeforeDifferentiation before) {
  return std::make_unique<MakeTrainingStep>(std::move(before));
}
