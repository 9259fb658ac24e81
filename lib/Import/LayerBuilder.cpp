// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations, reductions, products and softmax on linalg.
#include "LayerBuilder.h"
#include "prec/IR/GradientNames.h"
#include <limits>

using namespace mlir;
using namespace mlir::prec;

LayerBuilder::LayerBuilder(Location loc, const Layer &layer, Block *block,
                           OpBuilder::Listener *listener)
    : ImplicitLocOpBuilder(loc, block, block->end(), listener), layer(layer) {}

RankedTensorType LayerBuilder::samples(ArrayRef<int64_t> sizes) {
  SmallVector<int64_t> shape = {staticBatch};
  llvm::append_range(shape, sizes);
  return RankedTensorType::get(shape, getF32Type());
}

Value LayerBuilder::constant(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(float(value)));
}

DenseIntElementsAttr LayerBuilder::integers(ArrayRef<int64_t> values) {
  return getI64TensorAttr(values);
}

Value LayerBuilder::rows(Value tensor) const {
  if (!cast<RankedTensorType>(tensor.getType()).isDynamicDim(0))
    return {};
  auto joined = joinedRows.find(tensor);
  return joined == joinedRows.end() ? batch : joined->second;
}

Value LayerBuilder::withRowsOf(Value tensor, Value like) {
  auto joined = joinedRows.find(like);
  if (joined != joinedRows.end())
    joinedRows[tensor] = Value(joined->second);
  return tensor;
}

Value LayerBuilder::empty(RankedTensorType type, Value rows) {
  SmallVector<Value> dynamic;
  if (type.getNumDynamicDims())
    dynamic.push_back(rows ? rows : batch);
  return tensor::EmptyOp::create(*this, type, dynamic);
}

Value LayerBuilder::filled(RankedTensorType type, double value, Value rows) {
  Value scalar = constant(value);
  return linalg::FillOp::create(*this, scalar, empty(type, rows)).getResult(0);
}

Value LayerBuilder::map(ArrayRef<Operand> operands, Body body, Value out) {
  auto type = cast<RankedTensorType>(operands[0].value.getType());
  unsigned rank = type.getRank();
  AffineMap identity = getMultiDimIdentityMap(rank);
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (const Operand &operand : operands) {
    values.push_back(operand.value);
    AffineMap map = identity;
    if (operand.dims) {
      SmallVector<AffineExpr> exprs;
      for (int64_t dim : *operand.dims)
        exprs.push_back(getAffineDimExpr(dim));
      map = AffineMap::get(rank, 0, exprs, getContext());
    }
    maps.push_back(map);
  }
  maps.push_back(identity);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  if (!out)
    out = empty(type, rows(operands[0].value));
  auto generic = linalg::GenericOp::create(
      *this, TypeRange{type}, values, ValueRange{out}, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ImplicitLocOpBuilder n(loc, nested);
        linalg::YieldOp::create(n, body(n, arguments.drop_back()));
      });
  return withRowsOf(generic.getResult(0), operands[0].value);
}

Value LayerBuilder::reduce(Value tensor, ArrayRef<int64_t> dims, double init,
                           Body body) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<utils::IteratorType> iterators;
  SmallVector<AffineExpr> kept;
  SmallVector<int64_t> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    bool isReduced = llvm::is_contained(dims, dim);
    iterators.push_back(isReduced ? utils::IteratorType::reduction
                                  : utils::IteratorType::parallel);
    if (isReduced)
      continue;
    kept.push_back(getAffineDimExpr(dim));
    sizes.push_back(type.getDimSize(dim));
  }
  auto outType = RankedTensorType::get(sizes, type.getElementType());
  Value out = filled(outType, init,
                     outType.getNumDynamicDims() ? rows(tensor) : Value());
  AffineMap outMap = AffineMap::get(type.getRank(), 0, kept, getContext());
  auto generic = linalg::GenericOp::create(
      *this, TypeRange{outType}, ValueRange{tensor}, ValueRange{out},
      ArrayRef<AffineMap>{getMultiDimIdentityMap(type.getRank()), outMap},
      iterators, [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ImplicitLocOpBuilder n(loc, nested);
        linalg::YieldOp::create(n, body(n, arguments));
      });
  return withRowsOf(generic.getResult(0), tensor);
}

Value LayerBuilder::sum(Value tensor, ArrayRef<int64_t> dims) {
  return reduce(tensor, dims, 0.0,
                [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                  return arith::AddFOp::create(n, in[1], in[0]);
                });
}

Value LayerBuilder::countAsFloat(int64_t others) {
  if (!ShapedType::isDynamic(staticBatch))
    return constant(double(staticBatch * others));
  Value integer = arith::IndexCastOp::create(*this, getI64Type(), batch);
  Value samples = arith::SIToFPOp::create(*this, getF32Type(), integer);
  return arith::MulFOp::create(*this, samples, constant(double(others)));
}

Value LayerBuilder::mean(Value tensor, ArrayRef<int64_t> dims) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim == 0 ? 1 : type.getDimSize(dim);
  Value divisor, total = sum(tensor, dims);
  if (llvm::is_contained(dims, 0))
    divisor = countAsFloat(count);
  return map({total}, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
    Value by = divisor;
    if (!by)
      by = arith::ConstantOp::create(n, n.getF32FloatAttr(float(count)));
    return arith::DivFOp::create(n, in[0], by);
  });
}

Value LayerBuilder::matmul(Value a, Value b) {
  auto left = cast<RankedTensorType>(a.getType());
  auto right = cast<RankedTensorType>(b.getType());
  auto type = RankedTensorType::get({left.getDimSize(0), right.getDimSize(1)},
                                    left.getElementType());
  Value out = filled(type, 0.0, rows(a));
  auto matmul = linalg::MatmulOp::create(*this, TypeRange{type},
                                         ValueRange{a, b}, ValueRange{out});
  return withRowsOf(matmul.getResult(0), a);
}

Value LayerBuilder::affine(Value x, Value weight, Value bias) {
  auto type = cast<RankedTensorType>(x.getType());
  bool isJoined = type.getRank() > 2;
  Value y = matmul(isJoined ? joinRows(x, type.getRank() - 2) : x, weight);
  if (bias)
    y = map({y, {bias, {1}}},
            [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
              return arith::AddFOp::create(n, in[0], in[1]);
            });
  if (!isJoined)
    return y;
  SmallVector<int64_t> sizes(type.getShape().drop_front());
  sizes.back() = cast<RankedTensorType>(y.getType()).getDimSize(1);
  return splitRows(y, sizes);
}

/// In the body of a map: is this the place of an element after the row's own?
static Value isAhead(ImplicitLocOpBuilder &n, int64_t last) {
  Value from = linalg::IndexOp::create(n, last - 1);
  Value to = linalg::IndexOp::create(n, last);
  return arith::CmpIOp::create(n, arith::CmpIPredicate::ugt, to, from);
}

Value LayerBuilder::softmax(Value x, bool isCausal) {
  int64_t last = cast<RankedTensorType>(x.getType()).getRank() - 1;
  auto outer = llvm::to_vector(llvm::seq<int64_t>(0, last));
  // What lies ahead repeats the first element, which every row sees: the
  // maximum does not change, and no infinity is rounded.
  if (isCausal)
    x = map({x, {element(x, last, getIndexAttr(0)), outer}},
            [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
              return arith::SelectOp::create(n, isAhead(n, last), in[1], in[0]);
            });
  Value max = reduce(x, {last}, -std::numeric_limits<double>::infinity(),
                     [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                       return arith::MaximumFOp::create(n, in[1], in[0]);
                     });
  max.getDefiningOp()->setAttr(detachedAttrName, getUnitAttr());
  Value shifted = map({x, {max, outer}},
                      [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
                        return arith::SubFOp::create(n, in[0], in[1]);
                      });
  Value exp = map({shifted}, [](ImplicitLocOpBuilder &n, ValueRange in) {
    return math::ExpOp::create(n, in[0]).getResult();
  });
  // By itself, so that the gradient takes the exponential from its result.
  if (isCausal)
    exp = map({exp}, [&](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
      Value zero = arith::ConstantOp::create(n, n.getF32FloatAttr(0));
      return arith::SelectOp::create(n, isAhead(n, last), zero, in[0]);
    });
  return map({exp, {sum(exp, {last}), outer}},
             [](ImplicitLocOpBuilder &n, ValueRange in) -> Value {
               return arith::DivFOp::create(n, in[0], in[1]);
             });
}
