// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One-shot bufferisation of prec.round, and its expansion into loops' bodies.
#include "prec/IR/Bufferization.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;
using namespace mlir::bufferization;

Value mlir::prec::buildPosition(OpBuilder &builder, Location loc,
                                ValueRange indices,
                                ArrayRef<OpFoldResult> extents) {
  // How many elements, if that is known; a product beyond 2^32 stays beyond.
  std::optional<uint64_t> size = 1;
  for (OpFoldResult extent : extents) {
    std::optional<int64_t> n = getConstantIntValue(extent);
    if (!n)
      size.reset();
    else if (size)
      size = std::min<uint64_t>(*size * std::min<uint64_t>(*n, 1ull << 31),
                                1ull << 33);
  }
  Type type = size && *size <= (1ull << 32) ? builder.getI32Type()
                                            : builder.getI64Type();
  Value position;
  for (auto [index, extent] : llvm::zip_equal(indices, extents)) {
    Value i = arith::IndexCastUIOp::create(builder, loc, type, index);
    if (!position) {
      position = i;
      continue;
    }
    Value n;
    if (std::optional<int64_t> constant = getConstantIntValue(extent))
      n = arith::ConstantOp::create(builder, loc,
                                    builder.getIntegerAttr(type, *constant));
    else
      n = arith::IndexCastUIOp::create(builder, loc, type, cast<Value>(extent));
    position = arith::MulIOp::create(builder, loc, position, n);
    position = arith::AddIOp::create(builder, loc, position, i);
  }
  if (!position)
    position = arith::ConstantOp::create(builder, loc,
                                         builder.getIntegerAttr(type, 0));
  return position;
}

Value mlir::prec::positionOfValue(OpBuilder &builder, Location loc,
                                  Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  Type bits = builder.getIntegerType(element.getIntOrFloatBitWidth());
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    bits = vector.clone(bits);
  return arith::BitcastOp::create(builder, loc, bits, value);
}

RoundSpec mlir::prec::specOf(RoundOp round) {
  return {round.getFormatAttr(), round.getModeAttr(),
          round.getSiteAttr(),   llvm::to_vector(round.getParameters()),
          round.getRandom(),     round.getByValue()};
}

linalg::GenericOp mlir::prec::buildElementwiseRound(OpBuilder &builder,
                                                    Location loc,
                                                    const RoundSpec &spec,
                                                    Value source,
                                                    Value destination) {
  auto type = cast<ShapedType>(source.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> extents;
  if (spec.key && !spec.isByValue)
    for (int64_t d = 0; d < rank; ++d) {
      if (!type.isDynamicDim(d))
        extents.push_back(builder.getIndexAttr(type.getDimSize(d)));
      else if (isa<TensorType>(type))
        extents.push_back(
            tensor::DimOp::create(builder, loc, source, d).getResult());
      else
        extents.push_back(
            memref::DimOp::create(builder, loc, source, d).getResult());
    }
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  SmallVector<Type> results;
  if (isa<TensorType>(destination.getType()))
    results.push_back(destination.getType());
  return linalg::GenericOp::create(
      builder, loc, results, source, destination,
      ArrayRef<AffineMap>{identity, identity},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &b, Location l, ValueRange args) {
        Value word;
        if (spec.key) {
          SmallVector<Value> indices;
          for (int64_t d = 0; !spec.isByValue && d < rank; ++d)
            indices.push_back(linalg::IndexOp::create(b, l, d));
          Value position = spec.isByValue
                               ? positionOfValue(b, l, args[0])
                               : buildPosition(b, l, indices, extents);
          word = RandomOp::create(b, l, b.getI32Type(), spec.key, position);
        }
        Value rounded = RoundOp::create(b, l, type.getElementType(), args[0],
                                        spec.parameters, word, spec.format,
                                        spec.mode, spec.site);
        linalg::YieldOp::create(b, l, rounded);
      });
}

namespace {
/// prec.round on tensors reads its operand elementwise into a new buffer.
struct RoundOpInterface
    : public BufferizableOpInterface::ExternalModel<RoundOpInterface, RoundOp> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto round = cast<RoundOp>(op);
    if (!round.getFormat().getValue().isElementwise())
      return round.emitError("format ")
             << round.getFormat().getValue().str()
             << " shares scales between elements and is no elementwise "
                "rounding, prec-call-round-array has to run first";
    FailureOr<Value> source =
        getBuffer(rewriter, round.getOperand(), options, state);
    if (failed(source))
      return failure();
    auto type = cast<MemRefType>(source->getType());
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (type.isDynamicDim(d))
        sizes.push_back(
            memref::DimOp::create(rewriter, op->getLoc(), *source, d));
    auto plain =
        MemRefType::get(type.getShape(), type.getElementType(),
                        MemRefLayoutAttrInterface(), type.getMemorySpace());
    FailureOr<Value> buffer =
        options.createAlloc(rewriter, op->getLoc(), plain, sizes);
    if (failed(buffer))
      return failure();
    buildElementwiseRound(rewriter, op->getLoc(), specOf(round), *source,
                          *buffer);
    replaceOpWithBufferizedValues(rewriter, op, *buffer);
    return success();
  }
};
} // namespace

void mlir::prec::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, PrecDialect *) {
    RoundOp::attachInterface<RoundOpInterface>(*context);
    context->loadDialect<arith::ArithDialect, linalg::LinalgDialect,
                         memref::MemRefDialect, tensor::TensorDialect>();
  });
}
