// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The range of a tensor's magnitudes, measured when the code runs.
//
// Magnitudes are compared as integers. One less than a magnitude makes zero the
// largest of all, so that the smallest is that of the non-zero elements.
#include "OperandRange.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

using Body = function_ref<void(OpBuilder &, Location, ValueRange)>;

/// Reduces all dimensions but the last `kept` ones; two results.
static SmallVector<Value> reduce(OpBuilder &b, Location loc, ValueRange inputs,
                                 unsigned kept, Body body) {
  unsigned rank = cast<RankedTensorType>(inputs[0].getType()).getRank();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, inputs[0]);
  SmallVector<Value> starts;
  for (int64_t start : {0, -1}) {
    Value empty = tensor::EmptyOp::create(
        b, loc, ArrayRef(sizes).take_back(kept), b.getI32Type());
    Value value = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(start));
    starts.push_back(linalg::FillOp::create(b, loc, value, empty).getResult(0));
  }
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::reduction);
  for (unsigned d = rank - kept; d < rank; ++d)
    iterators[d] = utils::IteratorType::parallel;
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps(inputs.size(), all);
  maps.append(2, AffineMap::get(rank, 0, all.getResults().take_back(kept),
                                b.getContext()));
  return linalg::GenericOp::create(b, loc, ValueRange(starts).getTypes(),
                                   inputs, starts, maps, iterators, body)
      ->getResults();
}

ExponentRange mlir::prec::buildExponentRange(OpBuilder &b, Location loc,
                                             Value tensor) {
  auto constant = [](OpBuilder &builder, Location l, int64_t value) -> Value {
    return arith::ConstantOp::create(builder, l,
                                     builder.getI32IntegerAttr(value));
  };
  auto join = [](OpBuilder &builder, Location l, Value largest, Value least,
                 ValueRange totals) {
    Value most = arith::MaxUIOp::create(builder, l, totals[0], largest);
    Value fewest = arith::MinUIOp::create(builder, l, totals[1], least);
    linalg::YieldOp::create(builder, l, ValueRange{most, fewest});
  };
  SmallVector<Value> columns = reduce(
      b, loc, tensor, 1, [&](OpBuilder &builder, Location l, ValueRange args) {
        Value bits =
            arith::BitcastOp::create(builder, l, builder.getI32Type(), args[0]);
        Value magnitude = arith::AndIOp::create(
            builder, l, bits, constant(builder, l, 0x7fffffff));
        Value below = arith::SubIOp::create(builder, l, magnitude,
                                            constant(builder, l, 1));
        join(builder, l, magnitude, below, args.drop_front(1));
      });
  SmallVector<Value> total = reduce(
      b, loc, columns, 0, [&](OpBuilder &builder, Location l, ValueRange args) {
        join(builder, l, args[0], args[1], args.drop_front(2));
      });
  auto bitsOf = [&](Value scalar) -> Value {
    return tensor::ExtractOp::create(b, loc, scalar, ValueRange{});
  };
  auto exponent = [&](Value bits) -> Value {
    return arith::ShRUIOp::create(b, loc, bits, constant(b, loc, 23));
  };
  Value most = bitsOf(total[0]), least = bitsOf(total[1]);
  return {exponent(most), exponent(least),
          arith::BitcastOp::create(b, loc, b.getF32Type(), most)};
}
