// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inserts roundings of buffers: memref arguments and outputs of linalg
// operations on memrefs.
//
// A buffer that the function only reads is not the function's to change: it is
// rounded into a copy once per call, and the uses read the copy. One that it
// writes is rounded in place at the entry, and, where no write is rounded
// itself (layer, batch), once more before the function returns.
#include "prec/Transforms/Inserter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::prec;

bool mlir::prec::isWritten(Value buffer) {
  for (OpOperand &use : buffer.getUses()) {
    Operation *user = use.getOwner();
    if (isa<memref::LoadOp, affine::AffineLoadOp, affine::AffineVectorLoadOp,
            vector::LoadOp, vector::TransferReadOp, vector::MaskedLoadOp,
            vector::GatherOp, memref::DimOp, memref::RankOp, memref::DeallocOp>(
            user))
      continue;
    if (auto copy = dyn_cast<memref::CopyOp>(user))
      if (copy.getTarget() != buffer)
        continue;
    if (auto structured = dyn_cast<linalg::LinalgOp>(user))
      if (!structured.isDpsInit(&use))
        continue;
    if (auto toTensor = dyn_cast<bufferization::ToTensorOp>(user))
      if (!toTensor.getWritable())
        continue;
    if (auto view = dyn_cast<ViewLikeOpInterface>(user))
      if (llvm::none_of(user->getResults(), isWritten))
        continue;
    return true;
  }
  return false;
}

/// A buffer is changed in place, by whom is not known.
static LogicalResult refuseAddition(Location loc, const Rule &rule) {
  if (rule.action.feedback)
    return emitError(loc) << "rule '" << rule.origin
                          << "' has feedback, which keeps what the rounding of "
                             "a tensor or scalar loses, found a buffer";
  if (rule.action.scale)
    return emitError(loc) << "rule '" << rule.origin
                          << "' has a scale, which follows the magnitudes of a "
                             "tensor or scalar, found a buffer";
  return success();
}

LogicalResult Inserter::insertBuffer(const Plan::Entry &entry, const Rule &rule,
                                     SiteAttr site) {
  const Action &action = rule.action;
  if (failed(refuseAddition(entry.value.getLoc(), rule)))
    return failure();
  auto type = dyn_cast<MemRefType>(entry.value.getType());
  if (!type)
    return emitError(entry.value.getLoc())
           << "an unranked memref has no shape to round; cast it to a ranked "
              "one "
              "outside the function";
  if (std::string why =
          policy.whyNotIn(action, *carrierOf(type.getElementType()));
      !why.empty())
    return emitError(entry.value.getLoc())
           << "format " << action.format.str() << " does not fit "
           << type.getElementType() << ": " << why;
  Location loc = entry.value.getLoc();
  OpBuilder builder(anchor);
  RoundSpec spec = specFor(action, site);
  spec.isByValue = words.isByValue();
  if (action.mode.isStochastic())
    spec.key = words.key(site);
  if (isWritten(entry.value)) {
    auto [it, isNew] = writtenBuffers.try_emplace(entry.value, entry.rule);
    if (!isNew)
      return emitError(loc)
             << "buffer argument is written and used under two rules, '"
             << policy.rules[it->second].origin << "' and '"
             << policy.rules[entry.rule].origin
             << "'; a buffer that is written can be in one format only";
    buildElementwiseRound(builder, loc, spec, entry.value, entry.value);
    return success();
  }
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      sizes.push_back(memref::DimOp::create(builder, loc, entry.value, d));
  auto plain =
      MemRefType::get(type.getShape(), type.getElementType(),
                      MemRefLayoutAttrInterface(), type.getMemorySpace());
  Value copy = memref::AllocOp::create(builder, loc, plain, sizes);
  buildElementwiseRound(builder, loc, spec, entry.value, copy);
  Value view = copy;
  if (plain != type)
    view = memref::CastOp::create(builder, loc, type, copy);
  for (OpOperand *use : entry.uses)
    use->set(view);
  function.walk([&](func::ReturnOp op) {
    OpBuilder end(op);
    memref::DeallocOp::create(end, loc, copy);
  });
  return success();
}

LogicalResult Inserter::roundBufferOutputs(const Plan::Definition &definition,
                                           const Rule &rule,
                                           const Candidate &candidate) {
  const Action &action = rule.action;
  if (failed(refuseAddition(definition.op->getLoc(), rule)))
    return failure();
  auto op = cast<linalg::LinalgOp>(definition.op);
  OpBuilder builder(op->getContext());
  for (auto [index, buffer] : llvm::enumerate(op.getDpsInits())) {
    if (!carrierOf(buffer.getType()))
      continue;
    builder.setInsertionPointAfter(op);
    SiteAttr site = SiteTable::makeSite(op->getContext(), candidate,
                                        action.granularity, index);
    RoundSpec spec = specFor(action, site);
    spec.isByValue = words.isByValue();
    if (action.mode.isStochastic()) {
      FailureOr<Value> key = words.tensorKey(builder, op, site);
      if (failed(key))
        return failure();
      spec.key = *key;
    }
    buildElementwiseRound(builder, op->getLoc(), spec, buffer, buffer);
  }
  return success();
}

LogicalResult Inserter::finish() {
  for (BlockArgument argument : function.getArguments()) {
    auto it = writtenBuffers.find(argument);
    if (it == writtenBuffers.end())
      continue;
    const Action &action = policy.rules[it->second].action;
    if (action.granularity <= Granularity::Op)
      continue;
    // A key of its own, apart from the entry's.
    SiteAttr site = SiteTable::makeSite(
        function.getContext(), *sites.lookup(function, argument.getArgNumber()),
        action.granularity, /*result=*/1);
    RoundSpec spec = specFor(action, site);
    spec.isByValue = words.isByValue();
    if (action.mode.isStochastic())
      spec.key = words.key(site);
    function.walk([&](func::ReturnOp op) {
      OpBuilder end(op);
      buildElementwiseRound(end, argument.getLoc(), spec, argument, argument);
    });
  }
  return success();
}
