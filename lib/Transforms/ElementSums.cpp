// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A reduction to scalars as one linalg.generic.
#include "ElementSums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

SmallVector<Value> mlir::prec::sumElements(ImplicitLocOpBuilder &b,
                                           ValueRange values,
                                           ValueRange initial, NextSums next) {
  auto type = dyn_cast<RankedTensorType>(values.front().getType());
  if (!type)
    return next(b, values, initial);
  SmallVector<Type> types;
  SmallVector<Value> outputs;
  for (Value sum : initial) {
    types.push_back(RankedTensorType::get({}, sum.getType()));
    Value empty =
        tensor::EmptyOp::create(b, ArrayRef<int64_t>{}, sum.getType());
    outputs.push_back(linalg::FillOp::create(b, sum, empty).getResult(0));
  }
  unsigned rank = type.getRank();
  SmallVector<AffineMap> maps(values.size(), b.getMultiDimIdentityMap(rank));
  maps.append(initial.size(), AffineMap::get(rank, 0, b.getContext()));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::reduction);
  auto generic = linalg::GenericOp::create(
      b, types, values, outputs, maps, loops,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ImplicitLocOpBuilder n(loc, nested);
        linalg::YieldOp::create(n, next(n, arguments.take_front(values.size()),
                                        arguments.drop_front(values.size())));
      });
  SmallVector<Value> sums;
  for (Value result : generic.getResults())
    sums.push_back(tensor::ExtractOp::create(b, result, ValueRange{}));
  return sums;
}

Value mlir::prec::countElements(ImplicitLocOpBuilder &b, Value value) {
  auto number = [&](int64_t n) -> Value {
    return arith::ConstantIntOp::create(b, n, 64);
  };
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return number(1);
  if (type.hasStaticShape())
    return number(type.getNumElements());
  Value count = number(1);
  for (int64_t d = 0; d < type.getRank(); ++d) {
    Value extent = number(type.getDimSize(d));
    if (type.isDynamicDim(d))
      extent = arith::IndexCastOp::create(b, b.getI64Type(),
                                          tensor::DimOp::create(b, value, d));
    count = arith::MulIOp::create(b, count, extent);
  }
  return count;
}
