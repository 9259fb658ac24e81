// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formats that values are known to be in, and exemption.
#include "PlanState.h"
#include "prec/Analysis/StartValue.h"
#include "prec/Numerics/Round.h"
#include "prec/Transforms/Inserter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace mlir::prec;

bool mlir::prec::isRepresentable(Attribute constant, Format format) {
  if (!format.isElementwise())
    return false;
  // Where the numbers are unknown, zero alone is one for sure.
  bool isFloat = format.family == Format::Family::Float ||
                 format.family == Format::Family::Mantissa ||
                 format.family == Format::Family::Word;
  bool isMoved = !isFloat && format.isRuntime();
  if (format.fractionBits == Format::runtime && !isMoved)
    format.fractionBits = 0;
  if (format.exponentBits == Format::runtime && isFloat)
    format.exponentBits = 2;
  // A format that does not fit is an error where it is used, not here.
  auto typed = dyn_cast<TypedAttr>(constant);
  std::optional<Carrier> carrier =
      typed ? carrierOf(typed.getType()) : std::nullopt;
  if (!carrier || !format.whyNotIn(*carrier).empty())
    return false;
  auto isOne = [&](const APFloat &value) {
    if (isMoved)
      return value.isPosZero();
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

Plan::State Plan::stateAtUse(OpOperand &use) const {
  Value value = use.get();
  Operation *definition = value.getDefiningOp();
  auto argument = dyn_cast<BlockArgument>(value);
  bool isConstant = definition && definition->hasTrait<OpTrait::ConstantLike>();
  bool isEntry =
      isPart(definition) ||
      (argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) &&
       argument.getOwner()->isEntryBlock());
  if (!isConstant && !isEntry)
    return stateOf(value);
  if (isConstant && isStartOfExtremum(use))
    return {nullptr, true};
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
      // One element of an array that shares a scale is in no format.
      if (state.action && !state.action->format.isElementwise())
        return State::unknown();
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
  if (auto round = dyn_cast<RoundOp>(op))
    if (std::optional<size_t> rule = ruleOfInserted(round))
      return {&policy.rules[*rule].action, false};
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
    State state = meetOf(floats);
    if (state.action && !isClosed(op, state.action->format))
      return State::unknown();
    if (changesSign(op))
      state.constant = {};
    return state;
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
    // Padding that no maximum takes moves no element into another block.
    if (auto pad = dyn_cast<tensor::PadOp>(op))
      if (isStartOfExtremum(pad.getBody()->getTerminator()->getOpOperand(0)))
        return allIn(floats);
    return isClosed(op, action.format) && allIn(floats);
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
