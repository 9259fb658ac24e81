// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layer paths from the names that importers write into locations.
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/IR/Location.h"

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

/// Appends what a component of a JAX name stands for: `transpose(jvp(a/b))` is
/// the layer a/b on the way back, `jit(f)` a function and no layer.
static void addJaxPart(StringRef part, ScopeName &result) {
  size_t open = part.find('(');
  if (open != StringRef::npos && part.ends_with(")")) {
    StringRef word = part.take_front(open);
    StringRef inner = part.drop_front(open + 1).drop_back();
    if (word == "transpose")
      result.isBackward = true;
    if (word == "jit" || word == "pjit")
      return;
    for (StringRef piece : components(inner))
      addJaxPart(piece, result);
    return;
  }
  if (!result.scope.empty())
    result.scope += '/';
  result.scope += part;
}

ScopeName mlir::prec::scopeOfName(StringRef name) {
  ScopeName result;
  if (size_t bar = name.find('|'); bar != StringRef::npos) {
    StringRef path = name.take_front(bar);
    result.isBackward = path.consume_front("backward:");
    result.scope = path.str();
    return result;
  }
  if (name.starts_with("jit(")) {
    SmallVector<StringRef> parts = components(name);
    for (StringRef part : ArrayRef(parts).drop_back())
      addJaxPart(part, result);
    return result;
  }
  // A single word is an operation's or a value's name, not a layer's path.
  if (name.contains('/'))
    result.scope = name.trim('/').str();
  return result;
}

/// Is this a call in a function of JAX?
static bool isJax(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().strref().starts_with("jit(");
  auto call = dyn_cast<CallSiteLoc>(loc);
  return call && isJax(call.getCaller());
}

/// What the first name in a location stands for, from the outside in, or
/// nothing. Of what was inlined the names of a function of JAX go on from its
/// call's: `reduce_max` at `jit(f)/transpose(jvp(loss))/jit(log_softmax)`.
static std::optional<ScopeName> scopeIn(Location loc) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return scopeOfName(name.getName());
  if (auto call = dyn_cast<CallSiteLoc>(loc)) {
    if (!isJax(call.getCaller()))
      return scopeIn(call.getCallee());
    std::optional<ScopeName> result = scopeIn(call.getCaller());
    if (auto name = dyn_cast<NameLoc>(call.getCallee()); name && result) {
      SmallVector<StringRef> parts = components(name.getName());
      for (StringRef part : ArrayRef(parts).drop_back(parts.empty() ? 0 : 1))
        addJaxPart(part, *result);
    }
    return result;
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
    // An operation in another one has its scope unless it has its own.
    for (Operation *at = op; at; at = at->getParentOp())
      if (at->hasAttr(scopeAttrName))
        return;
    ScopeName name = scopeIn(op->getLoc()).value_or(ScopeName());
    if (name.isBackward && !op->hasAttr(phaseAttrName))
      op->setAttr(phaseAttrName, StringAttr::get(context, "backward"));
    if (name.scope.empty())
      return;
    op->setAttr(scopeAttrName, StringAttr::get(context, name.scope));
    ++count;
  });
  return count;
}
