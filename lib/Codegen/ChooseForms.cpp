// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses cheaper forms of the roundings inside reductions where these give the
// same bits.
#include "FormConditions.h"
#include "FormVersions.h"
#include "Forms.h"
#include "NativeHalf.h"
#include "RoundedReduction.h"
#include "RuntimeVersions.h"
#include "SplitTiles.h"
#include "prec/Codegen/Passes.h"
#include "prec/Numerics/GridRounding.h"
#include "prec/Numerics/MaskedShifter.h"
#include "prec/Numerics/Shifter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_CHOOSEFORMS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
class ChooseForms : public prec::impl::ChooseFormsBase<ChooseForms> {
public:
  using ChooseFormsBase::ChooseFormsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 && op.getNumDpsInits() > 0 &&
          op.hasPureTensorSemantics())
        reductions.push_back(op);
    });
    CleanNaN nans;
    SmallVector<RoundedReduction> known;
    for (linalg::GenericOp op : reductions)
      known.emplace_back(op, nans);
    IRRewriter rewriter(&getContext());
    for (RoundedReduction &reduction : known)
      choose(rewriter, reduction);
  }

private:
  /// Where the operands' elements exclude the fast form of a whole, tiles
  /// choose again, each for itself.
  void choose(IRRewriter &b, RoundedReduction &reduction) {
    chooseForm(b, reduction);
    if (!reduction.isMeasured)
      return;
    std::optional<Tile> tile = splitIntoTiles(b, reduction.op, formTile);
    if (!tile)
      return;
    ++split;
    CleanNaN nans;
    RoundedReduction own(tile->op, nans);
    chooseForm(b, own);
    // What is measured of an operand that stays the same is measured once.
    for (LoopLikeOpInterface loop : llvm::reverse(tile->loops))
      moveLoopInvariantCode(loop);
  }

  void chooseForm(IRRewriter &b, RoundedReduction &reduction) {
    b.setInsertionPoint(reduction.op);
    if (reduction.mayBeWide())
      chooseWide(b, reduction);
    if (reduction.op.getNumDpsInits() > 1) { // other orders of sums
      if (reduction.canBeQuiet)
        chooseQuiet(b, reduction);
      else
        shifted += versionExactShifter(b, reduction);
      return;
    }
    if (reduction.mayBeTwoOps()) {
      chooseTwoOps(b, reduction);
      if (reduction.canBeQuiet)
        chooseQuiet(b, reduction);
      return;
    }
    if (reduction.mayBeMasked()) {
      ++twoOps;
      return chooseFirst(b, reduction, maskedForm(reduction),
                         {conditionForTwoOps(b, reduction, mostWideFraction)});
    }
    if (nativeHalf && reduction.mayBeHalf()) {
      ++halves;
      RoundOp round = reduction.rounds.front();
      if (round.getParameters().empty())
        return b.replaceOp(reduction.op, canonicalNaN(b, buildHalfContraction(
                                                             b, reduction.op)));
      versionHalf(b, reduction);
    }
    if (reduction.multipliesWholes()) {
      ++shifted;
      for (RoundOp round : reduction.rounds)
        round->setAttr(formAttrName, b.getStringAttr(shifterSumForm));
      return;
    }
    if (reduction.mayBeShifted())
      return chooseShifter(b, reduction);
    if (reduction.roundsOnGrid())
      return chooseGrid(b, reduction);
    if (reduction.mayBeMaskShifted() && chooseMasked(b, reduction))
      return;
    if (reduction.mayBeRegular())
      versionRegular(b, reduction);
    if (reduction.addsNumbers()) {
      ++sums;
      roundsOf(reduction.op)
          .back()
          ->setAttr(formAttrName, b.getStringAttr(sumForm));
      return;
    }
    if (SmallVector<RoundOp> apart = reduction.shiftedApart(); !apart.empty()) {
      ++shifted;
      for (RoundOp round : apart)
        round->setAttr(formAttrName, b.getStringAttr(signedShifterForm));
      if (reduction.op.getBody()
              ->getTerminator()
              ->getOperand(0)
              .getDefiningOp() == apart.back())
        makeCanonical(b, reduction.op);
      return;
    }
    if (reduction.canBeQuiet)
      chooseQuiet(b, reduction);
  }

  /// Where the operands' exponents allow it.
  void chooseTwoOps(IRRewriter &b, RoundedReduction &reduction) {
    ++twoOps;
    std::optional<unsigned> scaled = reduction.scaledInput();
    if (scaled)
      putLast(reduction.op, *scaled);
    chooseFirst(b, reduction, scaled ? scaledProductForm : twoOpsForm,
                {conditionForTwoOps(b, reduction, mostFraction, scaled)});
  }

  /// General where run-time widths leave no room for a NaN's mark.
  void chooseQuiet(IRRewriter &b, RoundedReduction &reduction) {
    ++quiet;
    if (Value condition = conditionOnWidths(b, reduction, leastFraction, 64))
      chooseFirst(b, reduction, quietForm, {condition});
    else
      replaceBy(b, reduction.op, quietForm);
  }

  /// Where run-time exponents are f32's the other widths are all that matters.
  void chooseWide(IRRewriter &b, RoundedReduction &reduction) {
    linalg::GenericOp wide = versionWide(b, reduction);
    CleanNaN nans;
    RoundedReduction own(wide, nans);
    if (!own.canBeQuiet) {
      choose(b, own);
    } else {
      b.setInsertionPoint(wide);
      if (own.mayBeTwoOps())
        chooseTwoOps(b, own);
      ++quiet;
      replaceBy(b, own.op, quietForm);
    }
    b.setInsertionPoint(reduction.op);
  }

  /// Without a look at overflow where the operands allow it; general where
  /// run-time widths leave no room.
  void chooseShifter(IRRewriter &b, RoundedReduction &reduction) {
    ++shifted;
    RoundOp round = reduction.rounds.front();
    const ShifterLimits limits = shifterLimits(factsOf(round).carrier);
    const bool hasRuntime = !round.getParameters().empty();
    if (hasRuntime && factsOf(round).format.isGrid())
      chooseWholes(b, reduction);
    Value isWithin = conditionForShifter(b, reduction.rounds.front(), limits);
    if (reduction.isWorthMeasuringRange()) {
      ShifterLimits shorter = limits;
      shorter.mostFraction = mostForTwoOps(round);
      chooseFirst(b, reduction, inRangeForm,
                  {conditionOnRange(b, reduction),
                   conditionForShifter(b, round, shorter)});
      round = reduction.rounds.front();
      if (hasMaskedSums(factsOf(round), round.getMode().getValue()))
        chooseFirst(b, reduction, productInRangeForm,
                    {conditionOnProducts(b, reduction),
                     conditionForShifter(b, round, maskedLimits)});
    }
    chooseLast(b, reduction, isWithin, shifterForm);
  }

  /// Without a look at overflow of products and at numbers that are not finite
  /// where the operands allow it.
  bool chooseMasked(IRRewriter &b, RoundedReduction &reduction) {
    RoundOp product = reduction.rounds.front();
    const RoundingMode mode = product.getMode().getValue();
    const bool isShort = reduction.hasShortProducts();
    const bool mayBeShort = isShort || reduction.hasOwnFactors();
    const bool isLong = !isShort && hasLongProducts(factsOf(product), mode);
    Value room;
    if (!mayBeShort && !isLong)
      return false;
    if (isLong) {
      room = conditionOnWords(b, product, [&](ArithOps &ops, RoundWords &p) {
        return mayBeLong(ops, p, mode);
      });
      if (isFalse(room) && !mayBeShort)
        return false;
    }
    ++masked;
    reduction.rounds.back()->setAttr(formAttrName, b.getStringAttr(sumForm));
    Value isWithin = conditionForShifter(b, product, maskedLimits);
    if (mayBeShort) {
      Value areOwn;
      if (!isShort)
        areOwn = conditionOnWords(b, product, areOwnFactors<ArithOps>);
      chooseFirst(b, reduction, maskedProductForm,
                  {isWithin, areOwn, conditionOnProducts(b, reduction)});
    }
    if (!isLong) {
      if (reduction.mayBeRegular())
        versionRegular(b, reduction);
      return true;
    }
    const unsigned last = reduction.lastInput();
    putLast(reduction.op, last);
    auto exponent = [&](ArithOps &ops, RoundWords &p) {
      return exponentOfLongProducts(ops, p, mode);
    };
    chooseFirst(
        b, reduction, maskedLongProductForm,
        {isWithin, room, conditionOnProducts(b, reduction, last, exponent)});
    if (reduction.mayBeRegular())
      versionRegular(b, reduction);
    return true;
  }

  /// Without a look at the range of products where the operands allow it.
  void chooseGrid(IRRewriter &b, RoundedReduction &reduction) {
    ++shifted;
    RoundOp round = reduction.rounds.front();
    Value fits;
    if (!round.getParameters().empty()) {
      chooseWholes(b, reduction);
      round = reduction.rounds.front();
      fits = allOf(b, round.getLoc(),
                   {conditionOnWords(b, round, fitsGrid<ArithOps>),
                    conditionOnWords(b, round, hasUnits<ArithOps>)});
    }
    if (reduction.isWorthMeasuring()) {
      const unsigned last = reduction.lastInput();
      putLast(reduction.op, last);
      auto exponent = [&](ArithOps &ops, RoundWords &p) {
        return ops.sub(ops.constant(p.facts.carrier.bias()), p.leastQuantum);
      };
      chooseFirst(b, reduction, gridInRangeForm,
                  {fits, conditionOnProducts(b, reduction, last, exponent)});
    }
    chooseLast(b, reduction, fits, gridForm);
  }

  /// Of run-time numbers: products of multiples of a quantum of at least one
  /// are multiples.
  void chooseWholes(IRRewriter &b, RoundedReduction &reduction) {
    if (!reduction.hasOwnFactors())
      return;
    RoundOp round = reduction.rounds.front();
    auto areWholes = [](ArithOps &ops, RoundWords &p) {
      return ops.less(ops.constant(p.facts.carrier.bias() - 1), p.leastQuantum);
    };
    chooseFirst(b, reduction, shifterSumForm,
                {conditionOnWords(b, round, fitsGrid<ArithOps>),
                 conditionOnWords(b, round, areWholes)});
  }

  static bool isFalse(Value condition) {
    return condition && matchPattern(condition, m_Zero());
  }

  /// One form more, under conditions; what follows is about the others.
  void chooseFirst(IRRewriter &b, RoundedReduction &reduction, StringRef form,
                   ArrayRef<Value> conditions) {
    Value condition = allOf(b, reduction.op.getLoc(), conditions);
    reduction.become(version(b, reduction.op, condition, form, ""));
    b.setInsertionPoint(reduction.op);
  }

  /// `form`; under a condition, if there is one, else as it is.
  void chooseLast(IRRewriter &b, RoundedReduction &reduction, Value condition,
                  StringRef form) {
    if (condition)
      chooseFirst(b, reduction, form, {condition});
    else if (form == gridForm)
      markForm(reduction.op, form);
    else
      replaceBy(b, reduction.op, form);
  }

  /// Input `number` becomes the second factor.
  static void putLast(linalg::GenericOp op, unsigned number) {
    auto product = roundsOf(op).front().getOperand().getDefiningOp();
    if (product->getOperand(0) == op.getBody()->getArgument(number))
      product->setOperands({product->getOperand(1), product->getOperand(0)});
  }

  /// In one form, whatever the operands are.
  static void replaceBy(IRRewriter &b, linalg::GenericOp op, StringRef form) {
    markForm(op, form);
    makeCanonical(b, op);
  }

  static void makeCanonical(IRRewriter &b, linalg::GenericOp op) {
    b.setInsertionPointAfter(op);
    for (Value result : op.getResults()) {
      Value canonical = canonicalNaN(b, result);
      b.replaceAllUsesExcept(result, canonical, canonical.getDefiningOp());
    }
  }

  /// No NaN and no infinity comes up, so the mask alone will do where not all
  /// is to nearest-even.
  static StringRef maskedForm(const RoundedReduction &reduction) {
    bool isEven = llvm::all_of(reduction.rounds, [](RoundOp round) {
      return is(round, RoundingMode::Kind::NearestEven);
    });
    return isEven ? twoOpsForm : quietForm;
  }

  /// if condition: op in form `fast`; else: op in form `exact` ("": as it is),
  /// which is returned.
  static linalg::GenericOp version(IRRewriter &b, linalg::GenericOp op,
                                   Value condition, StringRef fast,
                                   StringRef exact) {
    auto in = [](StringRef form) {
      return [form](OpBuilder &builder, linalg::GenericOp copy) {
        return inForm(builder, copy, form);
      };
    };
    return makeVersions(b, op, condition, in(fast), in(exact)).second;
  }
};
} // namespace
