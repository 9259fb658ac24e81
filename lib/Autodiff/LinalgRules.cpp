// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one rule for structured operations: the derivative of the scalar body,
// summed over transposed maps.
#include "Emit.h"
#include "Reductions.h"
#include "Rules.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Gradients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

/// Makes scalars from outside that want a gradient inputs of the program.
static SmallVector<Value> adoptScalars(ElementProgram &program,
                                       Gradients &gradients) {
  SetVector<Value> captured;
  for (Operation &op : *program.block) {
    captured.insert_range(op.getOperands());
    getUsedValuesDefinedAbove(op.getRegions(), captured);
  }
  captured.insert_range(program.yields);
  SmallVector<Value> adopted;
  unsigned loops = program.op.getNumLoops();
  for (Value value : captured) {
    if (value.getParentBlock() == program.block ||
        !isa<FloatType>(value.getType()) || !gradients.wants(value))
      continue;
    Value element =
        program.addInput(value, AffineMap::get(loops, 0, value.getContext()));
    value.replaceUsesWithIf(element, [&](OpOperand &use) {
      return program.block->findAncestorOpInBlock(*use.getOwner()) != nullptr;
    });
    llvm::replace(program.yields, value, element);
    adopted.push_back(value);
  }
  return adopted;
}

/// The elements that the body gathers by tensor.extract from a tensor that
/// wants a gradient.
static SmallVector<tensor::ExtractOp> findGathers(ElementProgram &program,
                                                  Gradients &gradients) {
  SmallVector<tensor::ExtractOp> gathers;
  for (auto extract : program.block->getOps<tensor::ExtractOp>())
    if (gradients.wants(extract.getTensor()))
      gathers.push_back(extract);
  return gathers;
}

/// Reads yielded values from the operation's results where the derivative
/// needs them, instead of computing them again.
static void reuseResults(ElementProgram &program, Operation *lastForward) {
  linalg::LinalgOp op = program.op;
  for (auto [i, yielded] : llvm::enumerate(program.yields)) {
    Operation *definition = yielded.getDefiningOp();
    if (program.accumulators[i] || !definition ||
        definition->getBlock() != program.block ||
        definition->hasTrait<OpTrait::ConstantLike>())
      continue;
    auto isDerivative = [&](OpOperand &use) {
      Operation *user = program.block->findAncestorOpInBlock(*use.getOwner());
      return user && lastForward->isBeforeInBlock(user);
    };
    if (llvm::none_of(yielded.getUses(), isDerivative))
      continue;
    auto result = cast<OpResult>(op->getResult(i));
    Value element =
        program.addInput(result, op.getIndexingMapMatchingResult(result));
    yielded.replaceUsesWithIf(element, isDerivative);
  }
}

static LogicalResult differentiateStructured(linalg::LinalgOp op,
                                             Gradients &gradients) {
  if (!op.hasPureTensorSemantics()) {
    gradients.error(op) << "it works on memrefs, expected tensors";
    return failure();
  }
  ElementProgram program(op);
  SmallVector<Value> scalars = adoptScalars(program, gradients);
  SmallVector<tensor::ExtractOp> gathers = findGathers(program, gradients);

  // What the body depends on: wanted operands, adopted scalars, gathered
  // elements, accumulators.
  SmallVector<Value> sources;
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (int input = program.operandInput[i];
        input >= 0 && gradients.wants(operand))
      sources.push_back(program.inputs[input].element);
  AffineMap scalarMap = AffineMap::get(op.getNumLoops(), 0, op.getContext());
  for (Value scalar : scalars)
    sources.push_back(program.addInput(scalar, scalarMap));
  for (tensor::ExtractOp gather : gathers)
    sources.push_back(gather.getResult());
  for (Value accumulator : program.accumulators)
    if (accumulator)
      sources.push_back(accumulator);

  SmallVector<Operation *> forward;
  for (Operation &inner : *program.block)
    forward.push_back(&inner);
  OpBuilder body = program.builder();
  Gradients inner(body, sources, Gradients::Stamp::No, &gradients);
  for (const ElementProgram::Input &input : program.inputs)
    if (gradients.isConstant(input.source))
      inner.markConstant(input.element);

  SmallVector<Reduction> reductions;
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    Value dy = gradients.lookup(result);
    if (!dy)
      continue;
    auto map = op.getIndexingMapMatchingResult(cast<OpResult>(result));
    Value element = program.addInput(dy, map, /*isGradient=*/true);
    if (!program.accumulators[i]) {
      inner.add(program.yields[i], element);
      continue;
    }
    Reduction reduction(program, gradients, i, dy, element);
    if (failed(reduction.seed(inner)))
      return failure();
    reductions.push_back(reduction);
  }
  if (failed(inner.sweep(forward)))
    return failure();
  if (!forward.empty())
    reuseResults(program, forward.back());

  // Accumulators first: their check is the one for all the others.
  for (Reduction &reduction : reductions)
    if (failed(reduction.finish(inner)))
      return failure();
  auto emit = [&](Value target, Value element, AffineMap map) -> LogicalResult {
    Value g = inner.lookup(element);
    if (!g || !gradients.wants(target))
      return success();
    if (program.slice(g).readsAccumulator) {
      gradients.error(op) << "its body uses the partial result in a way that "
                             "is no sum, product, maximum or minimum";
      return failure();
    }
    gradients.add(target, emitSum(program, gradients.builder, g, target, map));
    return success();
  };
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    int number = program.operandInput[i];
    if (number < 0)
      continue;
    ElementProgram::Input input = program.inputs[number];
    if (failed(emit(operand, input.element, input.map)))
      return failure();
  }
  for (Value scalar : scalars)
    if (failed(emit(scalar, program.addInput(scalar, scalarMap), scalarMap)))
      return failure();
  for (tensor::ExtractOp gather : gathers)
    if (Value g = inner.lookup(gather.getResult()))
      gradients.add(gather.getTensor(),
                    emitScatter(program, gradients.builder, g,
                                gather.getTensor(),
                                SmallVector<Value>(gather.getIndices())));
  return success();
}

namespace {
template <typename Op>
struct StructuredModel
    : DifferentiableOpInterface::ExternalModel<StructuredModel<Op>, Op> {
  LogicalResult buildGradient(Operation *op, Gradients &gradients) const {
    return differentiateStructured(cast<linalg::LinalgOp>(op), gradients);
  }
};

template <typename... Ops> void attachAll(MLIRContext *context) {
  (Ops::template attachInterface<StructuredModel<Ops>>(*context), ...);
}
} // namespace

void mlir::prec::registerLinalgRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *) {
    using namespace mlir::linalg;
    attachAll<
#define GET_OP_LIST
#include "mlir/Dialect/Linalg/IR/LinalgStructuredOps.cpp.inc"
        >(context);
  });
}
