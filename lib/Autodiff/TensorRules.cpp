// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rules of the tensor operations: each is undone by another one.
#include "Rules.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::prec;
using namespace mlir::tensor;

/// The sum of all elements, as a scalar.
static Value sumAll(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  auto cell = RankedTensorType::get({}, type.getElementType());
  unsigned rank = type.getRank();
  AffineMap maps[] = {b.getMultiDimIdentityMap(rank),
                      AffineMap::get(rank, 0, b.getContext())};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::reduction);
  Value sum =
      linalg::GenericOp::create(
          b, loc, cell, tensor, makeZeros(b, loc, cell), maps, iterators,
          [](OpBuilder &inner, Location l, ValueRange args) {
            Value s = arith::AddFOp::create(inner, l, args[1], args[0]);
            linalg::YieldOp::create(inner, l, s);
          })
          .getResult(0);
  return ExtractOp::create(b, loc, sum, ValueRange{});
}

namespace {
/// An operation whose rule is a function of (operation, result's gradient).
template <typename Op, LogicalResult (*rule)(Op, Value, Gradients &)>
struct Model : DifferentiableOpInterface::ExternalModel<Model<Op, rule>, Op> {
  LogicalResult buildGradient(Operation *op, Gradients &gradients) const {
    return rule(cast<Op>(op), gradients.lookup(op->getResult(0)), gradients);
  }
};

LogicalResult ruleOf(CastOp op, Value g, Gradients &gradients) {
  gradients.add(op.getSource(), CastOp::create(gradients.builder, op.getLoc(),
                                               op.getSource().getType(), g));
  return success();
}

LogicalResult ruleOf(ExpandShapeOp op, Value g, Gradients &gradients) {
  gradients.add(op.getSrc(),
                CollapseShapeOp::create(gradients.builder, op.getLoc(),
                                        op.getSrcType(), g,
                                        op.getReassociationIndices()));
  return success();
}

LogicalResult ruleOf(CollapseShapeOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  gradients.add(op.getSrc(), ExpandShapeOp::create(
                                 b, op.getLoc(), op.getSrcType(), g,
                                 op.getReassociationIndices(),
                                 getMixedSizes(b, op.getLoc(), op.getSrc())));
  return success();
}

LogicalResult ruleOf(ReshapeOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  auto type = dyn_cast<RankedTensorType>(op.getSource().getType());
  if (!type) {
    gradients.error(op) << "the rank of its operand is not known";
    return failure();
  }
  SmallVector<Value> sizes = getValueOrCreateConstantIndexOp(
      b, op.getLoc(), getMixedSizes(b, op.getLoc(), op.getSource()));
  Value shape = FromElementsOp::create(
      b, op.getLoc(), RankedTensorType::get({type.getRank()}, b.getIndexType()),
      sizes);
  gradients.add(op.getSource(),
                ReshapeOp::create(b, op.getLoc(), type, g, shape));
  return success();
}

LogicalResult ruleOf(ExtractSliceOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Value zeros = makeZero(b, op.getLoc(), op.getSource());
  gradients.add(op.getSource(),
                InsertSliceOp::create(b, op.getLoc(), g, zeros,
                                      op.getMixedOffsets(), op.getMixedSizes(),
                                      op.getMixedStrides()));
  return success();
}

LogicalResult ruleOf(InsertSliceOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Location loc = op.getLoc();
  if (gradients.wants(op.getSource()))
    gradients.add(op.getSource(),
                  ExtractSliceOp::create(
                      b, loc, op.getSourceType(), g, op.getMixedOffsets(),
                      op.getMixedSizes(), op.getMixedStrides()));
  if (gradients.wants(op.getDest()))
    gradients.add(op.getDest(), InsertSliceOp::create(
                                    b, loc, makeZero(b, loc, op.getSource()), g,
                                    op.getMixedOffsets(), op.getMixedSizes(),
                                    op.getMixedStrides()));
  return success();
}

LogicalResult ruleOf(PadOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Location loc = op.getLoc();
  Value padding = op.getConstantPaddingValue();
  if (!padding || gradients.wants(padding)) {
    gradients.error(op) << "its padding value must be a constant";
    return failure();
  }
  SmallVector<OpFoldResult> strides(op.getSourceType().getRank(),
                                    b.getIndexAttr(1));
  // Folds where g was computed inside of the padding only.
  gradients.add(op.getSource(),
                b.createOrFold<ExtractSliceOp>(
                    loc, op.getSourceType(), g, op.getMixedLowPad(),
                    getMixedSizes(b, loc, op.getSource()), strides));
  return success();
}

LogicalResult ruleOf(ConcatOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Location loc = op.getLoc();
  int64_t rank = op.getResultType().getRank();
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
  for (Value input : op.getInputs()) {
    SmallVector<OpFoldResult> sizes = getMixedSizes(b, loc, input);
    if (gradients.wants(input))
      gradients.add(input, ExtractSliceOp::create(
                               b, loc, cast<RankedTensorType>(input.getType()),
                               g, offsets, sizes, strides));
    auto before = getConstantIntValue(offsets[op.getDim()]);
    auto size = getConstantIntValue(sizes[op.getDim()]);
    if (!before || !size) {
      gradients.error(op) << "its inputs must have static sizes along dim "
                          << op.getDim();
      return failure();
    }
    offsets[op.getDim()] = b.getIndexAttr(*before + *size);
  }
  return success();
}

LogicalResult ruleOf(ExtractOp op, Value g, Gradients &gradients) {
  if (!gradients.wants(op.getTensor()))
    return success();
  OpBuilder &b = gradients.builder;
  auto type = cast<RankedTensorType>(op.getTensor().getType());
  if (type.getRank() == 0) {
    gradients.add(op.getTensor(),
                  FromElementsOp::create(b, op.getLoc(), type, g));
    return success();
  }
  Value zeros = makeZero(b, op.getLoc(), op.getTensor());
  gradients.add(op.getTensor(),
                InsertOp::create(b, op.getLoc(), g, zeros, op.getIndices()));
  return success();
}

LogicalResult ruleOf(InsertOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Location loc = op.getLoc();
  if (gradients.wants(op.getScalar()))
    gradients.add(op.getScalar(),
                  ExtractOp::create(b, loc, g, op.getIndices()));
  if (gradients.wants(op.getDest()))
    gradients.add(op.getDest(),
                  InsertOp::create(b, loc, makeZero(b, loc, op.getScalar()), g,
                                   op.getIndices()));
  return success();
}

LogicalResult ruleOf(FromElementsOp op, Value g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  ArrayRef<int64_t> shape = op.getType().getShape();
  for (auto [i, element] : llvm::enumerate(op.getElements())) {
    if (!gradients.wants(element))
      continue;
    SmallVector<Value> indices(shape.size());
    int64_t rest = i;
    for (int64_t d = shape.size() - 1; d >= 0; --d) {
      indices[d] =
          arith::ConstantIndexOp::create(b, op.getLoc(), rest % shape[d]);
      rest /= shape[d];
    }
    gradients.add(element, ExtractOp::create(b, op.getLoc(), g, indices));
  }
  return success();
}

LogicalResult ruleOf(SplatOp op, Value g, Gradients &gradients) {
  gradients.add(op.getInput(), sumAll(gradients.builder, op.getLoc(), g));
  return success();
}

template <typename... Ops> void attachAll(MLIRContext *context) {
  (Ops::template attachInterface<Model<Ops, ruleOf>>(*context), ...);
}
} // namespace

void mlir::prec::registerTensorRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, TensorDialect *) {
    attachAll<CastOp, ExpandShapeOp, CollapseShapeOp, ReshapeOp, ExtractSliceOp,
              InsertSliceOp, PadOp, ConcatOp, ExtractOp, InsertOp,
              FromElementsOp, SplatOp>(context);
  });
}

void mlir::prec::registerDifferentiableModels(DialectRegistry &registry) {
  registerScalarRules(registry);
  registerLinalgRules(registry);
  registerTensorRules(registry);
  registerControlRules(registry);
}
