// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counts the elements beyond a range as integers, whose order does not matter.
#include "OverflowShares.h"
#include "ElementSums.h"
#include "prec/Analysis/Operations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::prec;

namespace {
class Counter {
public:
  Counter(ImplicitLocOpBuilder &b, Value driven)
      : b(b), driven(driven), elements(number(0)), beyond{elements, elements} {}

  void add(RoundOp round) {
    Value values = round.getOperand();
    Value limits[] = {limit(round, 0), limit(round, 1)};
    beyond = sumElements(
        b, values, beyond,
        [&](ImplicitLocOpBuilder &n, ValueRange x, ValueRange sums) {
          SmallVector<Value> next;
          for (auto [sum, limit] : llvm::zip_equal(sums, limits))
            next.push_back(
                arith::AddIOp::create(n, sum, reaches(n, x[0], limit)));
          return next;
        });
    elements = arith::AddIOp::create(b, elements, countElements(b, values));
  }

  OverflowShares shares() {
    auto real = [&](Value count) -> Value {
      return arith::UIToFPOp::create(b, b.getF32Type(), count);
    };
    Value all = real(elements);
    return {arith::DivFOp::create(b, real(beyond[0]), all),
            arith::DivFOp::create(b, real(beyond[1]), all)};
  }

private:
  Value number(int64_t value) {
    return arith::ConstantIntOp::create(b, value, 64);
  }

  /// Of the limit, divided by 2^below, the exponent beside the driven number.
  Value exponentBeside(RoundOp round, int64_t below) {
    const Format &format = round.getFormat().getValue();
    const int64_t less = int64_t(format.isSigned) + below;
    if (format.family == Format::Family::Fixed)
      return arith::ConstantIntOp::create(b, -less, 32);
    if (!format.hasRuntimeBits())
      return arith::ConstantIntOp::create(
          b, format.width(*carrierOf(round.getType())) - less, 32);
    return arith::SubIOp::create(b, round.getParameters().front(),
                                 arith::ConstantIntOp::create(b, less, 32));
  }

  /// A power of two from the bits of its exponent, times the scale if that is
  /// what is driven.
  Value limit(RoundOp round, int64_t below) {
    Type type = getElementTypeOrSelf(round.getType());
    CarrierLayout layout = layoutOf(*carrierOf(type));
    Type word = b.getIntegerType(layout.width);
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(b, value, int(layout.width));
    };
    const bool isScale = driven.getType().isF32();
    Value exponent = exponentBeside(round, below);
    if (!isScale)
      exponent = arith::AddIOp::create(b, exponent, driven);
    if (layout.width != 32)
      exponent = arith::ExtSIOp::create(b, word, exponent);
    exponent = arith::AddIOp::create(b, exponent, constant(layout.bias()));
    Value bits = arith::ShLIOp::create(b, exponent,
                                       constant(int64_t(layout.fractionBits)));
    Value power = arith::BitcastOp::create(b, type, bits);
    if (!isScale)
      return power;
    Value scale = driven;
    if (layout.width != 32)
      scale = arith::ExtFOp::create(b, type, scale);
    return arith::MulFOp::create(b, power, scale);
  }

  /// 1 or 0; NaN reaches nothing.
  static Value reaches(ImplicitLocOpBuilder &n, Value value, Value limit) {
    using Predicate = arith::CmpFPredicate;
    Value opposite = arith::NegFOp::create(n, limit);
    Value above = arith::CmpFOp::create(n, Predicate::OGE, value, limit);
    Value below = arith::CmpFOp::create(n, Predicate::OLE, value, opposite);
    return arith::ExtUIOp::create(n, n.getI64Type(),
                                  arith::OrIOp::create(n, above, below));
  }

  ImplicitLocOpBuilder &b;
  Value driven, elements;
  SmallVector<Value> beyond;
};
} // namespace

FailureOr<OverflowShares> mlir::prec::countOverflows(OpBuilder &builder,
                                                     Location loc,
                                                     ArrayRef<RoundOp> rounds,
                                                     Value number) {
  ImplicitLocOpBuilder b(loc, builder);
  Counter counter(b, number);
  for (RoundOp round : rounds) {
    if (!isa<func::FuncOp>(round->getParentOp()))
      return round.emitError("a number that follows the share of overflows "
                             "counts whole tensors and scalars of the "
                             "function, found a rounding inside '")
             << round->getParentOp()->getName()
             << "'; choose granularity op, layer or batch";
    counter.add(round);
  }
  return counter.shares();
}
