// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where each element of a gather comes from.
#include "Gather.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::prec;

/// The result's dimension that runs along one of the source which is not
/// gathered: gathered ones have size 1 in the result, or are left out of it.
static int64_t resultDim(tensor::GatherOp op, int64_t sourceDim) {
  int64_t leading = op.getIndicesType().getRank() - 1;
  ArrayRef<int64_t> gathered = op.getGatherDims();
  bool keepsAll =
      op.getResultType().getRank() == leading + op.getSourceType().getRank();
  int64_t before = keepsAll ? 0 : llvm::count_if(gathered, [&](int64_t dim) {
    return dim < sourceDim;
  });
  return leading + sourceDim - before;
}

Operation *mlir::prec::gatherAsGeneric(RewriterBase &b, tensor::GatherOp op) {
  Location loc = op.getLoc();
  RankedTensorType type = op.getResultType();
  ArrayRef<int64_t> gathered = op.getGatherDims();
  int64_t rank = type.getRank(), leading = op.getIndicesType().getRank() - 1;
  auto isGathered = [&](int64_t dim) {
    return llvm::is_contained(gathered, dim);
  };

  SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
  auto sizeOf = [&](Value tensor, int64_t dim) {
    return tensor::getMixedSize(b, loc, tensor, dim);
  };
  for (int64_t i = 0; i < leading; ++i)
    sizes[i] = sizeOf(op.getIndices(), i);
  for (int64_t dim = 0; dim < op.getSourceType().getRank(); ++dim)
    if (!isGathered(dim))
      sizes[resultDim(op, dim)] = sizeOf(op.getSource(), dim);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, type.getElementType());

  auto body = [&](OpBuilder &at, Location inner, ValueRange) {
    auto index = [&](int64_t dim) -> Value {
      return linalg::IndexOp::create(at, inner, dim);
    };
    auto coordinate = [&](size_t number) {
      SmallVector<Value> place;
      for (int64_t i = 0; i < leading; ++i)
        place.push_back(index(i));
      place.push_back(arith::ConstantIndexOp::create(at, inner, number));
      Value found =
          tensor::ExtractOp::create(at, inner, op.getIndices(), place);
      return at.createOrFold<arith::IndexCastOp>(inner, at.getIndexType(),
                                                 found);
    };
    SmallVector<Value> from;
    for (int64_t dim = 0; dim < op.getSourceType().getRank(); ++dim)
      from.push_back(isGathered(dim) ? coordinate(llvm::find(gathered, dim) -
                                                  gathered.begin())
                                     : index(resultDim(op, dim)));
    linalg::YieldOp::create(
        at, inner,
        tensor::ExtractOp::create(at, inner, op.getSource(), from).getResult());
  };
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  return linalg::GenericOp::create(b, loc, empty.getType(), ValueRange{}, empty,
                                   b.getMultiDimIdentityMap(rank), parallel,
                                   body);
}
