// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which tensors of a block will share a buffer, and from when to when.
#include "TensorLifetimes.h"
#include "ElementBytes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::prec;

static int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bytes = elementBytes(tensor.getElementType());
  for (int64_t size : tensor.getShape())
    if (llvm::MulOverflow(
            bytes,
            ShapedType::isDynamic(size) ? TensorLifetimes::unknownSize : size,
            bytes))
      return INT64_MAX >> 16;
  return std::min(bytes, INT64_MAX >> 16);
}

SmallVector<Value> TensorLifetimes::reads(Operation *op) {
  SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return values.takeVector();
}

std::optional<unsigned> TensorLifetimes::bufferOf(Value value) const {
  auto it = numbers.find(value);
  return it == numbers.end() ? std::nullopt : std::optional(it->second);
}

/// The operand whose buffer a result takes: of a view always, of an operation
/// that writes into a tensor if nobody reads that afterwards. A part of an
/// empty tensor that was written there is the whole of its contents so far.
static Value sharedOperand(OpResult result) {
  Operation *op = result.getOwner();
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    Value dest = insert.getDest(), source = insert.getSource();
    auto writes = source.getDefiningOp<DestinationStyleOpInterface>();
    if (!dest.getDefiningOp<tensor::EmptyOp>() || !writes)
      return dest;
    auto part = writes.getTiedOpOperand(cast<OpResult>(source))
                    ->get()
                    .getDefiningOp<tensor::ExtractSliceOp>();
    return part && part.getSource() == dest ? source : dest;
  }
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
          tensor::ExtractSliceOp>(op))
    return op->getOperand(0);
  if (auto writes = dyn_cast<DestinationStyleOpInterface>(op)) {
    Value init = writes.getTiedOpOperand(result)->get();
    bool isLast = llvm::all_of(init.getUsers(), [&](Operation *user) {
      Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
      return ancestor && (ancestor == op || ancestor->isBeforeInBlock(op));
    });
    return isLast ? init : Value();
  }
  return {};
}

void TensorLifetimes::addResult(OpResult result, unsigned position) {
  Operation *op = result.getOwner();
  if (!isa<RankedTensorType>(result.getType()) || isa<tensor::EmptyOp>(op) ||
      op->hasTrait<OpTrait::ConstantLike>())
    return;
  unsigned number = buffers.size();
  if (Value operand = sharedOperand(result)) {
    auto shared = bufferOf(operand);
    bool isEmpty = operand.getDefiningOp<tensor::EmptyOp>() != nullptr;
    if (!shared && !isEmpty)
      return; // a view of an argument
    number = shared.value_or(number);
  }
  if (number == buffers.size()) {
    buffers.emplace_back();
    buffers.back().bytes = bytesOf(result.getType());
  }
  if (isa<tensor::InsertSliceOp>(op))
    buffers[number].bytes =
        std::max(buffers[number].bytes, bytesOf(result.getType()));
  numbers[result] = number;
  buffers[number].makers.push_back(op);
  if (buffers[number].touches.empty() || buffers[number].end() != position)
    buffers[number].touches.push_back(position);
}

TensorLifetimes::TensorLifetimes(Block &block) {
  for (Operation &op : block) {
    unsigned position = operations.size();
    operations.push_back(&op);
    for (Value value : reads(&op))
      if (auto number = bufferOf(value);
          number && buffers[*number].end() != position)
        buffers[*number].touches.push_back(position);
    for (OpResult result : op.getResults())
      addResult(result, position);
  }
  inUse.assign(operations.size(), 0);
  for (const TensorBuffer &buffer : buffers)
    for (unsigned i = buffer.begin(); i <= buffer.end(); ++i)
      inUse[i] += buffer.bytes;
}
