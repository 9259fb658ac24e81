// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which rule decides where, and what it covers.
#include "PlanState.h"
#include "prec/Analysis/StartValue.h"
#include "prec/IR/GradientNames.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

SiteView mlir::prec::viewOf(const Candidate &c) {
  SiteView view;
  view.function = c.entry;
  view.phase = c.phase;
  view.scope = c.scope;
  view.role = c.role;
  view.op = c.op;
  view.opClass = c.opClass;
  view.name = c.name;
  view.rules = c.rules;
  return view;
}

bool mlir::prec::isPart(Operation *op) {
  return isa_and_nonnull<tensor::ExtractSliceOp>(op) &&
         op->hasAttr(sitelessAttrName) && isa<BlockArgument>(op->getOperand(0));
}

/// What stands for an argument of a function in a loop over parts of a batch:
/// these, and what the loop carries and begins with it. A null value if a use
/// is none of them.
static Value standIn(OpOperand &use) {
  if (isPart(use.getOwner()))
    return use.getOwner()->getResult(0);
  auto loop = dyn_cast<scf::ForOp>(use.getOwner());
  return loop && isa<BlockArgument>(use.get())
             ? Value(loop.getTiedLoopRegionIterArg(&use))
             : Value();
}

/// The argument that a value stands for, or the value.
static Value standsFor(Value value) {
  if (isPart(value.getDefiningOp()))
    return value.getDefiningOp()->getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()))
      if (OpOperand *init = loop.getTiedLoopInit(argument))
        if (isa<BlockArgument>(init->get()))
          return init->get();
  return value;
}

/// A scalar may be an array of one element to be rounded (Inserter).
SmallVector<RoundOp> mlir::prec::insertedRounds(Value value) {
  SmallVector<RoundOp> rounds;
  auto add = [&](Operation *user) {
    if (auto round = dyn_cast<RoundOp>(user);
        round && round->hasAttr(insertedAttrName))
      rounds.push_back(round);
  };
  auto addUsers = [&](Value value) {
    for (Operation *user : value.getUsers()) {
      add(user);
      if (isa<tensor::FromElementsOp>(user) && user->hasAttr(sitelessAttrName))
        llvm::for_each(user->getUsers(), add);
    }
  };
  addUsers(value);
  for (OpOperand &use : value.getUses())
    if (Value other = standIn(use))
      addUsers(other);
  return rounds;
}

std::optional<size_t> Plan::ruleOfInserted(RoundOp round) const {
  if (!round->hasAttr(insertedAttrName))
    return std::nullopt;
  Value source = round.getOperand();
  if (auto array = source.getDefiningOp<tensor::FromElementsOp>())
    if (array->hasAttr(sitelessAttrName))
      source = array.getElements().front();
  source = standsFor(source);
  if (Operation *op = source.getDefiningOp())
    return ruleFor(op);
  Value result = round.getResult();
  if (result.hasOneUse())
    if (auto scalar = dyn_cast<tensor::ExtractOp>(*result.user_begin()))
      if (scalar->hasAttr(sitelessAttrName))
        result = scalar;
  // Backward uses are no uses of the rule's.
  for (OpOperand &use : result.getUses())
    if (std::optional<size_t> rule = ruleForUse(source, use))
      if (policy.rules[*rule].action.gradient)
        return rule;
  return std::nullopt;
}

std::optional<size_t> Plan::match(const SiteView &view) const {
  std::optional<size_t> rule = book.match(view);
  if (!rule || policy.rules[*rule].action.keep || view.role == "label")
    return std::nullopt;
  return rule;
}

std::optional<size_t> Plan::ruleFor(Operation *op) const {
  const Candidate *c = sites.lookup(op);
  return c ? match(viewOf(*c)) : std::nullopt;
}

/// Arguments and constants are rounded where they are used: the user's phase
/// and scope count. The update reads a weight as the state that it is.
std::optional<SiteView> Plan::viewOfUse(Value value, OpOperand &use) const {
  const Candidate *c;
  if (isPart(value.getDefiningOp()))
    value = standsFor(value);
  if (auto argument = dyn_cast<BlockArgument>(value))
    c = sites.lookup(cast<func::FuncOp>(argument.getOwner()->getParentOp()),
                     argument.getArgNumber());
  else
    c = sites.lookup(value.getDefiningOp());
  if (!c)
    return std::nullopt;
  Operation *user = use.getOwner();
  // An output operand that only lends its shape is not read.
  if (auto structured = dyn_cast<linalg::LinalgOp>(user))
    if (structured.isDpsInit(&use) && isa<TensorType>(value.getType()) &&
        !structured.payloadUsesValueFromOperand(&use))
      return std::nullopt;
  if (isStartOfExtremum(use))
    return std::nullopt;
  SiteView view = viewOf(*c);
  view.phase = phaseOf(user);
  view.scope = scopeOf(user);
  view.op = user->getName().getStringRef();
  view.opClass = classOf(user);
  view.rules = rulesOf(user);
  if (view.phase == "update" && view.role == "weight")
    view.role = "state";
  return view;
}

std::optional<size_t> Plan::ruleForUse(Value value, OpOperand &use) const {
  std::optional<SiteView> view = viewOfUse(value, use);
  return view ? match(*view) : std::nullopt;
}

/// The operation whose operand a use is, seen from outside linalg bodies.
static Operation *userOf(OpOperand &use) {
  if (auto parent = use.getOwner()->getParentOfType<linalg::LinalgOp>())
    return parent;
  return use.getOwner();
}

bool Plan::crosses(Operation *op, Granularity granularity) const {
  auto isBorder = [&](OpOperand &use) {
    Operation *user = userOf(use);
    if (isa<func::ReturnOp>(user))
      return true;
    return granularity == Granularity::Layer && scopeOf(user) != scopeOf(op);
  };
  for (Value result : op->getResults())
    if (isCarrierLike(result.getType()) &&
        llvm::any_of(result.getUses(), isBorder))
      return true;
  // A linalg operation on buffers: who else looks at its outputs?
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || !structured.hasPureBufferSemantics())
    return false;
  return llvm::any_of(structured.getDpsInits(), [&](Value buffer) {
    return llvm::any_of(buffer.getUses(), [&](OpOperand &use) {
      return userOf(use) != op && isBorder(use);
    });
  });
}

bool Plan::covers(const Action &action, Operation *op) const {
  if (op->getParentOfType<linalg::LinalgOp>())
    return action.granularity == Granularity::Elementary;
  if (action.granularity <= Granularity::Op)
    return true;
  return crosses(op, action.granularity);
}

void Plan::addEntries(Value value, const Candidate *candidate) {
  SmallVector<RoundOp> inserted = insertedRounds(value);
  for (RoundOp round : inserted) {
    std::optional<size_t> rule = ruleOfInserted(round);
    if (!rule)
      continue;
    for (OpOperand &use : round.getResult().getUses())
      if (ruleForUse(value, use) == rule) {
        allEntries.push_back({value,
                              candidate,
                              *rule,
                              /*isExempt=*/false,
                              {},
                              *viewOfUse(value, use),
                              round});
        break;
      }
  }
  bool wasDifferentiated = entry->hasAttr(gradientsAttrName);
  SmallVector<OpOperand *> allUses;
  auto addUses = [&](Value value) {
    for (OpOperand &use : value.getUses())
      allUses.push_back(&use);
  };
  addUses(value);
  for (OpOperand *use : SmallVector<OpOperand *>(allUses))
    if (isPart(use->getOwner())) {
      llvm::erase(allUses, use);
      addUses(use->getOwner()->getResult(0));
    }
  using Key = std::pair<Value, size_t>;
  llvm::MapVector<Key, SmallVector<OpOperand *>> byRule;
  std::optional<SiteView> kept;
  for (OpOperand *each : allUses) {
    OpOperand &use = *each;
    std::optional<SiteView> view = viewOfUse(value, use);
    if (!view || llvm::is_contained(inserted, use.getOwner()))
      continue;
    if (Value other = standIn(use);
        other && llvm::any_of(inserted, [&](RoundOp round) {
          return round.getOperand() == other;
        }))
      continue;
    std::optional<size_t> rule = match(*view);
    // Then no more are inserted for rules with a gradient.
    if (rule && wasDifferentiated && isa<BlockArgument>(value) &&
        policy.rules[*rule].action.gradient)
      rule = std::nullopt;
    if (rule)
      byRule[{use.get(), *rule}].push_back(&use);
    else
      kept = view;
  }
  if (kept && isa<BlockArgument>(value))
    allKeptEntries.push_back({value, candidate, *kept});
  Attribute constant;
  matchPattern(value, m_Constant(&constant));
  for (auto &[key, uses] : byRule) {
    auto [source, rule] = key;
    const Action &action = policy.rules[rule].action;
    if (constant && action.granularity > Granularity::Op &&
        candidate->role != "weight")
      continue;
    bool isExempt = constant && isRepresentable(constant, action.format);
    // Uses come last first; program order reads better and is as stable.
    std::reverse(uses.begin(), uses.end());
    SiteView view = *viewOfUse(value, *uses.front());
    allEntries.push_back(
        {source, candidate, rule, isExempt, std::move(uses), view, {}});
  }
}

/// A rule about a sum may speak of the operation or of the addition inside.
void Plan::addSum(linalg::LinalgOp op) {
  Operation *add = matchSum(op);
  if (!add)
    return;
  SumSpec spec;
  std::optional<size_t> ruleOfOrder;
  std::vector<size_t> rules;
  for (Operation *asked : {op.getOperation(), add})
    if (const Candidate *candidate = sites.lookup(asked))
      llvm::append_range(rules, book.matches(viewOf(*candidate)));
  llvm::sort(rules);
  for (size_t rule : rules) {
    const Action &action = policy.rules[rule].action;
    if (action.sum) {
      spec.sum = action.sum;
      ruleOfOrder = rule;
    }
    if (action.fused)
      spec.fused = action.fused;
  }
  if (spec.sum || spec.fused)
    allSums.push_back({op, spec, ruleOfOrder});
}

LogicalResult Plan::addOperation(Operation *op) {
  Classification classification = classify(op);
  if (classification.isKeptNarrow)
    allNarrow.push_back(op);
  const Candidate *candidate = sites.lookup(op);
  if (!candidate)
    return success();
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    addSum(structured);
  if (classification.kind == OpKind::Constant) {
    addEntries(op->getResult(0), candidate);
    return success();
  }
  std::optional<size_t> rule = ruleFor(op);
  if (!rule) {
    allKept.push_back(op);
    return success();
  }
  const Action &action = policy.rules[*rule].action;
  bool isInserted =
      action.gradient && llvm::any_of(op->getResults(), [&](Value result) {
        return !insertedRounds(result).empty();
      });
  if (isInserted) {
    allDefinitions.push_back({op, *rule, /*isExempt=*/false, isInserted});
    return success();
  }
  // No more are inserted for rules with a gradient.
  bool isTooLate = action.gradient && entry->hasAttr(gradientsAttrName) &&
                   !isExempt(op, action);
  if (isTooLate || !covers(action, op)) {
    allUncovered.push_back(op);
    return success();
  }
  if (classification.kind == OpKind::Refused)
    return op->emitError("'")
           << op->getName() << "' cannot be rounded: " << classification.why;
  if (action.granularity == Granularity::Elementary && hidesPartialResults(op))
    return op->emitError("'")
           << op->getName()
           << "' hides its partial results, so they cannot be rounded one by "
              "one; lower it to arith first, or choose granularity op";
  allDefinitions.push_back({op, *rule, isExempt(op, action)});
  return success();
}

LogicalResult Plan::make() {
  for (BlockArgument argument : entry.getArguments())
    if (const Candidate *candidate =
            sites.lookup(entry, argument.getArgNumber()))
      addEntries(argument, candidate);
  WalkResult result = entry.walk<WalkOrder::PreOrder>([&](Operation *op) {
    return failed(addOperation(op)) ? WalkResult::interrupt()
                                    : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
