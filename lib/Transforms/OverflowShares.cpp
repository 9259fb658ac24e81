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
  Counter(ImplicitLocOpBuilder &b, Value integerBits)
      : b(b), integerBits(integerBits), elements(number(0)),
        beyond{elements, elements} {}

  void add(Value values) {
    Type type = getElementTypeOrSelf(values.getType());
    Value limits[] = {limit(type, 1), limit(type, 2)};
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

  /// 2^(IL - below) from the bits of its exponent.
  Value limit(Type type, int64_t below) {
    CarrierLayout layout = layoutOf(*carrierOf(type));
    Type word = b.getIntegerType(layout.width);
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(b, value, int(layout.width));
    };
    Value exponent = integerBits;
    if (layout.width != 32)
      exponent = arith::ExtSIOp::create(b, word, exponent);
    exponent =
        arith::AddIOp::create(b, exponent, constant(layout.bias() - below));
    Value bits = arith::ShLIOp::create(b, exponent,
                                       constant(int64_t(layout.fractionBits)));
    return arith::BitcastOp::create(b, type, bits);
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
  Value integerBits, elements;
  SmallVector<Value> beyond;
};
} // namespace

FailureOr<OverflowShares> mlir::prec::countOverflows(OpBuilder &builder,
                                                     Location loc,
                                                     ArrayRef<RoundOp> rounds,
                                                     Value integerBits) {
  ImplicitLocOpBuilder b(loc, builder);
  Counter counter(b, integerBits);
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
