// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layer paths from the names that importers write into locations.
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/IR/Location.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::prec;

/// Splits at slashes that stand in no parentheses.
static SmallVector<StringRef> components(StringRef path) {
  SmallVector<StringRef> parts;
  size_t depth = 0, start = 0;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || (path[i] == '/' && depth == 0)) {
      if (i > start)
        parts.push_back(path.slice(start, i));
      start = i + 1;
    } else if (path[i] == '(') {
      ++depth;
    } else if (path[i] == ')' && depth > 0) {
      --depth;
    }
  }
  return parts;
}

namespace {
/// The layers in a name of JAX: `transpose(jvp(a/b))` is the layer a/b on the
/// way back, `jit(f)` a function and no layer.
struct JaxName {
  SmallVector<StringRef> layers;
  std::optional<size_t> transposed, again;
  bool isBackward = false;

  void add(StringRef part) {
    size_t open = part.find('(');
    if (open == StringRef::npos || !part.ends_with(")")) {
      layers.push_back(part);
      return;
    }
    StringRef word = part.take_front(open);
    if (word == "jit" || word == "pjit")
      return;
    if (word == "transpose") {
      isBackward = true;
      transposed = layers.size();
    } else if (word == "jvp" && transposed && *transposed < layers.size()) {
      again = layers.size();
    }
    for (StringRef piece : components(part.slice(open + 1, part.size() - 1)))
      add(piece);
  }

  /// All of a name but the operation.
  void addName(StringRef name) {
    SmallVector<StringRef> parts = components(name);
    if (!parts.empty())
      parts.pop_back();
    for (StringRef part : parts)
      add(part);
  }

  /// Without the words of JAX's control flow, and once: what a checkpoint
  /// makes again is named `transpose(jvp(a))/b/jvp(a)/b/checkpoint/...`.
  ScopeName scope() const {
    ArrayRef<StringRef> rest = layers;
    SmallVector<StringRef> kept;
    if (again) {
      ArrayRef<StringRef> once = rest.slice(*transposed, *again - *transposed);
      if (rest.drop_front(*again).take_front(once.size()) == once) {
        kept.append(rest.begin(), rest.begin() + *transposed);
        rest = rest.drop_front(*again);
      }
    }
    while (!rest.empty()) {
      StringRef word = rest.front(), next = rest.size() > 1 ? rest[1] : "";
      bool isLoop = word == "while" && (next == "body" || next == "cond");
      bool isBranch = word == "cond" && next.starts_with("branch_");
      bool isCall = word == "checkpoint" || word == "rematted_computation" ||
                    word == "closed_call";
      if (!isLoop && !isBranch && !isCall)
        kept.push_back(word);
      rest = rest.drop_front(isLoop || isBranch ? 2 : 1);
    }
    return {join(kept, "/"), isBackward};
  }
};
} // namespace

ScopeName mlir::prec::scopeOfName(StringRef name) {
  ScopeName result;
  if (size_t bar = name.find('|'); bar != StringRef::npos) {
    StringRef path = name.take_front(bar);
    result.isBackward = path.consume_front("backward:");
    result.scope = path.str();
    return result;
  }
  if (name.starts_with("jit(")) {
    JaxName made;
    made.addName(name);
    return made.scope();
  }
  // A single word is an operation's or a value's name, not a layer's path.
  if (name.contains('/'))
    result.scope = name.trim('/').str();
  return result;
}

/// The name of what was inlined into a function of JAX goes on from its call's:
/// `reduce_max` at `jit(f)/transpose(jvp(loss))/jit(log_softmax)`.
static std::optional<JaxName> jaxNameIn(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    if (!name.getName().strref().starts_with("jit("))
      return std::nullopt;
    JaxName result;
    result.addName(name.getName());
    return result;
  }
  auto call = dyn_cast<CallSiteLoc>(loc);
  if (!call)
    return std::nullopt;
  std::optional<JaxName> result = jaxNameIn(call.getCaller());
  if (auto name = dyn_cast<NameLoc>(call.getCallee()); name && result)
    result->addName(name.getName());
  return result;
}

/// What the first name in a location stands for, from the outside in, or
/// nothing.
static std::optional<ScopeName> scopeIn(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return scopeOfName(name.getName());
  if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    if (std::optional<JaxName> name = jaxNameIn(call))
      return name->scope();
    return scopeIn(call.getCallee());
  }
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::optional<ScopeName> name = scopeIn(part))
        return name;
  return std::nullopt;
}

int64_t mlir::prec::scopesFromLocations(ModuleOp module) {
  int64_t count = 0;
  auto *context = module.getContext();
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op == module || isa<SymbolOpInterface>(op))
      return;
    if (op->hasAttr(scopeAttrName))
      return;
    // Operations in another one are part of it; in loops and branches there may
    // be layers.
    Operation *outer = op->getParentOp();
    while (outer && !outer->hasAttr(scopeAttrName))
      outer = outer->getParentOp();
    if (outer && !isa<RegionBranchOpInterface>(outer))
      return;
    ScopeName name = scopeIn(op->getLoc()).value_or(ScopeName());
    if (outer &&
        outer->getAttr(scopeAttrName) == StringAttr::get(context, name.scope))
      return;
    if (name.isBackward && !op->hasAttr(phaseAttrName))
      op->setAttr(phaseAttrName, StringAttr::get(context, "backward"));
    if (name.scope.empty())
      return;
    op->setAttr(scopeAttrName, StringAttr::get(context, name.scope));
    ++count;
  });
  return count;
}
