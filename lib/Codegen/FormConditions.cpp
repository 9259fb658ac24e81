// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conditions under which the forms of roundings in a contraction have the same
// bits; docs/pipeline.md derives them.
#include "FormConditions.h"
#include "OperandRange.h"
#include "prec/Numerics/MaskedShifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::prec;

/// As i1: least <= width <= most.
static Value isBetween(OpBuilder &b, Location loc, Value width, int least,
                       int most) {
  auto compare = [&](arith::CmpIPredicate predicate, int bound) -> Value {
    Value limit = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(bound));
    return arith::CmpIOp::create(b, loc, predicate, width, limit);
  };
  return arith::AndIOp::create(b, loc,
                               compare(arith::CmpIPredicate::uge, least),
                               compare(arith::CmpIPredicate::ule, most));
}

Value mlir::prec::conditionForShifter(OpBuilder &b, RoundOp round,
                                      const ShifterLimits &limits) {
  const Format &format = round.getFormat().getValue();
  Value all;
  auto require = [&](Value width, int least, int most) {
    Value one = isBetween(b, round.getLoc(), width, least, most);
    all = all ? arith::AndIOp::create(b, round.getLoc(), all, one) : one;
  };
  if (format.exponentBits == Format::runtime)
    require(round.getParameters().front(), 2, limits.mostExponentBits);
  if (format.fractionBits == Format::runtime)
    require(round.getParameters().back(), limits.leastFraction,
            limits.mostFraction);
  return all;
}

Value mlir::prec::conditionOnWidths(OpBuilder &b, RoundedReduction &reduction,
                                    int least, int most) {
  Value condition;
  for (RoundOp round : reduction.rounds) {
    if (!isRuntime(round))
      continue;
    bool countsWord =
        round.getFormat().getValue().family == Format::Family::Word;
    int offset = countsWord ? 9 : 0;
    Value one = isBetween(b, round.getLoc(), round.getParameters().back(),
                          least + offset, most + offset);
    condition = condition
                    ? arith::AndIOp::create(b, round.getLoc(), condition, one)
                    : one;
  }
  return condition;
}

Value mlir::prec::conditionOnRange(OpBuilder &b, RoundedReduction &reduction) {
  Location loc = reduction.op.getLoc();
  SmallVector<Value> largest;
  for (Value input : reduction.op.getDpsInputs())
    largest.push_back(buildExponentRange(b, loc, input).largest);
  auto isAtMost = [&](Value value, Value limit) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule, value,
                                 limit);
  };
  Value finite = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(254));
  Value both = arith::AndIOp::create(b, loc, isAtMost(largest[0], finite),
                                     isAtMost(largest[1], finite));
  Value sum = arith::AddIOp::create(b, loc, largest[0], largest[1]);
  return arith::AndIOp::create(b, loc, both,
                               isAtMost(sum, reduction.buildMostExponent(b)));
}

Value mlir::prec::conditionForTwoOps(OpBuilder &b, RoundedReduction &reduction,
                                     int mostFraction,
                                     std::optional<unsigned> scaled) {
  Location loc = reduction.op.getLoc();
  auto is = [&](arith::CmpIPredicate predicate, Value value,
                int64_t bound) -> Value {
    Value limit = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(bound));
    return arith::CmpIOp::create(b, loc, predicate, value, limit);
  };
  using P = arith::CmpIPredicate;
  SmallVector<ExponentRange> ranges;
  SmallVector<Value> conditions;
  for (Value input : reduction.op.getDpsInputs()) {
    ranges.push_back(buildExponentRange(b, loc, input));
    conditions.push_back(is(P::ult, ranges.back().largest, 255));
    conditions.push_back(is(P::uge, ranges.back().least, 1));
  }
  if (scaled)
    conditions.push_back(is(P::ule, ranges[*scaled].largest, 231));
  Value largest =
      arith::AddIOp::create(b, loc, ranges[0].largest, ranges[1].largest);
  Value least = arith::AddIOp::create(b, loc, ranges[0].least, ranges[1].least);
  conditions.push_back(is(P::ule, largest, 340));
  conditions.push_back(is(P::uge, least, 129 + mostFraction));
  if (Value widths =
          conditionOnWidths(b, reduction, leastFraction, mostFraction))
    conditions.push_back(widths);
  Value all = conditions.front();
  for (Value condition : ArrayRef(conditions).drop_front())
    all = arith::AndIOp::create(b, loc, all, condition);
  return all;
}

static float largestOf(const RoundFacts &facts) {
  MachineOps<uint32_t> ops;
  return std::bit_cast<float>(
      makeFormatParameters(ops, facts.format, Carrier::F32).largest);
}

Value mlir::prec::conditionOnProducts(OpBuilder &b, RoundedReduction &reduction,
                                      unsigned last, int exponent) {
  RoundOp product = reduction.rounds.front();
  const RoundFacts facts = factsOf(product);
  Location loc = reduction.op.getLoc();
  SmallVector<Value> magnitudes;
  for (Value input : reduction.op.getDpsInputs())
    magnitudes.push_back(buildExponentRange(b, loc, input).magnitude);
  auto isAtMost = [&](Value value, float limit) -> Value {
    Value bound = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(limit));
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, value,
                                 bound);
  };
  Value most = arith::MulFOp::create(b, loc, magnitudes[0], magnitudes[1]);
  Value isWithin = isAtMost(most, largestOf(facts));
  if (exponent <= 0)
    return isWithin;
  Value isFinite =
      isAtMost(magnitudes[last],
               std::ldexp(std::numeric_limits<float>::max(), -exponent));
  return arith::AndIOp::create(b, loc, isWithin, isFinite);
}
