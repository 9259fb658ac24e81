// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations by scope and phase, and the values between them.
#include "prec/Analysis/LayerGraph.h"
#include "prec/Analysis/Operations.h"
#include "prec/Analysis/StartValue.h"
#include "prec/Analysis/Work.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::prec;

std::string mlir::prec::shapeText(Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto shaped = dyn_cast<ShapedType>(type);
  Type element = shaped ? shaped.getElementType() : type;
  if (!shaped || !shaped.hasRank() || shaped.getRank() == 0) {
    os << (shaped && !shaped.hasRank() ? "*x" : "") << element;
    return text;
  }
  llvm::interleave(
      shaped.getShape(), os,
      [&](int64_t size) {
        if (ShapedType::isDynamic(size))
          os << '?';
        else
          os << size;
      },
      "x");
  if (!element.isF32())
    os << 'x' << element;
  return text;
}

/// Is it a number or an array that layers hand on?
static bool isData(Value value) {
  if (isa<IndexType>(getElementTypeOrSelf(value.getType())))
    return false;
  Operation *op = value.getDefiningOp();
  return !op ||
         !(op->hasTrait<OpTrait::ConstantLike>() || isa<tensor::EmptyOp>(op));
}

/// Does the user look at the elements?
static bool readsData(OpOperand &use) {
  if (isa<tensor::DimOp, memref::DimOp>(use.getOwner()))
    return false;
  auto structured = dyn_cast<linalg::LinalgOp>(use.getOwner());
  return !structured || !structured.hasPureTensorSemantics() ||
         structured.payloadUsesValueFromOperand(&use);
}

static bool countsAsOperation(Operation *op) {
  if (op->getParentOfType<linalg::LinalgOp>() ||
      op->hasTrait<OpTrait::IsTerminator>())
    return false;
  if (op->getNumResults() == 0)
    return true;
  return llvm::any_of(op->getResults(), isData);
}

/// Is there a number that a policy can round? Constants that are not one are no
/// sites.
static bool isSite(Operation *op, const SiteTable &sites) {
  if (!sites.lookup(op))
    return false;
  return !op->hasTrait<OpTrait::ConstantLike>() ||
         !llvm::all_of(op->getUses(), isStartOfExtremum);
}

static int64_t addUp(int64_t a, int64_t b) {
  int64_t sum;
  return llvm::AddOverflow(a, b, sum) ? INT64_MAX : sum;
}

LayerGraph::LayerGraph(func::FuncOp function, const SiteTable &sites)
    : function(function) {
  llvm::MapVector<std::pair<StringRef, StringRef>, unsigned> numbers;
  auto nodeOf = [&](Operation *op) {
    if (isa<func::ReturnOp>(op))
      return outside;
    StringRef phase = phaseOf(op), scope = scopeOf(op);
    auto [it, isNew] = numbers.try_emplace({phase, scope}, nodes.size());
    if (isNew) {
      nodes.emplace_back();
      nodes.back().phase = phase;
      nodes.back().scope = scope;
    }
    return it->second;
  };
  /// Bodies are parts of their operations.
  auto ownerOf = [](Operation *op) {
    auto structured = op->getParentOfType<linalg::LinalgOp>();
    return structured ? structured.getOperation() : op;
  };
  llvm::DenseSet<Value> weights;
  llvm::DenseSet<std::pair<Value, uint64_t>> known;
  auto addUse = [&](OpOperand &use, unsigned to) {
    Value value = use.get();
    auto argument = dyn_cast<BlockArgument>(value);
    bool isArgument =
        argument && argument.getOwner() == &function.getBody().front();
    if (argument && !isArgument)
      return; // of a loop or a body: its values have edges of their own
    auto role =
        isArgument
            ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                    roleAttrName)
            : value.getDefiningOp()->getAttrOfType<StringAttr>(roleAttrName);
    bool isConstant =
        !isArgument && value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
    if (role && role.getValue() == "weight" && (isArgument || isConstant) &&
        to != outside) {
      if (weights.insert(value).second)
        nodes[to].parameters = addUp(
            nodes[to].parameters, countElements(value.getType()).value_or(1));
    }
    if (!isData(value) || !readsData(use))
      return;
    unsigned from =
        isArgument ? outside : nodeOf(ownerOf(value.getDefiningOp()));
    if (from == to || !known.insert({value, uint64_t(from) << 32 | to}).second)
      return;
    edges.push_back({value, from, to});
    if (to != outside)
      nodes[to].hasInputs = true;
    if (from != outside)
      nodes[from].outputs.insert(value);
  };
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op == function)
      return;
    unsigned number = nodeOf(ownerOf(op));
    for (OpOperand &use : op->getOpOperands())
      addUse(use, number);
    if (number == outside)
      return;
    Node &node = nodes[number];
    node.operations += countsAsOperation(op);
    node.sites += isSite(op, sites);
    if (op->getParentOfType<linalg::LinalgOp>())
      return;
    hasUnknownSizes |= !countMultiplyAdds(op).has_value();
    node.multiplyAdds =
        addUp(node.multiplyAdds, countMultiplyAdds(op, 1).value_or(INT64_MAX));
  });
  for (BlockArgument argument : function.getArguments()) {
    arguments.sites +=
        sites.lookup(function, argument.getArgNumber()) != nullptr;
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      roleAttrName);
    if (role && role.getValue() == "weight" && !weights.contains(argument))
      arguments.parameters += countElements(argument.getType()).value_or(1);
  }
}
