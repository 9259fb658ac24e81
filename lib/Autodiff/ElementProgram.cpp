// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Copies bodies in, slices out.
#include "ElementProgram.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

ElementProgram::ElementProgram(linalg::LinalgOp op) : op(op) {
  block = new Block;
  region.push_back(block);
  Block *body = op.getBlock();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    AffineMap map = maps[operand.getOperandNumber()];
    bool isInit = op.isDpsInit(&operand);
    if (isInit && map.getNumResults() != op.getNumLoops()) {
      Value stand = block->addArgument(argument.getType(), argument.getLoc());
      accumulators.push_back(stand);
      operandInput.push_back(-1);
      mapping.map(argument, stand);
      continue;
    }
    if (isInit)
      accumulators.push_back({});
    operandInput.push_back(inputs.size());
    auto element = block->addArgument(argument.getType(), argument.getLoc());
    inputs.push_back({operand.get(), map, element});
    mapping.map(argument, element);
  }
  OpBuilder b = builder();
  for (Operation &inner : body->without_terminator())
    b.clone(inner, mapping);
  for (Value yielded : body->getTerminator()->getOperands())
    yields.push_back(copyOf(yielded));
}

Value ElementProgram::addInput(Value source, AffineMap map, bool isGradient) {
  for (Input &input : llvm::drop_begin(
           inputs, llvm::count_if(operandInput, [](int i) { return i >= 0; })))
    if (input.source == source && input.map == map)
      return input.element;
  auto element = block->addArgument(getElementTypeOrSelf(source.getType()),
                                    source.getLoc());
  inputs.push_back({source, map, element, isGradient});
  return element;
}

ElementProgram::Slice ElementProgram::slice(Value value) const {
  Slice result;
  SetVector<Value> worklist;
  DenseSet<Operation *> needed;
  worklist.insert(value);
  for (size_t i = 0; i < worklist.size(); ++i) {
    Operation *definition = worklist[i].getDefiningOp();
    if (!definition || definition->getBlock() != block)
      continue;
    needed.insert(definition);
    worklist.insert_range(definition->getOperands());
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(definition->getRegions(), captured);
    worklist.insert_range(captured);
  }
  for (Operation &inner : *block)
    if (needed.contains(&inner))
      result.operations.push_back(&inner);
  for (auto [i, input] : llvm::enumerate(inputs))
    if (worklist.contains(input.element))
      result.inputs.push_back(i);
  for (Value accumulator : accumulators)
    result.readsAccumulator |= accumulator && worklist.contains(accumulator);
  return result;
}

Value ElementProgram::copy(OpBuilder &b, const Slice &slice, Value value,
                           IRMapping &map,
                           function_ref<Value(unsigned)> indexOf) const {
  for (Operation *inner : slice.operations) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      map.map(index.getResult(), indexOf(index.getDim()));
      continue;
    }
    Operation *copied = b.clone(*inner, map);
    copied->removeAttr(phaseAttrName);
    copied->removeAttr(roleAttrName);
  }
  return map.lookupOrDefault(value);
}
