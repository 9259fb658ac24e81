// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Versions of a reduction for certain run-time widths.
#include "RuntimeVersions.h"
#include "FormConditions.h"
#include "FormVersions.h"
#include "Forms.h"
#include "NativeHalf.h"
#include "prec/Numerics/Shifter.h"

using namespace mlir;
using namespace mlir::prec;

static SmallVector<Value> asItIs(OpBuilder &, linalg::GenericOp copy) {
  return copy.getResults();
}

/// Makes `version` under the condition and goes on with the rest.
static linalg::GenericOp versionFirst(RewriterBase &b,
                                      RoundedReduction &reduction,
                                      Value condition, Version version) {
  auto [first, rest] =
      makeVersions(b, reduction.op, condition, version, asItIs);
  reduction.become(rest);
  b.setInsertionPoint(rest);
  return first;
}

void mlir::prec::versionHalf(RewriterBase &b, RoundedReduction &reduction) {
  auto inHalf = [](OpBuilder &builder, linalg::GenericOp copy) {
    Value result = canonicalNaN(builder, buildHalfContraction(builder, copy));
    copy.erase();
    return SmallVector<Value>{result};
  };
  versionFirst(b, reduction, conditionForHalf(b, reduction.rounds.front()),
               inHalf);
}

linalg::GenericOp mlir::prec::versionWide(RewriterBase &b,
                                          RoundedReduction &reduction) {
  auto inWide = [](OpBuilder &, linalg::GenericOp copy) {
    for (RoundOp round : roundsOf(copy)) {
      const Format format = withWideExponent(round);
      if (format == round.getFormat().getValue())
        continue;
      round.setFormatAttr(FormatAttr::get(copy.getContext(), format));
      round.getParametersMutable().erase(0);
    }
    return SmallVector<Value>(copy.getResults());
  };
  Value condition = allOf(b, reduction.op.getLoc(),
                          {conditionForWide(b, reduction),
                           conditionOnWidths(b, reduction, leastFraction, 64)});
  return versionFirst(b, reduction, condition, inWide);
}

void mlir::prec::versionRegular(RewriterBase &b, RoundedReduction &reduction) {
  const bool addsNumbers = reduction.addsNumbers();
  auto inRegular = [&](OpBuilder &, linalg::GenericOp copy) {
    for (RoundOp round : roundsOf(copy))
      round->setAttr(formAttrName, b.getStringAttr(regularForm));
    if (addsNumbers)
      roundsOf(copy).back()->setAttr(formAttrName,
                                     b.getStringAttr(regularSumForm));
    return SmallVector<Value>(copy.getResults());
  };
  versionFirst(b, reduction, conditionForRegular(b, reduction), inRegular);
}

bool mlir::prec::versionExactShifter(RewriterBase &b,
                                     RoundedReduction &reduction) {
  auto mayBe = [](RoundOp round) {
    return !round.getParameters().empty() &&
           is(round, RoundingMode::Kind::NearestEven) &&
           hasShifter(factsOf(round));
  };
  SmallVector<Value> conditions;
  for (RoundOp round : reduction.rounds)
    if (mayBe(round))
      conditions.push_back(
          conditionForShifter(b, round, shifterLimits(factsOf(round).carrier)));
  Value condition = allOf(b, reduction.op.getLoc(), conditions);
  if (!condition)
    return false;
  auto inShifter = [&](OpBuilder &, linalg::GenericOp copy) {
    for (RoundOp round : roundsOf(copy))
      if (mayBe(round))
        round->setAttr(formAttrName, b.getStringAttr(exactShifterForm));
    return SmallVector<Value>(copy.getResults());
  };
  versionFirst(b, reduction, condition, inShifter);
  return true;
}
