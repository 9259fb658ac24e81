// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conditions under which the forms of roundings in a contraction have the same
// bits; docs/pipeline.md derives them.
#include "FormConditions.h"
#include "OperandRange.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::prec;

/// As i1: least <= width <= most.
static Value isBetween(OpBuilder &b, Location loc, Value width, int least,
                       int most) {
  auto compare = [&](arith::CmpIPredicate predicate, int bound) -> Value {
    Value limit = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(bound));
    return arith::CmpIOp::create(b, loc, predicate, width, limit);
  };
  // In this order: that of arguments is the compiler's choice.
  Value isAtLeast = compare(arith::CmpIPredicate::uge, least);
  Value isAtMost = compare(arith::CmpIPredicate::ule, most);
  return arith::AndIOp::create(b, loc, isAtLeast, isAtMost);
}

Value mlir::prec::allOf(OpBuilder &b, Location loc,
                        ArrayRef<Value> conditions) {
  Value all;
  for (Value condition : conditions)
    if (condition)
      all = all ? arith::AndIOp::create(b, loc, all, condition) : condition;
  return all;
}

/// Of a format whose carrier is that of the rounding.
static ArithOps carrierOps(OpBuilder &b, RoundOp round) {
  return ArithOps(b, round.getLoc(),
                  layoutOf(*carrierOf(round.getType())).width, b.getI32Type());
}

Value mlir::prec::conditionOnWords(OpBuilder &b, RoundOp round, BitOf fact) {
  ArithOps ops = carrierOps(b, round);
  RoundWords p = roundWordsOf(ops, round);
  const ArithOps::Bit bit = fact(ops, p);
  if (bit.isConstant() && bit.bit)
    return {};
  return bit.isConstant() ? arith::ConstantOp::create(b, round.getLoc(),
                                                      b.getBoolAttr(false))
                          : bit.value;
}

namespace {
/// Bounds of a float's widths.
struct Widths {
  int leastExponent, mostExponent, leastFraction, mostFraction;
};
} // namespace

/// Those that are known at run time only lie within bounds; null if all are
/// known.
static Value areWithin(OpBuilder &b, RoundOp round, const Widths &bounds) {
  const Format &format = round.getFormat().getValue();
  SmallVector<Value> conditions;
  auto width = round.getParameters().begin();
  if (format.exponentBits == Format::runtime)
    conditions.push_back(isBetween(b, round.getLoc(), *width++,
                                   bounds.leastExponent, bounds.mostExponent));
  if (format.fractionBits == Format::runtime)
    conditions.push_back(isBetween(b, round.getLoc(), *width,
                                   bounds.leastFraction, bounds.mostFraction));
  return allOf(b, round.getLoc(), conditions);
}

Value mlir::prec::conditionForShifter(OpBuilder &b, RoundOp round,
                                      const ShifterLimits &limits) {
  const Format &format = round.getFormat().getValue();
  if (format.isGrid())
    return format.isRuntime() ? conditionOnWords(b, round, fitsGrid<ArithOps>)
                              : Value();
  return areWithin(
      b, round,
      {2, limits.mostExponentBits, limits.leastFraction, limits.mostFraction});
}

Value mlir::prec::conditionForHalf(OpBuilder &b, RoundOp round) {
  return areWithin(b, round, {5, 5, 10, 10});
}

Value mlir::prec::conditionForWide(OpBuilder &b, RoundedReduction &reduction) {
  SmallVector<Value> conditions;
  for (RoundOp round : reduction.rounds)
    if (const int bits = withWideExponent(round).exponentBits;
        bits != round.getFormat().getValue().exponentBits)
      conditions.push_back(isBetween(
          b, round.getLoc(), round.getParameters().front(), bits, bits));
  return allOf(b, reduction.op.getLoc(), conditions);
}

Value mlir::prec::conditionForRegular(OpBuilder &b,
                                      RoundedReduction &reduction) {
  SmallVector<Value> conditions;
  for (RoundOp round : reduction.rounds)
    conditions.push_back(
        conditionOnWords(b, round, hasRegularWidths<ArithOps>));
  return allOf(b, reduction.op.getLoc(), conditions);
}

Value mlir::prec::conditionOnWidths(OpBuilder &b, RoundedReduction &reduction,
                                    int least, int most) {
  SmallVector<Value> conditions;
  for (RoundOp round : reduction.rounds) {
    if (!isRuntime(round))
      continue;
    const Format &format = round.getFormat().getValue();
    const int offset = format.family == Format::Family::Word ? 9 : 0;
    const unsigned place = format.exponentBits == Format::runtime;
    conditions.push_back(isBetween(b, round.getLoc(),
                                   round.getParameters()[place], least + offset,
                                   most + offset));
  }
  return allOf(b, reduction.op.getLoc(), conditions);
}

Value mlir::prec::conditionOnRange(OpBuilder &b, RoundedReduction &reduction) {
  reduction.isMeasured = true;
  Location loc = reduction.op.getLoc();
  SmallVector<Value> largest;
  for (Value input : reduction.op.getDpsInputs())
    largest.push_back(buildExponentRange(b, loc, input).largest);
  auto isAtMost = [&](Value value, Value limit) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ule, value,
                                 limit);
  };
  Value finite = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(254));
  Value first = isAtMost(largest[0], finite);
  Value second = isAtMost(largest[1], finite);
  Value both = arith::AndIOp::create(b, loc, first, second);
  Value sum = arith::AddIOp::create(b, loc, largest[0], largest[1]);
  return arith::AndIOp::create(b, loc, both,
                               isAtMost(sum, reduction.buildMostExponent(b)));
}

Value mlir::prec::conditionForTwoOps(OpBuilder &b, RoundedReduction &reduction,
                                     int mostFraction,
                                     std::optional<unsigned> scaled) {
  reduction.isMeasured = true;
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
  conditions.push_back(
      conditionOnWidths(b, reduction, leastFraction, mostFraction));
  return allOf(b, loc, conditions);
}

Value mlir::prec::conditionOnProducts(OpBuilder &b, RoundedReduction &reduction,
                                      unsigned last, WordOf exponent) {
  reduction.isMeasured = true;
  Location loc = reduction.op.getLoc();
  ArithOps ops = carrierOps(b, reduction.rounds.front());
  RoundWords p = roundWordsOf(ops, reduction.rounds.front());
  SmallVector<Value> magnitudes;
  for (Value input : reduction.op.getDpsInputs())
    magnitudes.push_back(buildExponentRange(b, loc, input).magnitude);
  auto isAtMost = [&](Value value, ArithOps::Word limit) -> Value {
    return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, value,
                                 ops.floating(limit));
  };
  Value most = arith::MulFOp::create(b, loc, magnitudes[0], magnitudes[1]);
  Value isWithin = isAtMost(most, p.largest);
  if (!exponent)
    return isWithin;
  const CarrierLayout carrier = p.facts.carrier;
  const uint64_t greatest =
      (uint64_t(2 * carrier.bias() + 1) << carrier.fractionBits) - 1;
  ArithOps::Word beforeScaling =
      ops.sub(ops.constant(greatest),
              ops.shl(exponent(ops, p), ops.constant(carrier.fractionBits)));
  return allOf(b, loc, {isWithin, isAtMost(magnitudes[last], beforeScaling)});
}
