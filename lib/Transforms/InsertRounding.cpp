// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass: options to policy, module to plan, plan to roundings.
#include "prec/IR/GradientNames.h"
#include "prec/IR/Prepare.h"
#include "prec/Policy/PolicyBuilder.h"
#include "prec/Transforms/DriveParameters.h"
#include "prec/Transforms/Inserter.h"
#include "prec/Transforms/Loops.h"
#include "prec/Transforms/Passes.h"
#include "prec/Transforms/Plan.h"
#include "prec/Transforms/WideCarrier.h"
#include "prec/Transforms/WidenNarrow.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::prec {
#define GEN_PASS_DEF_INSERTROUNDING
#include "prec/Transforms/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;

/// Named linalg operations whose body's operations are rounded one by one
/// become generic, with their attributes; the site table follows.
static LogicalResult generalizeRounded(const Plan &plan, SiteTable &sites) {
  llvm::SetVector<Operation *> named;
  for (const Plan::Definition &definition : plan.definitions())
    if (!definition.isExempt)
      if (auto parent = definition.op->getParentOfType<linalg::LinalgOp>())
        if (!isa<linalg::GenericOp>(parent))
          named.insert(parent);
  for (const Plan::Sum &sum : plan.sums())
    if (!isa<linalg::GenericOp>(sum.op))
      named.insert(sum.op);
  IRRewriter rewriter(plan.function()->getContext());
  for (Operation *each : named) {
    auto op = cast<linalg::LinalgOp>(each);
    rewriter.setInsertionPoint(op);
    // The generic takes the body's operations over and the op's place; `before`
    // stands for the operation, whose pointer is gone afterwards.
    DictionaryAttr attributes = op->getDiscardableAttrDictionary();
    Location loc = op.getLoc();
    Operation *before = each;
    FailureOr<linalg::GenericOp> generic =
        linalg::generalizeNamedOp(rewriter, op);
    if (failed(generic))
      return emitError(loc, "operation cannot be written as linalg.generic, so "
                            "its partial results cannot be rounded or "
                            "reordered");
    for (NamedAttribute attribute : attributes)
      if (attribute.getNameDialect() &&
          attribute.getNameDialect()->getNamespace() == "prec")
        (*generic)->setAttr(attribute.getName(), attribute.getValue());
    sites.transfer(before, *generic);
  }
  return success();
}

/// A rule that matches no site is a warning, in a strict policy an error. Those
/// of shipped policies are made for training and inference alike, so some may
/// have nothing to say about a model.
static LogicalResult checkMatches(ModuleOp module, const Policy &policy,
                                  const RuleBook &book) {
  bool isBad = false;
  for (const PolicyMatcher::Unmatched &u : book.unmatched()) {
    StringRef origin = policy.rules[u.rule].origin;
    if (origin.starts_with("preset:"))
      continue;
    isBad |= policy.strict;
    InFlightDiagnostic diagnostic = policy.strict
                                        ? emitError(module.getLoc())
                                        : emitWarning(module.getLoc());
    diagnostic << "rule '" << origin << "' matches no site; " << u.nearMisses;
  }
  return failure(isBad);
}

namespace {
struct InsertRounding
    : public mlir::prec::impl::InsertRoundingBase<InsertRounding> {
  using InsertRoundingBase::InsertRoundingBase;
  InsertRounding(Policy given, SiteReport *report)
      : given(std::move(given)), report(report) {}
  InsertRounding(const InsertRounding &other)
      : InsertRoundingBase(other), given(other.given), report(other.report) {}

  FailureOr<Policy> policyFromOptions();
  LogicalResult run(ModuleOp module, const Policy &policy);
  void count(ArrayRef<Plan> plans);
  void warn(ModuleOp module, const Policy &policy);

  void runOnOperation() override {
    FailureOr<Policy> policy =
        given ? FailureOr<Policy>(*given) : policyFromOptions();
    if (failed(policy) || failed(run(getOperation(), *policy)))
      signalPassFailure();
  }

  std::optional<Policy> given;
  SiteReport *report = nullptr;
};
} // namespace

FailureOr<Policy> InsertRounding::policyFromOptions() {
  PolicyBuilder builder;
  auto apply = [&](StringRef flag, StringRef value) -> LogicalResult {
    if (value.empty())
      return success();
    if (llvm::Error error = builder.apply(flag, value))
      return emitError(UnknownLoc::get(&getContext()))
             << llvm::toString(std::move(error));
    return success();
  };
  if (failed(apply("policy", policyFile)) || failed(apply("format", format)) ||
      failed(apply("truncate-bits", truncateBits)) ||
      failed(apply("truncate-mantissa", truncateMantissa)) ||
      failed(apply("rounding", rounding)) ||
      failed(apply("granularity", granularity)))
    return failure();
  for (const std::string &rule : round)
    if (failed(apply("round", rule)))
      return failure();
  for (const std::string &rule : sum)
    if (failed(apply("sum", rule)))
      return failure();
  if (failed(apply("seed", seed)) || failed(apply("random", random)) ||
      failed(apply("carrier", carrier)))
    return failure();
  llvm::Expected<Policy> policy = builder.finish();
  if (!policy)
    return emitError(UnknownLoc::get(&getContext()))
           << llvm::toString(policy.takeError());
  policy->strict |= strict;
  policy->widenNarrow |= widenNarrow;
  return *policy;
}

void mlir::prec::declareParameters(ModuleOp module, const Policy &policy) {
  SymbolTable symbols(module);
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto declare = [&](StringRef name, uint32_t value) {
    auto declared = symbols.lookup<DeclareOp>(name);
    if (!declared)
      declared = DeclareOp::create(builder, module.getLoc(),
                                   builder.getStringAttr(name), IntegerAttr(),
                                   DenseI64ArrayAttr(), UnitAttr());
    declared.setValueAttr(
        builder.getI32IntegerAttr(static_cast<int32_t>(value)));
    return declared;
  };
  bool needsStep = false, needsEpoch = false;
  llvm::StringMap<bool> asReal, asWhole;
  for (const Rule &rule : policy.rules) {
    const Action &action = rule.action;
    needsStep |= !action.keep && action.mode.isStochastic();
    for (auto [name, number] :
         llvm::zip_equal(action.parameters, action.runtimeNumbers()))
      (number.isReal ? asReal : asWhole)[name] = true;
  }
  if (needsStep)
    declare(seedParameter, policy.seed);
  for (const Parameter &parameter : policy.parameters) {
    needsStep |= !parameter.schedule.changes(/*isReal=*/true).empty();
    needsEpoch |= parameter.schedule.perEpoch;
  }
  if (needsStep)
    declare(stepParameter, 0);
  if (needsEpoch)
    declare(epochStepsParameter, 0);
  auto declareWith = [&](const Parameter &parameter, StringRef name,
                         bool isReal, function_ref<int32_t(double)> wordFor) {
    const Schedule &schedule = parameter.schedule;
    DeclareOp declared =
        declare(name, wordFor(isReal ? schedule.realAt(0) : schedule.at(0)));
    SmallVector<int64_t> numbers;
    for (Schedule::Point change : schedule.changes(isReal))
      numbers.append({change.step, wordFor(change.value)});
    if (numbers.empty())
      return;
    declared.setScheduleAttr(builder.getDenseI64ArrayAttr(numbers));
    declared.setPerEpoch(schedule.perEpoch);
  };
  for (const Parameter &parameter : policy.parameters) {
    bool isReal = asReal.contains(parameter.name);
    if (!isReal || asWhole.contains(parameter.name))
      declareWith(parameter, declarationName(parameter.name), false,
                  [](double value) { return int32_t(value); });
    for (bool isHighWord : {true, false})
      if (isReal)
        declareWith(parameter, declarationName(parameter.name, isHighWord),
                    true,
                    [&](double value) { return wordOf(value, isHighWord); });
  }
}

LogicalResult mlir::prec::insertBeforeDifferentiation(func::FuncOp function,
                                                      const Policy &policy) {
  auto module = function->getParentOfType<ModuleOp>();
  RuleBook book(policy);
  if (failed(book.readOverrides(module)))
    return failure();
  if (!book.hasGradients())
    return success();
  if (policy.widenNarrow)
    return function.emitError("narrow types are widened after differentiation, "
                              "so there must be no rule with a gradient");
  SiteTable sites(module);
  Plan plan(function, sites, book);
  if (failed(plan.make()))
    return failure();
  declareParameters(module, book.policy());
  Inserter inserter(function, sites, book.policy());
  auto hasGradient = [&](size_t rule) {
    return book.policy().rules[rule].action.gradient.has_value();
  };
  for (const Plan::Entry &entry : plan.entries())
    if (hasGradient(entry.rule) && isa<BlockArgument>(entry.value) &&
        failed(inserter.insert(entry)))
      return failure();
  for (const Plan::Definition &definition : plan.definitions())
    if (hasGradient(definition.rule) && failed(inserter.insert(definition)))
      return failure();
  function->setAttr(gradientsAttrName, UnitAttr::get(module.getContext()));
  return success();
}

/// A rule with a gradient promises what nobody can keep in a function that
/// came with its backward part, or that someone else differentiated.
static LogicalResult checkGradients(const Plan &plan, const RuleBook &book) {
  func::FuncOp function = plan.function();
  if (!book.hasGradients() || function->hasAttr(gradientsAttrName))
    return success();
  auto by = function->getAttrOfType<StringAttr>(differentiatedAttrName);
  bool wasDifferentiated = by != nullptr;
  function.walk([&](Operation *op) {
    StringRef phase = phaseOf(op);
    wasDifferentiated |= phase == "backward" || phase == "update";
  });
  if (!wasDifferentiated)
    return success();
  auto check = [&](size_t rule, Location loc) -> LogicalResult {
    const Rule &decides = book.policy().rules[rule];
    if (!decides.action.gradient)
      return success();
    std::string whose = ("@" + function.getName()).str();
    whose = by ? by.str() + " differentiated " + whose
               : whose + " came with its backward part";
    return emitError(loc) << "rule '" << decides.origin << "' has the gradient "
                          << str(*decides.action.gradient) << ", but " << whose
                          << ", so it is rounded after differentiation; "
                             "expected a @forward of which prec-train makes a "
                             "step, as prec.torch.export and prec.jax.export "
                             "write it, or a rule without";
  };
  for (const Plan::Entry &entry : plan.entries())
    if (failed(check(entry.rule, entry.value.getLoc())))
      return failure();
  for (const Plan::Definition &definition : plan.definitions())
    if (failed(check(definition.rule, definition.op->getLoc())))
      return failure();
  return success();
}

LogicalResult InsertRounding::run(ModuleOp module, const Policy &given) {
  stripFastMath(module);
  if (failed(inlineCalls(module)) || failed(decomposeComposites(module)))
    return failure();
  if (given.widenNarrow && failed(widenNarrowTypes(module)))
    return failure();
  RuleBook book(given);
  if (failed(book.readOverrides(module)))
    return failure();
  const Policy &policy = book.policy();
  if (policy.rules.empty() && !report && !policy.hasScheduledLossScale())
    return success();
  if (llvm::any_of(policy.rules, [](const Rule &rule) {
        return rule.action.mode.isStochastic();
      }))
    addWhileCounters(module);

  SiteTable sites(module);
  // A first plan says which bodies must be spelled out, a second one stands.
  std::vector<Plan> plans;
  auto planAll = [&] {
    plans.clear();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      plans.emplace_back(function, sites, book);
      if (failed(plans.back().make()))
        return failure();
    }
    return success();
  };
  if (failed(planAll()))
    return failure();
  for (const Plan &plan : plans)
    if (failed(generalizeRounded(plan, sites)))
      return failure();
  if (failed(planAll()))
    return failure();

  if (failed(checkMatches(module, policy, book)))
    return failure();
  for (const Plan &plan : plans)
    if (failed(checkGradients(plan, book)))
      return failure();
  count(plans);
  warn(module, policy);
  if (report)
    for (const Plan &plan : plans)
      report->add(plan, sites, book);
  declareParameters(module, policy);
  SmallVector<FeedbackRound> feedback;
  SmallVector<ScaledRound> scaled;
  for (const Plan &plan : plans) {
    Inserter inserter(plan.function(), sites, policy);
    for (const Plan::Entry &entry : plan.entries())
      if (failed(inserter.insert(entry)))
        return failure();
    for (const Plan::Definition &definition : plan.definitions())
      if (failed(inserter.insert(definition)))
        return failure();
    if (failed(inserter.finish()))
      return failure();
    llvm::append_range(feedback, inserter.feedback());
    llvm::append_range(scaled, inserter.scaled());
    IRRewriter rewriter(module.getContext());
    for (Plan::Sum sum : plan.sums()) {
      if (sum.ruleOfOrder) {
        const Action &action = policy.rules[*sum.ruleOfOrder].action;
        ArrayRef<std::string> names = action.parametersOfSum();
        std::vector<Action::RuntimeNumber> numbers = action.runtimeNumbers();
        sum.spec.numbers = inserter.numbersOf(
            names,
            ArrayRef<Action::RuntimeNumber>(numbers).take_back(names.size()));
      }
      if (failed(applySummation(rewriter,
                                cast<linalg::GenericOp>(sum.op.getOperation()),
                                sum.spec, sites)))
        return failure();
    }
  }
  if (failed(addFeedback(module, feedback)) ||
      failed(scaleRounds(module, scaled)))
    return failure();
  if (policy.carrier == Carrier::F64 && failed(computeInDouble(module)))
    return failure();
  if (failed(driveParameters(module, policy)))
    return failure();
  // They are carried out: a second insertion must not do so again.
  module.walk([](Operation *op) {
    op->removeAttr(policyAttrName);
    op->removeAttr(gradientsAttrName);
    op->removeAttr(insertedAttrName);
  });
  return success();
}

void InsertRounding::count(ArrayRef<Plan> plans) {
  for (const Plan &plan : plans) {
    for (const Plan::Definition &d : plan.definitions())
      ++(d.isExempt ? exempt : rounded);
    for (const Plan::Entry &e : plan.entries())
      ++(e.isExempt ? exempt : rounded);
    kept += plan.kept().size();
    narrow += plan.keptNarrow().size();
    for (Operation *op : plan.keptNarrow())
      op->emitRemark("narrow type kept as written: '")
          << op->getName() << "' makes "
          << getElementTypeOrSelf(op->getResult(0).getType());
  }
}

void InsertRounding::warn(ModuleOp module, const Policy &policy) {
  bool hasScopes = false;
  module.walk([&](Operation *op) {
    hasScopes |= op->hasAttr(scopeAttrName);
    return hasScopes ? WalkResult::interrupt() : WalkResult::advance();
  });
  bool usesLayers = llvm::any_of(policy.rules, [](const Rule &rule) {
    return !rule.action.keep && rule.action.granularity == Granularity::Layer;
  });
  if (usesLayers && !hasScopes)
    module.emitWarning("granularity layer in a module without scopes: no value "
                       "crosses a layer's border; only arguments and results "
                       "are rounded");
}

std::unique_ptr<Pass> mlir::prec::createInsertRounding(Policy policy,
                                                       SiteReport *report) {
  return std::make_unique<InsertRounding>(std::move(policy), report);
}
