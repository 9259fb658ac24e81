// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prec-specialize-batch: the batch's size becomes a constant of @step.
#include "StepState.h"
#include "prec/IR/StepInputs.h"
#include "prec/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace mlir::prec {
#define GEN_PASS_DEF_SPECIALIZEBATCH
#include "prec/Transforms/Passes.h.inc"
} // namespace mlir::prec

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Carries known extents from values to what is computed from them, in the
/// order of the program. What it does not know gets its old types by casts.
class ShapeRefiner {
public:
  explicit ShapeRefiner(MLIRContext *context) : b(context) {}

  void setType(Value value, Type type) {
    if (value.getType() == type)
      return;
    original.try_emplace(value, value.getType());
    value.setType(type);
  }

  void visit(Block &block) {
    for (Operation &op : llvm::make_early_inc_range(block)) {
      b.setInsertionPoint(&op);
      visit(&op);
    }
  }

private:
  void visit(Operation *op);
  bool visitTensorOp(Operation *op);
  void visitElementwise(Operation *op);
  void visitLoop(scf::ForOp loop);
  void visitBranch(scf::IfOp branch);

  /// A new operation in the place of an old one, with its notes.
  void replace(Operation *op, Value value) {
    if (Operation *made = value.getDefiningOp())
      made->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    original.try_emplace(value, op->getResult(0).getType());
    op->getResult(0).replaceAllUsesWith(value);
    b.eraseOp(op);
  }

  /// The operand with a type, by a cast if need be.
  void castTo(OpOperand &operand, Type type) {
    if (operand.get().getType() != type)
      operand.set(tensor::CastOp::create(b, operand.getOwner()->getLoc(), type,
                                         operand.get()));
  }
  void castBack(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (auto old = original.find(operand.get()); old != original.end())
        castTo(operand, old->second);
  }

  /// What is known of either shape.
  static RankedTensorType meet(RankedTensorType type, RankedTensorType other) {
    SmallVector<int64_t> sizes(type.getShape());
    for (auto [size, known] : llvm::zip_equal(sizes, other.getShape()))
      size = ShapedType::isDynamic(size) ? known : size;
    return type.clone(sizes);
  }

  IRRewriter b;
  llvm::DenseMap<Value, Type> original;
};

struct SpecializeBatch final
    : public prec::impl::SpecializeBatchBase<SpecializeBatch> {
  using Base::Base;

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    constexpr int64_t most = 1 << 20; // beyond it sizes could overflow
    if (size < 1 || size > most || !step || !isTrainingStep(step))
      return;
    ShapeRefiner refiner(&getContext());
    unsigned count = step.getNumArguments();
    // Inputs and labels.
    for (unsigned i = count - 2 - countStepInputs(step); i < count - 1; ++i) {
      auto type = dyn_cast<RankedTensorType>(step.getArgument(i).getType());
      if (!type || type.getRank() == 0 || !type.isDynamicDim(0))
        continue;
      SmallVector<int64_t> sizes(type.getShape());
      sizes[0] = size;
      refiner.setType(step.getArgument(i), type.clone(sizes));
    }
    refiner.visit(step.front());
    step.setFunctionType(FunctionType::get(
        &getContext(), step.front().getArgumentTypes(), step.getResultTypes()));
  }
};
} // namespace

/// As they are, with constants for values that have become known.
static SmallVector<OpFoldResult> known(ArrayRef<OpFoldResult> sizes) {
  return llvm::map_to_vector(sizes, [](OpFoldResult size) {
    auto value = dyn_cast<Value>(size);
    return value ? getAsOpFoldResult(value) : size;
  });
}

/// One unknown extent of those that a known one is parted into follows from the
/// others; false if there are two.
static bool completeGroups(tensor::ExpandShapeOp expand,
                           MutableArrayRef<OpFoldResult> sizes) {
  for (auto [whole, group] : llvm::zip_equal(
           expand.getSrcType().getShape(), expand.getReassociationIndices())) {
    if (ShapedType::isDynamic(whole))
      continue;
    OpFoldResult *unknown = nullptr;
    int64_t others = 1;
    for (int64_t dim : group) {
      if (std::optional<int64_t> size = getConstantIntValue(sizes[dim]))
        others *= *size;
      else if (std::exchange(unknown, &sizes[dim]))
        return false;
    }
    if (unknown && others > 0)
      *unknown =
          IntegerAttr::get(IndexType::get(expand.getContext()), whole / others);
  }
  return true;
}

/// Operations of the tensor dialect whose results' extents follow from their
/// operands.
bool ShapeRefiner::visitTensorOp(Operation *op) {
  Location loc = op->getLoc();
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (type && index && *index < type.getRank() && !type.isDynamicDim(*index))
      replace(op,
              arith::ConstantIndexOp::create(b, loc, type.getDimSize(*index)));
    return true;
  }
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    if (!empty.getDynamicSizes().empty())
      replace(op, tensor::EmptyOp::create(b, loc, known(empty.getMixedSizes()),
                                          empty.getType().getElementType()));
    return true;
  }
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    auto type = dyn_cast<RankedTensorType>(reshape.getType());
    auto sizes = reshape.getShape().getDefiningOp<tensor::FromElementsOp>();
    if (!type || !sizes)
      return false;
    SmallVector<int64_t> shape;
    for (Value size : sizes.getElements())
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    setType(reshape.getResult(), meet(type, type.clone(shape)));
    return true;
  }
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    auto type = tensor::PadOp::inferResultType(
        pad.getSourceType(), pad.getStaticLow(), pad.getStaticHigh());
    setType(pad.getResult(), meet(pad.getResultType(), type));
    return true;
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    setType(collapse.getResult(),
            tensor::CollapseShapeOp::inferCollapsedType(
                collapse.getSrcType(), collapse.getReassociationMaps()));
    return true;
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<OpFoldResult> sizes = known(expand.getMixedOutputShape());
    if (!completeGroups(expand, sizes)) {
      castTo(expand.getSrcMutable(), original.at(expand.getSrc()));
      return true;
    }
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(sizes, dynamic, shape);
    replace(op, tensor::ExpandShapeOp::create(
                    b, loc, expand.getResultType().clone(shape),
                    expand.getSrc(), expand.getReassociationIndices(), sizes));
    return true;
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    SmallVector<OpFoldResult> sizes = known(slice.getMixedSizes());
    auto type = tensor::ExtractSliceOp::inferCanonicalRankReducedResultType(
        slice.getType().getRank(), slice.getSourceType(), sizes);
    replace(op, tensor::ExtractSliceOp::create(b, loc, type, slice.getSource(),
                                               slice.getMixedOffsets(), sizes,
                                               slice.getMixedStrides()));
    return true;
  }
  if (auto slice = dyn_cast<tensor::InsertSliceOp>(op)) {
    replace(op, tensor::InsertSliceOp::create(
                    b, loc, slice.getSource(), slice.getDest(),
                    slice.getMixedOffsets(), known(slice.getMixedSizes()),
                    slice.getMixedStrides()));
    return true;
  }
  if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    SmallVector<OpFoldResult> sizes;
    SmallVector<Value> dynamic(splat.getDynamicSizes());
    unsigned next = 0;
    for (int64_t size : splat.getType().getShape())
      sizes.push_back(ShapedType::isDynamic(size)
                          ? getAsOpFoldResult(dynamic[next++])
                          : OpFoldResult(b.getIndexAttr(size)));
    SmallVector<int64_t> shape;
    SmallVector<Value> left;
    dispatchIndexOpFoldResults(sizes, left, shape);
    replace(op, tensor::SplatOp::create(b, loc, splat.getInput(),
                                        splat.getType().clone(shape), left));
    return true;
  }
  return false;
}

/// All tensors of an elementwise operation have one shape.
void ShapeRefiner::visitElementwise(Operation *op) {
  RankedTensorType shape;
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<RankedTensorType>(operand.getType()))
      shape = shape ? meet(shape, type) : type;
  if (!shape)
    return;
  for (OpOperand &operand : op->getOpOperands())
    if (auto type = dyn_cast<RankedTensorType>(operand.get().getType()))
      castTo(operand, type.clone(shape.getShape()));
  for (Value result : op->getResults())
    if (auto type = dyn_cast<RankedTensorType>(result.getType()))
      setType(result, type.clone(shape.getShape()));
}

void ShapeRefiner::visitLoop(scf::ForOp loop) {
  for (auto [init, argument] :
       llvm::zip_equal(loop.getInits(), loop.getRegionIterArgs()))
    setType(argument, init.getType());
  visit(*loop.getBody());
  Operation *yield = loop.getBody()->getTerminator();
  for (auto [operand, argument, result] :
       llvm::zip_equal(yield->getOpOperands(), loop.getRegionIterArgs(),
                       loop.getResults())) {
    b.setInsertionPoint(yield);
    castTo(operand, argument.getType());
    setType(result, argument.getType());
  }
}

void ShapeRefiner::visitBranch(scf::IfOp branch) {
  for (Region *region : branch.getRegions())
    for (Block &block : *region)
      visit(block);
  for (OpResult result : branch->getResults()) {
    Type type = result.getType();
    for (Region *region : branch.getRegions()) {
      Value yielded =
          region->front().getTerminator()->getOperand(result.getResultNumber());
      if (auto shape = dyn_cast<RankedTensorType>(yielded.getType()))
        type = meet(shape, cast<RankedTensorType>(type));
    }
    for (Region *region : branch.getRegions()) {
      Operation *yield = region->front().getTerminator();
      b.setInsertionPoint(yield);
      castTo(yield->getOpOperand(result.getResultNumber()), type);
    }
    setType(result, type);
  }
}

void ShapeRefiner::visit(Operation *op) {
  bool isOurYield =
      isa<scf::YieldOp>(op) && isa<scf::ForOp, scf::IfOp>(op->getParentOp());
  if (isOurYield || visitTensorOp(op))
    return;
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitLoop(loop);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return visitBranch(branch);
  if (auto structured = dyn_cast<DestinationStyleOpInterface>(op)) {
    for (OpResult result : op->getResults())
      setType(result, structured.getTiedOpOperand(result)->get().getType());
    return;
  }
  if (OpTrait::hasElementwiseMappableTraits(op) || isa<RoundOp>(op)) {
    visitElementwise(op);
  } else {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        visit(block);
    b.setInsertionPoint(op);
    castBack(op);
  }
  SmallVector<Value> folded;
  bool isInteger = op->getNumRegions() == 0 &&
                   llvm::all_of(op->getResultTypes(),
                                [](Type type) { return type.isIntOrIndex(); });
  if (isInteger && succeeded(b.tryFold(op, folded)) && !folded.empty()) {
    op->replaceAllUsesWith(folded);
    b.eraseOp(op);
  }
}
