// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Coverage, formats that values are known to be in, and exemption.
#include "prec/Transforms/Plan.h"
#include "prec/Numerics/Round.h"
#include "prec/Transforms/Inserter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace mlir::prec;

/// Is every element a number of the format, whatever its run-time widths are?
static bool isRepresentable(Attribute constant, Format format) {
  if (format.fractionBits == Format::runtime)
    format.fractionBits = 0;
  if (format.exponentBits == Format::runtime)
    format.exponentBits = 2;
  // A format that does not fit is an error where it is used, not here.
  auto typed = dyn_cast<TypedAttr>(constant);
  std::optional<Carrier> carrier =
      typed ? carrierOf(typed.getType()) : std::nullopt;
  if (!carrier || !format.whyNotIn(*carrier).empty())
    return false;
  auto isOne = [&](const APFloat &value) {
    if (&value.getSemantics() == &APFloat::IEEEsingle())
      return value.bitwiseIsEqual(APFloat(round(
          value.convertToFloat(), format, RoundingMode::Kind::TowardZero)));
    return value.bitwiseIsEqual(APFloat(round(value.convertToDouble(), format,
                                              RoundingMode::Kind::TowardZero)));
  };
  if (auto scalar = dyn_cast<FloatAttr>(constant))
    return isOne(scalar.getValue());
  if (auto splat = dyn_cast<SplatElementsAttr>(constant))
    return isOne(splat.getSplatValue<APFloat>());
  if (auto elements = dyn_cast<DenseFPElementsAttr>(constant))
    return llvm::all_of(elements.getValues<APFloat>(), isOne);
  return false;
}

/// `any`: of no format in particular, fits all. `constant`: that number, in
/// every format that has it. `action` null: not known.
struct Plan::State {
  const Action *action = nullptr;
  bool any = false;
  Attribute constant = {};

  static State unknown() { return {}; }
  bool isIn(const Action &other) const {
    if (constant && isRepresentable(constant, other.format))
      return true;
    return any || (action && action->format == other.format &&
                   action->parameters == other.parameters);
  }
  State meet(State other) const {
    if (any)
      return other;
    if (other.any)
      return *this;
    // One of them may be a number that the other's format has.
    if (other.action && isIn(*other.action))
      return other;
    return action && other.isIn(*action) ? *this : unknown();
  }
};

SiteView mlir::prec::viewOf(const Candidate &c) {
  SiteView view;
  view.function = c.entry;
  view.phase = c.phase;
  view.scope = c.scope;
  view.role = c.role;
  view.op = c.op;
  view.opClass = c.opClass;
  view.name = c.name;
  return view;
}

std::optional<size_t> Plan::match(const SiteView &view) const {
  std::optional<size_t> rule = matcher.match(view);
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
  SiteView view = viewOf(*c);
  view.phase = phaseOf(user);
  view.scope = scopeOf(user);
  view.op = user->getName().getStringRef();
  view.opClass = classOf(user);
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

Plan::State Plan::stateAtUse(OpOperand &use) const {
  Value value = use.get();
  Operation *definition = value.getDefiningOp();
  auto argument = dyn_cast<BlockArgument>(value);
  bool isConstant = definition && definition->hasTrait<OpTrait::ConstantLike>();
  bool isEntry = argument &&
                 isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
                 argument.getOwner()->isEntryBlock();
  if (!isConstant && !isEntry)
    return stateOf(value);
  // A buffer may hold by now what was stored under another rule.
  if (isEntry && isa<BaseMemRefType>(value.getType()) && isWritten(value))
    return State::unknown();
  std::optional<size_t> rule = ruleForUse(value, use);
  State unrounded;
  matchPattern(value, m_Constant(&unrounded.constant));
  if (!rule)
    return unrounded;
  const Action &action = policy.rules[*rule].action;
  if (isConstant && action.granularity > Granularity::Op &&
      sites.lookup(definition)->role != "weight")
    return unrounded;
  return {&action, false};
}

Plan::State Plan::bodyState(linalg::LinalgOp op, unsigned output) const {
  Operation *yield = op.getBlock()->getTerminator();
  State state = stateAtUse(yield->getOpOperand(output));
  // Without an iteration the result is the initial value.
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  for (auto [range, kind] : llvm::zip_equal(ranges, kinds))
    if (kind == utils::IteratorType::reduction && range <= 0)
      return state.meet(stateAtUse(*op.getDpsInitOperand(output)));
  return state;
}

/// The operands that may become result or region argument `index` of a loop or
/// branch: initial values and what its regions yield.
static SmallVector<OpOperand *> incoming(Operation *op, unsigned index) {
  SmallVector<OpOperand *> operands;
  if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
    MutableArrayRef<OpOperand> inits = loop.getInitsMutable();
    if (index < inits.size())
      operands.push_back(&inits[index]);
  }
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      Operation *terminator = block.getTerminator();
      unsigned first = isa<scf::ConditionOp>(terminator) ? 1 : 0;
      if (first + index < terminator->getNumOperands())
        operands.push_back(&terminator->getOpOperand(first + index));
    }
  return operands;
}

/// Loops and branches whose values are all accounted for by `incoming`.
static bool isPlainControl(Operation *op) {
  return isa<scf::ForOp, scf::IfOp, scf::WhileOp, scf::IndexSwitchOp,
             scf::ExecuteRegionOp, affine::AffineForOp, affine::AffineIfOp>(op);
}

Plan::State Plan::stateOf(Value value) const {
  // A value that depends on itself through a loop constrains nothing.
  if (!inProgress.insert(value).second)
    return {nullptr, true};
  auto leave = llvm::scope_exit([&] { inProgress.erase(value); });

  auto meetOf = [&](auto &&operands) {
    State state{nullptr, true};
    for (OpOperand *operand : operands)
      state = state.meet(stateAtUse(*operand));
    return state;
  };
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto structured = dyn_cast<linalg::LinalgOp>(parent)) {
      OpOperand *operand = structured.getMatchingOpOperand(argument);
      State state = stateAtUse(*operand);
      if (!structured.isDpsInit(operand) || !structured.getNumReductionLoops())
        return state;
      unsigned output =
          operand->getOperandNumber() - structured.getNumDpsInputs();
      return state.meet(stateAtUse(
          structured.getBlock()->getTerminator()->getOpOperand(output)));
    }
    if (!isPlainControl(parent))
      return State::unknown();
    unsigned first = isa<scf::ForOp, affine::AffineForOp>(parent) ? 1 : 0;
    if (argument.getArgNumber() < first)
      return State::unknown();
    return meetOf(incoming(parent, argument.getArgNumber() - first));
  }
  Operation *op = value.getDefiningOp();
  if (std::optional<size_t> rule = ruleFor(op))
    if (covers(policy.rules[*rule].action, op))
      return {&policy.rules[*rule].action, false};
  unsigned index = cast<OpResult>(value).getResultNumber();
  switch (classify(op).kind) {
  case OpKind::Closed: {
    SmallVector<OpOperand *> floats;
    for (OpOperand &operand : op->getOpOperands())
      if (carrierOf(operand.get().getType()))
        floats.push_back(&operand);
    return meetOf(floats);
  }
  case OpKind::Structured:
    return bodyState(cast<linalg::LinalgOp>(op), index);
  case OpKind::Control:
    return isPlainControl(op) ? meetOf(incoming(op, index)) : State::unknown();
  default:
    return State::unknown();
  }
}

bool Plan::isExempt(Operation *op, const Action &action) const {
  auto allIn = [&](auto &&operands) {
    return llvm::all_of(operands, [&](OpOperand *operand) {
      return stateAtUse(*operand).isIn(action);
    });
  };
  switch (classify(op).kind) {
  case OpKind::Closed: {
    // What lies in memory is not tracked, except in arguments' rounded copies.
    SmallVector<OpOperand *> floats;
    for (OpOperand &operand : op->getOpOperands())
      if (carrierOf(operand.get().getType()))
        floats.push_back(&operand);
    return allIn(floats);
  }
  case OpKind::Structured: {
    auto structured = cast<linalg::LinalgOp>(op);
    for (unsigned i = 0, n = structured.getNumDpsInits(); i < n; ++i)
      if (!bodyState(structured, i).isIn(action))
        return false;
    return true;
  }
  case OpKind::Control:
    if (!isPlainControl(op))
      return false;
    for (OpResult result : op->getResults())
      if (isCarrierLike(result.getType()) &&
          !allIn(incoming(op, result.getResultNumber())))
        return false;
    return true;
  default:
    return false;
  }
}

void Plan::addEntries(Value value, const Candidate *candidate) {
  llvm::MapVector<size_t, SmallVector<OpOperand *>> byRule;
  std::optional<SiteView> kept;
  for (OpOperand &use : value.getUses()) {
    std::optional<SiteView> view = viewOfUse(value, use);
    if (!view)
      continue;
    if (std::optional<size_t> rule = match(*view))
      byRule[*rule].push_back(&use);
    else
      kept = view;
  }
  if (kept && isa<BlockArgument>(value))
    allKeptEntries.push_back({value, candidate, *kept});
  Attribute constant;
  matchPattern(value, m_Constant(&constant));
  for (auto &[rule, uses] : byRule) {
    const Action &action = policy.rules[rule].action;
    if (constant && action.granularity > Granularity::Op &&
        candidate->role != "weight")
      continue;
    bool isExempt = constant && isRepresentable(constant, action.format);
    // Uses come last first; program order reads better and is as stable.
    std::reverse(uses.begin(), uses.end());
    SiteView view = *viewOfUse(value, *uses.front());
    allEntries.push_back(
        {value, candidate, rule, isExempt, std::move(uses), view});
  }
}

LogicalResult Plan::addOperation(Operation *op) {
  Classification classification = classify(op);
  if (classification.isKeptNarrow)
    allNarrow.push_back(op);
  const Candidate *candidate = sites.lookup(op);
  if (!candidate)
    return success();
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
  if (!covers(action, op)) {
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
