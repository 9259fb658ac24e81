// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers and keys of the candidates, and the roles that follow from position.
#include "prec/Analysis/Sites.h"
#include "prec/Analysis/Contraction.h"
#include "prec/Analysis/Operations.h"
#include "prec/IR/GradientNames.h"
#include "prec/Numerics/Random.h"

using namespace mlir;
using namespace mlir::prec;

/// The nearest value of a string attribute at or around an operation.
static StringRef inherited(Operation *op, StringRef name) {
  for (; op; op = op->getParentOp())
    if (auto text = op->getAttrOfType<StringAttr>(name))
      return text.getValue();
  return "";
}

StringRef mlir::prec::scopeOf(Operation *op) {
  return inherited(op, scopeAttrName);
}

StringRef mlir::prec::rulesOf(Operation *op) {
  return inherited(op, policyAttrName);
}

StringRef mlir::prec::phaseOf(Operation *op) {
  StringRef phase = inherited(op, phaseAttrName);
  return phase.empty() ? StringRef("forward") : phase;
}

StringRef mlir::prec::nameOf(Operation *op) {
  if (auto text = op->getAttrOfType<StringAttr>(nameAttrName))
    return text.getValue();
  for (OpOperand &use : op->getUses())
    if (auto end = dyn_cast<func::ReturnOp>(use.getOwner()))
      if (auto text = end->getParentOfType<func::FuncOp>()
                          .getResultAttrOfType<StringAttr>(
                              use.getOperandNumber(), nameAttrName))
        return text.getValue();
  if (auto named = dyn_cast<NameLoc>(op->getLoc()))
    return named.getName().getValue();
  return "";
}

/// The role of an operation's result: what the attribute says, else what its
/// place in a linalg body says, else what the phase suggests.
static StringRef roleOf(Operation *op) {
  if (auto text = op->getAttrOfType<StringAttr>(roleAttrName))
    return text.getValue();
  if (op->hasTrait<OpTrait::ConstantLike>())
    return "input";
  if (auto parent = dyn_cast_or_null<linalg::LinalgOp>(op->getParentOp())) {
    if (auto contraction = matchContraction(parent))
      if (contraction->multiply == op)
        return "product";
    for (unsigned i = 0, n = parent.getNumDpsInits(); i < n; ++i)
      if (matchCombiner(parent, i) == op)
        return "accumulator";
    return roleOf(parent);
  }
  StringRef phase = phaseOf(op);
  if (phase == "backward")
    return "gradient";
  return phase == "update" ? "state" : "activation";
}

StringRef mlir::prec::classOf(Operation *op) {
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    structured = dyn_cast_or_null<linalg::LinalgOp>(op->getParentOp());
  if (structured) {
    if (matchContraction(structured))
      return "contraction";
    return structured.getNumReductionLoops() ? "reduction" : "elementwise";
  }
  return op->hasTrait<OpTrait::Elementwise>() ? "elementwise" : "other";
}

SiteTable::SiteTable(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      addFunction(function);
}

void SiteTable::addFunction(func::FuncOp function) {
  nextOrdinal.clear();
  StringRef entry = function.getName();
  for (BlockArgument argument : function.getArguments()) {
    if (!carrierOf(argument.getType()))
      continue;
    unsigned index = argument.getArgNumber();
    auto text = [&](StringRef name) -> StringRef {
      auto attr = function.getArgAttrOfType<StringAttr>(index, name);
      return attr ? attr.getValue() : StringRef();
    };
    Candidate c{nextNumber++,       index,   entry,
                phaseOf(function),  "",      text(nameAttrName),
                text(roleAttrName), "other", true};
    c.name = c.op;
    if (c.role.empty())
      c.role = "input";
    arguments.try_emplace({function, index}, c);
  }
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op == function || op->hasAttr(sitelessAttrName))
      return;
    OpKind kind = classify(op).kind;
    if (kind == OpKind::None || kind == OpKind::Rounded)
      return;
    StringRef phase = phaseOf(op), scope = scopeOf(op);
    Candidate c{nextNumber++, nextOrdinal[{phase, scope}]++,
                entry,        phase,
                scope,        op->getName().getStringRef(),
                roleOf(op),   classOf(op),
                false,        nameOf(op),
                rulesOf(op)};
    operations.try_emplace(op, c);
  });
}

const Candidate *SiteTable::lookup(Operation *op) const {
  auto it = operations.find(op);
  return it == operations.end() ? nullptr : &it->second;
}

const Candidate *SiteTable::lookup(func::FuncOp function,
                                   unsigned argument) const {
  auto it = arguments.find({function, argument});
  return it == arguments.end() ? nullptr : &it->second;
}

void SiteTable::transfer(Operation *from, Operation *to) {
  auto it = operations.find(from);
  if (it == operations.end())
    return;
  Candidate candidate = it->second;
  operations.erase(it);
  operations.try_emplace(to, candidate);
}

SiteAttr SiteTable::makeSite(MLIRContext *context, const Candidate &c,
                             Granularity granularity, unsigned result) {
  // Arguments have ordinals of their own, apart from the operations'.
  std::string role = (c.isArgument ? "argument:" : "") + c.role.str();
  if (result)
    role += "#" + std::to_string(result);
  uint64_t key = hash64(std::string_view(c.entry), std::string_view(c.phase),
                        std::string_view(c.scope), uint64_t(c.ordinal),
                        std::string_view(role));
  StringRef word(str(granularity).data(), str(granularity).size());
  return SiteAttr::get(context, c.number, key, c.entry, c.phase, c.scope, c.op,
                       c.role, word);
}
