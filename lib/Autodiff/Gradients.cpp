// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sweep, its activity analysis, its stamps and its error paths.
#include "prec/Autodiff/Gradients.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

#include "prec/Autodiff/DifferentiableOpInterface.cpp.inc"

bool mlir::prec::carriesGradient(Type type) {
  return isa<FloatType, RankedTensorType, VectorType>(type) &&
         isa<FloatType>(getElementTypeOrSelf(type));
}

Value mlir::prec::makeEmpty(OpBuilder &b, Location loc, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(tensor::DimOp::create(b, loc, like, i));
  return tensor::EmptyOp::create(b, loc, type, sizes);
}

static Value fillZero(OpBuilder &b, Location loc, Value empty) {
  Type element = getElementTypeOrSelf(empty.getType());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  return linalg::FillOp::create(b, loc, zero, empty).getResult(0);
}

Value mlir::prec::makeZeros(OpBuilder &b, Location loc, RankedTensorType type,
                            ValueRange sizes) {
  return fillZero(b, loc, tensor::EmptyOp::create(b, loc, type, sizes));
}

Value mlir::prec::makeZero(OpBuilder &b, Location loc, Value like) {
  if (isa<RankedTensorType>(like.getType()))
    return fillZero(b, loc, makeEmpty(b, loc, like));
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(like.getType()));
}

Gradients::Gradients(OpBuilder &builder, ValueRange sources, Stamp stamp,
                     Gradients *parent)
    : builder(builder), stamps(stamp == Stamp::Yes), parent(parent) {
  for (Value source : sources)
    wanted[source] = true;
  Block *block = builder.getInsertionBlock();
  if (builder.getInsertionPoint() != block->begin())
    lastStamped = &*std::prev(builder.getInsertionPoint());
}

bool Gradients::dependsOnSource(Operation *op) {
  if (llvm::any_of(op->getOperands(), [&](Value v) { return wants(v); }))
    return true;
  if (op->getNumRegions() == 0)
    return false;
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  return llvm::any_of(captured, [&](Value v) { return wants(v); });
}

bool Gradients::wants(Value value) {
  if (!carriesGradient(value.getType()))
    return false;
  auto [it, isNew] = wanted.try_emplace(value, false);
  if (!isNew)
    return it->second;
  // What a part of the sweep depends on outside is among its sources.
  Region *region = builder.getInsertionBlock()->getParent();
  if (parent && !region->isAncestor(value.getParentRegion()))
    return false;
  Operation *op = value.getDefiningOp();
  bool result = op && !op->hasAttr(detachedAttrName) && dependsOnSource(op);
  wanted[value] = result;
  return result;
}

Value Gradients::lookupOrZero(Value value) {
  if (Value gradient = lookup(value))
    return gradient;
  return makeZero(builder, value.getLoc(), value);
}

void Gradients::add(Value value, Value gradient) {
  if (!gradient || !wants(value))
    return;
  stamp(value);
  pathOf.try_emplace(value, currentStep);
  Value &sum = gradients[value];
  if (!sum) {
    sum = gradient;
    return;
  }
  sum = arith::AddFOp::create(builder, value.getLoc(), sum, gradient);
  Operation *producer = value.getDefiningOp() ? value.getDefiningOp() : current;
  stampScoped(value, producer
                         ? producer->getAttrOfType<StringAttr>(scopeAttrName)
                         : StringAttr());
}

LogicalResult Gradients::sweep(ArrayRef<Operation *> operations) {
  // In program order each answer needs only the ones before it.
  for (Operation *op : operations)
    for (Value result : op->getResults())
      wants(result);
  for (Operation *op : llvm::reverse(operations)) {
    auto carries = [&](Value v) { return lookup(v) && wants(v); };
    auto result = llvm::find_if(op->getResults(), carries);
    if (result == op->getResults().end())
      continue;
    current = op;
    path.push_back({op->getName(), op->getLoc(),
                    op->getAttrOfType<StringAttr>(scopeAttrName),
                    pathOf.lookup_or(*result, -1)});
    currentStep = path.size() - 1;
    auto rule = dyn_cast<DifferentiableOpInterface>(op);
    if (!rule) {
      error(op) << "it has no derivative rule";
      return failure();
    }
    if (failed(rule.buildGradient(*this)))
      return failure();
  }
  current = nullptr;
  currentStep = -1;
  return success();
}

InFlightDiagnostic Gradients::error(Operation *op) {
  constexpr int maxNotes = 16;
  InFlightDiagnostic diagnostic =
      emitError(op->getLoc(), "cannot differentiate '")
      << op->getName() << "': ";
  int notes = 0;
  for (Gradients *g = this; g; g = g->parent) {
    int step = g->currentStep;
    // The innermost step is the operation itself.
    if (step >= 0 && g->path[step].loc == op->getLoc())
      step = g->path[step].next;
    for (; step >= 0; step = g->path[step].next) {
      if (++notes > maxNotes)
        continue;
      const Step &s = g->path[step];
      Diagnostic &note = diagnostic.attachNote(s.loc);
      note << "the result depends on it through '" << s.name << "'";
      if (s.scope)
        note << " in scope " << s.scope;
    }
  }
  if (notes > maxNotes)
    diagnostic.attachNote() << "and " << (notes - maxNotes) << " more";
  return diagnostic;
}

bool Gradients::isConstant(Value value) const {
  if (constants.contains(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (op->hasTrait<OpTrait::ConstantLike>())
    return true;
  if (isa<linalg::FillOp, linalg::BroadcastOp, tensor::SplatOp, tensor::CastOp,
          arith::TruncFOp, arith::ExtFOp, RoundOp>(op))
    return isConstant(op->getOperand(0));
  return false;
}

void Gradients::replaced(Operation *op, Operation *replacement) {
  if (lastStamped == op)
    lastStamped = replacement;
  if (current == op)
    current = replacement;
}

/// Whether a value is a weight, or one only re-arranged or rounded.
static bool isWeight(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    if (!function)
      return false;
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      roleAttrName);
    return role && role.getValue() == "weight";
  }
  Operation *op = value.getDefiningOp();
  if (isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
          tensor::ReshapeOp, tensor::ExtractSliceOp, tensor::PadOp,
          tensor::ExtractOp, linalg::TransposeOp, linalg::CopyOp,
          linalg::BroadcastOp, RoundOp>(op))
    return isWeight(op->getOperand(0));
  if (auto concat = dyn_cast<tensor::ConcatOp>(op))
    return llvm::all_of(concat.getInputs(), isWeight);
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    Block *body = generic.getBody();
    return generic.getNumDpsInputs() == 1 && generic.getNumResults() == 1 &&
           body->getTerminator()->getOperand(0) == body->getArgument(0) &&
           isWeight(generic.getInputs()[0]);
  }
  return false;
}

void Gradients::stamp(Value value) {
  if (current)
    stampScoped(value, current->getAttrOfType<StringAttr>(scopeAttrName));
}

static void setAttributes(Operation *op, Value value, StringAttr scope) {
  MLIRContext *context = op->getContext();
  if (scope)
    op->setAttr(scopeAttrName, scope);
  op->setAttr(phaseAttrName, StringAttr::get(context, "backward"));
  // A constant is no gradient of anything.
  if (op->hasTrait<OpTrait::ConstantLike>())
    return;
  op->setAttr(roleAttrName,
              StringAttr::get(context, isWeight(value) ? "weight-gradient"
                                                       : "gradient"));
}

void Gradients::stampAs(Operation *op, Value value) {
  setAttributes(op, value,
                current ? current->getAttrOfType<StringAttr>(scopeAttrName)
                        : StringAttr());
}

void Gradients::stampScoped(Value value, StringAttr scope) {
  if (!stamps)
    return;
  Block *block = builder.getInsertionBlock();
  auto it =
      lastStamped ? std::next(lastStamped->getIterator()) : block->begin();
  for (; it != builder.getInsertionPoint(); ++it) {
    lastStamped = &*it;
    setAttributes(&*it, value, scope);
  }
}
