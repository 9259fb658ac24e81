// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Orders of summation that take several accumulators.
#include "SumRewrite.h"

using namespace mlir;
using namespace mlir::prec;

LogicalResult SumRewrite::kahan() {
  linalg::GenericOp made = withAccumulators(
      {op.getDpsInits()[0], zeros()},
      [&](OpBuilder &builder, ValueRange acc, Value) -> Values {
        Value sum = acc[0], compensation = acc[1];
        Value y =
            differenceOf(builder, terms.lookupOrDefault(term), compensation);
        Value t = sumOf(builder, sum, y);
        Value error = differenceOf(builder, differenceOf(builder, t, sum), y);
        return {t, error};
      });
  b.replaceOp(op, made.getResult(0));
  return success();
}

Value SumRewrite::addBlock(OpBuilder &builder, const Summation &sum,
                           Value total, Value block) {
  Value both = arith::AddFOp::create(builder, loc, total, block);
  if (!sum.between)
    return rounded(builder, both);
  SiteAttr site;
  if (const Candidate *candidate = sites.lookup(add))
    site = SiteTable::makeSite(b.getContext(), *candidate,
                               Granularity::Elementary);
  ValueRange numbers(spec.numbers);
  if (sum.block == Summation::runtime)
    numbers = numbers.drop_front();
  return RoundOp::create(builder, loc, element, both, numbers, Value(),
                         FormatAttr::get(b.getContext(), *sum.between),
                         ModeAttr::get(b.getContext(), sum.betweenMode), site);
}

LogicalResult SumRewrite::blocked(const Summation &sum) {
  if (sum.between)
    if (std::string why = sum.between->whyNotIn(*carrierOf(element));
        !why.empty())
      return op.emitError("format ") << sum.between->str() << " does not fit "
                                     << element << ": " << why;
  Value size;
  if (sum.block == Summation::runtime) {
    Value one = arith::ConstantIntOp::create(b, loc, 1, 32);
    size = arith::MaxSIOp::create(b, loc, spec.numbers.front(), one);
    size = arith::IndexCastOp::create(b, loc, b.getIndexType(), size);
  }
  linalg::GenericOp made = withAccumulators(
      {op.getDpsInits()[0], zeros()},
      [&](OpBuilder &builder, ValueRange acc, Value number) -> Values {
        Value place = arith::RemUIOp::create(
            builder, loc, number, size ? size : index(builder, sum.block));
        Value none = index(builder, 0);
        using Predicate = arith::CmpIPredicate;
        Value begins =
            arith::CmpIOp::create(builder, loc, Predicate::eq, place, none);
        Value isLater =
            arith::CmpIOp::create(builder, loc, Predicate::ne, number, none);
        Value ends = arith::AndIOp::create(builder, loc, begins, isLater);
        Value total = arith::SelectOp::create(
            builder, loc, ends, addBlock(builder, sum, acc[0], acc[1]), acc[0]);
        Value block = arith::SelectOp::create(builder, loc, begins,
                                              zero(builder), acc[1]);
        return {total, accumulate(builder, block)};
      });
  Value count = productOf(reductionSizes());
  b.replaceOp(op, join({made.getResult(0), made.getResult(1)},
                       [&](OpBuilder &builder, ValueRange parts) -> Value {
                         Value both =
                             addBlock(builder, sum, parts[0], parts[1]);
                         // Without an element there is no block.
                         Value isEmpty = arith::CmpIOp::create(
                             builder, loc, arith::CmpIPredicate::eq, count,
                             index(builder, 0));
                         return arith::SelectOp::create(builder, loc, isEmpty,
                                                        parts[0], both);
                       }));
  return success();
}

LogicalResult SumRewrite::pairwise() {
  Value count = productOf(reductionSizes());
  std::optional<int64_t> known = getConstantIntValue(count);
  unsigned levels = known ? llvm::Log2_64_Ceil(*known + 1) : 31;
  Value output = op.getDpsInits()[0];
  if (levels == 0) { // no element
    b.replaceOp(op, output);
    return success();
  }
  auto bit = [&](OpBuilder &builder, Value number, unsigned level) -> Value {
    Value mask = arith::AndIOp::create(builder, loc, number,
                                       index(builder, int64_t(1) << level));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, mask,
                                 index(builder, 0));
  };
  Values outputs(levels, zeros());
  linalg::GenericOp made = withAccumulators(
      outputs, [&](OpBuilder &builder, ValueRange acc, Value number) -> Values {
        // As a counter's carry: a set bit adds and hands on, a clear one
        // keeps.
        Values next;
        Value carry = terms.lookupOrDefault(term), arrives;
        for (unsigned level = 0; level < levels; ++level) {
          Value isSet = bit(builder, number, level);
          Value one = arith::ConstantIntOp::create(builder, loc, 1, 1);
          Value isClear = arith::XOrIOp::create(builder, loc, isSet, one);
          Value keeps = isClear, hands = isSet;
          if (arrives) {
            keeps = arith::AndIOp::create(builder, loc, arrives, isClear);
            hands = arith::AndIOp::create(builder, loc, arrives, isSet);
          }
          next.push_back(
              arith::SelectOp::create(builder, loc, keeps, carry, acc[level]));
          carry = sumOf(builder, acc[level], carry);
          arrives = hands;
        }
        return next;
      });
  Values parts(made.getResults());
  parts.push_back(output);
  Value result = join(parts, [&](OpBuilder &builder, ValueRange values) {
    Value total, hasTotal;
    for (unsigned level = 0; level < levels; ++level) {
      Value isSet = bit(builder, count, level);
      Value sum = total ? sumOf(builder, values[level], total) : Value();
      if (!total) {
        total = values[level];
        hasTotal = isSet;
        continue;
      }
      Value with =
          arith::SelectOp::create(builder, loc, hasTotal, sum, values[level]);
      total = arith::SelectOp::create(builder, loc, isSet, with, total);
      hasTotal = arith::OrIOp::create(builder, loc, hasTotal, isSet);
    }
    Value sum = sumOf(builder, values.back(), total);
    return arith::SelectOp::create(builder, loc, hasTotal, sum, values.back())
        .getResult();
  });
  b.replaceOp(op, result);
  return success();
}
