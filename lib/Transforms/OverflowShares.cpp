// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counts the elements beyond a range as integers, whose order does not matter.
#include "OverflowShares.h"
#include "prec/Analysis/Operations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
class Counter {
public:
  Counter(OpBuilder &b, Location loc, Value integerBits)
      : b(b), loc(loc), integerBits(integerBits), elements(number(0)),
        whole(elements), half(elements) {}

  void add(Value values) {
    if (auto type = dyn_cast<RankedTensorType>(values.getType()))
      return addTensor(values, type);
    elements = sum(elements, number(1));
    whole = sum(whole, reaches(b, values, limit(values.getType(), 1)));
    half = sum(half, reaches(b, values, limit(values.getType(), 2)));
  }

  OverflowShares shares() {
    auto real = [&](Value count) -> Value {
      return arith::UIToFPOp::create(b, loc, b.getF32Type(), count);
    };
    Value all = real(elements);
    return {arith::DivFOp::create(b, loc, real(whole), all),
            arith::DivFOp::create(b, loc, real(half), all)};
  }

private:
  Value number(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, value, 64);
  }
  Value sum(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }

  /// 2^(IL - below) from the bits of its exponent.
  Value limit(Type type, int64_t below) {
    CarrierLayout layout = layoutOf(*carrierOf(type));
    Type word = b.getIntegerType(layout.width);
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(b, loc, value, int(layout.width));
    };
    Value exponent = integerBits;
    if (layout.width != 32)
      exponent = arith::ExtSIOp::create(b, loc, word, exponent);
    exponent = arith::AddIOp::create(b, loc, exponent,
                                     constant(layout.bias() - below));
    Value bits = arith::ShLIOp::create(b, loc, exponent,
                                       constant(int64_t(layout.fractionBits)));
    return arith::BitcastOp::create(b, loc, type, bits);
  }

  /// 1 or 0; NaN reaches nothing.
  Value reaches(OpBuilder &at, Value value, Value limit) {
    using Predicate = arith::CmpFPredicate;
    Value opposite = arith::NegFOp::create(at, loc, limit);
    Value above = arith::CmpFOp::create(at, loc, Predicate::OGE, value, limit);
    Value below =
        arith::CmpFOp::create(at, loc, Predicate::OLE, value, opposite);
    return arith::ExtUIOp::create(at, loc, at.getI64Type(),
                                  arith::OrIOp::create(at, loc, above, below));
  }

  void addTensor(Value values, RankedTensorType type) {
    Value limits[] = {limit(type.getElementType(), 1),
                      limit(type.getElementType(), 2)};
    auto countType = RankedTensorType::get({}, b.getI64Type());
    Value empty =
        tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>(), b.getI64Type());
    Value zero = linalg::FillOp::create(b, loc, number(0), empty).getResult(0);
    unsigned rank = type.getRank();
    AffineMap each = b.getMultiDimIdentityMap(rank);
    AffineMap none = AffineMap::get(rank, 0, b.getContext());
    SmallVector<utils::IteratorType> loops(rank,
                                           utils::IteratorType::reduction);
    auto counts = linalg::GenericOp::create(
        b, loc, TypeRange{countType, countType}, values, ValueRange{zero, zero},
        ArrayRef<AffineMap>{each, none, none}, loops,
        [&](OpBuilder &at, Location, ValueRange arguments) {
          SmallVector<Value> next;
          for (unsigned i : {0, 1})
            next.push_back(
                arith::AddIOp::create(at, loc, arguments[1 + i],
                                      reaches(at, arguments[0], limits[i])));
          linalg::YieldOp::create(at, loc, next);
        });
    auto scalar = [&](unsigned i) -> Value {
      return tensor::ExtractOp::create(b, loc, counts.getResult(i),
                                       ValueRange());
    };
    whole = sum(whole, scalar(0));
    half = sum(half, scalar(1));
    Value size = number(1);
    for (unsigned d = 0; d < rank; ++d) {
      Value extent = number(type.getDimSize(d));
      if (type.isDynamicDim(d))
        extent = arith::IndexCastOp::create(
            b, loc, b.getI64Type(), tensor::DimOp::create(b, loc, values, d));
      size = arith::MulIOp::create(b, loc, size, extent);
    }
    elements = sum(elements, size);
  }

  OpBuilder &b;
  Location loc;
  Value integerBits, elements, whole, half;
};
} // namespace

FailureOr<OverflowShares> mlir::prec::countOverflows(OpBuilder &builder,
                                                     Location loc,
                                                     ArrayRef<RoundOp> rounds,
                                                     Value integerBits) {
  Counter counter(builder, loc, integerBits);
  for (RoundOp round : rounds) {
    if (!isa<func::FuncOp>(round->getParentOp()))
      return round.emitError("a number that follows the share of overflows "
                             "counts whole tensors and scalars of the "
                             "function, found a rounding inside '")
             << round->getParentOp()->getName()
             << "'; choose granularity op, layer or batch";
    counter.add(round.getOperand());
  }
  return counter.shares();
}
