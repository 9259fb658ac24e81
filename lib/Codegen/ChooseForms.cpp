// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses cheaper forms of the roundings inside reductions where these give the
// same bits.
#include "CleanNaN.h"
#include "Forms.h"
#include "OperandRange.h"
#include "prec/Analysis/Contraction.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/RoundParameters.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_CHOOSEFORMS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Most fraction bits for which the two-operation form is exact, in f32 and in
/// f64 (there those of f32 are enough), and the least for which a NaN keeps its
/// quiet bit.
static constexpr int mostFraction = 10, mostWideFraction = 23,
                     leastFraction = 1;

static SmallVector<RoundOp> roundsOf(linalg::GenericOp op) {
  return llvm::to_vector(op.getBody()->getOps<RoundOp>());
}

static RoundFacts factsOf(RoundOp round) {
  return roundFacts(round.getFormat().getValue(), *carrierOf(round.getType()));
}

/// The rounding is an addition and a mask on the whole word.
static bool isMaskForm(RoundOp round) {
  RoundFacts facts = factsOf(round);
  return !facts.isGradual && !facts.isFlushed && !facts.isBounded &&
         !facts.isIdentity && facts.format.hasNegativeZero &&
         facts.format.nans == Format::NaNs::Yes &&
         (facts.fractionBits == Format::runtime ||
          facts.fractionBits >= leastFraction);
}

/// The numbers of mN in f32, in f64: an addition and a mask as long as all are
/// normal in f32.
static bool isWideMaskForm(RoundOp round) {
  const Format &format = round.getFormat().getValue();
  Format expected = Format::ieee(8, format.fractionBits);
  if (format.family == Format::Family::Word)
    expected.family = format.family;
  return round.getType().isF64() && format == expected &&
         (format.fractionBits == Format::runtime ||
          (format.fractionBits >= leastFraction &&
           format.fractionBits <= mostWideFraction));
}

static bool isRuntime(RoundOp round) {
  return factsOf(round).fractionBits == Format::runtime;
}

static bool is(RoundOp round, RoundingMode::Kind kind) {
  return round.getMode().getValue().kind == kind;
}

/// NaNs pass through everything that uses `value` inside the body.
static bool passesNaN(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::NegFOp,
               math::FmaOp, RoundOp, linalg::YieldOp>(user);
  });
}

/// Least and most fraction bits, as i1: `round`'s run-time width is in between.
static Value isBetween(OpBuilder &b, RoundOp round, int least, int most) {
  Location loc = round.getLoc();
  const Format &format = round.getFormat().getValue();
  int offset = format.family == Format::Family::Word ? 9 : 0;
  Value width = round.getParameters().back();
  auto compare = [&](arith::CmpIPredicate predicate, int bound) -> Value {
    Value limit =
        arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(bound + offset));
    return arith::CmpIOp::create(b, loc, predicate, width, limit);
  };
  return arith::AndIOp::create(b, loc,
                               compare(arith::CmpIPredicate::uge, least),
                               compare(arith::CmpIPredicate::ule, most));
}

/// The constant that fills the initial value.
static TypedAttr fillOf(linalg::GenericOp op) {
  Operation *producer = op.getDpsInits()[0].getDefiningOp();
  auto fill = dyn_cast_or_null<linalg::LinalgOp>(producer);
  if (!fill || fill.getNumReductionLoops() > 0 || fill->getNumResults() != 1)
    return {};
  Value value = fill.getBlock()->getTerminator()->getOperand(0);
  if (auto argument = dyn_cast<BlockArgument>(value);
      argument && argument.getOwner() == fill.getBlock())
    value = fill->getOperand(argument.getArgNumber());
  TypedAttr constant;
  matchPattern(value, m_Constant(&constant));
  return isa_and_nonnull<FloatAttr>(constant) ? constant : TypedAttr();
}

namespace {
/// What is known of one reduction.
class Reduction {
public:
  Reduction(linalg::GenericOp op, CleanNaN &nans)
      : op(op), rounds(roundsOf(op)) {
    auto yielded = op.getBody()->getTerminator()->getOperand(0);
    canBeQuiet = !rounds.empty() && yielded.getDefiningOp<RoundOp>() &&
                 llvm::all_of(rounds, isMaskForm) &&
                 passesNaN(op.getRegionOutputArgs()[0]);
    for (RoundOp round : rounds)
      canBeQuiet &= passesNaN(round.getResult()) &&
                    llvm::all_of(round.getParameters(), [&](Value v) {
                      return v.getParentBlock() != op.getBody();
                    });
    bool masksOnly = llvm::all_of(rounds, [](RoundOp round) {
      return is(round, RoundingMode::Kind::TowardZero);
    });
    if (canBeQuiet && !masksOnly)
      for (Value operand : op->getOperands())
        canBeQuiet &= nans.isClean(operand);
  }

  /// Both roundings of a contraction may take the two-operation form, if the
  /// operands' exponents allow it.
  bool mayBeTwoOps() const {
    return isContraction(Float32Type::get(op.getContext())) &&
           llvm::all_of(rounds, [](RoundOp round) {
             return isMaskForm(round) &&
                    is(round, RoundingMode::Kind::NearestEven) &&
                    factsOf(round).fractionBits <= mostFraction;
           });
  }

  /// The same for f32's mN in f64, whose magnitudes no mode here raises beyond
  /// the nearest number.
  bool mayBeMasked() const {
    return isContraction(Float64Type::get(op.getContext())) &&
           llvm::all_of(rounds, [](RoundOp round) {
             bool countsWord =
                 isRuntime(round) &&
                 factsOf(round).format.family == Format::Family::Word;
             return isWideMaskForm(round) && !countsWord &&
                    (is(round, RoundingMode::Kind::NearestEven) ||
                     is(round, RoundingMode::Kind::NearestAway) ||
                     is(round, RoundingMode::Kind::NearestToZero) ||
                     is(round, RoundingMode::Kind::TowardZero));
           });
  }

  /// A contraction of f32 operands from +0, computed in `type`, with one
  /// rounding of the product and one of the sum.
  bool isContraction(Type type) const {
    auto contraction = matchContraction(
        cast<linalg::LinalgOp>(op.getOperation()), true, type.isF64());
    if (!contraction || rounds.size() != 2 ||
        contraction->multiply->getResult(0).getType() != type ||
        rounds[0].getOperand() != contraction->multiply->getResult(0) ||
        rounds[1].getOperand() != contraction->add->getResult(0))
      return false;
    auto zero = dyn_cast_or_null<FloatAttr>(fillOf(op));
    return zero && zero.getValue().isPosZero() && isWorthMeasuring();
  }

  /// Multiplications for each element that has to be looked at.
  bool isWorthMeasuring() const {
    constexpr double assumedExtent = 64, least = 8;
    auto count = [&](AffineMap map) {
      double points = 1;
      for (auto [dim, extent] : llvm::enumerate(extents()))
        if (map.isFunctionOfDim(dim))
          points *=
              ShapedType::isDynamic(extent) ? assumedExtent : double(extent);
      return points;
    };
    double elements = 0;
    for (Value input : op.getDpsInputs()) {
      auto type = dyn_cast<RankedTensorType>(input.getType());
      if (!type || !type.getElementType().isF32() || type.getRank() == 0)
        return false;
      double size = 1;
      for (int64_t extent : type.getShape())
        size *= ShapedType::isDynamic(extent) ? assumedExtent : double(extent);
      elements += size;
    }
    return op.getNumDpsInputs() == 2 &&
           count(AffineMap::getMultiDimIdentityMap(
               op.getNumLoops(), op.getContext())) >= least * elements;
  }

  SmallVector<int64_t> extents() const { return op.getStaticLoopRanges(); }

  mutable linalg::GenericOp op; // a handle, whose accessors are not const
  mutable SmallVector<RoundOp> rounds;
  bool canBeQuiet = false;
};

class ChooseForms : public prec::impl::ChooseFormsBase<ChooseForms> {
public:
  using ChooseFormsBase::ChooseFormsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 && op.getNumDpsInits() == 1 &&
          op.hasPureTensorSemantics())
        reductions.push_back(op);
    });
    CleanNaN nans;
    SmallVector<Reduction> known;
    for (linalg::GenericOp op : reductions)
      known.emplace_back(op, nans);
    IRRewriter rewriter(&getContext());
    for (Reduction &reduction : known)
      choose(rewriter, reduction);
  }

private:
  void choose(IRRewriter &b, Reduction &reduction) {
    linalg::GenericOp op = reduction.op;
    b.setInsertionPoint(op);
    bool hasRuntime = llvm::any_of(reduction.rounds, isRuntime);
    if (reduction.mayBeTwoOps()) {
      ++twoOps;
      bool quiet = reduction.canBeQuiet && !hasRuntime;
      Value condition = conditionForTwoOps(b, reduction, mostFraction);
      return version(b, op, condition, twoOpsForm, quiet ? quietForm : "");
    }
    if (reduction.mayBeMasked()) {
      ++twoOps;
      Value condition = conditionForTwoOps(b, reduction, mostWideFraction);
      return version(b, op, condition, maskedForm(reduction), "");
    }
    if (!reduction.canBeQuiet)
      return;
    ++quiet;
    if (!hasRuntime) {
      b.setInsertionPointAfter(op);
      mark(op, quietForm);
      Value canonical = canonicalNaN(b, op.getResult(0));
      b.replaceAllUsesExcept(op.getResult(0), canonical,
                             canonical.getDefiningOp());
      return;
    }
    version(b, op, conditionOnWidths(b, reduction, leastFraction, 64),
            quietForm, "");
  }

  /// No NaN and no infinity comes up, so the mask alone will do where not all
  /// is to nearest-even.
  static StringRef maskedForm(const Reduction &reduction) {
    bool isEven = llvm::all_of(reduction.rounds, [](RoundOp round) {
      return is(round, RoundingMode::Kind::NearestEven);
    });
    return isEven ? twoOpsForm : quietForm;
  }

  static void mark(linalg::GenericOp op, StringRef form) {
    for (RoundOp round : roundsOf(op)) {
      int fraction = round.getFormat().getValue().fractionBits;
      if (form == quietForm && isWideMaskForm(round))
        round.setFormatAttr(
            FormatAttr::get(op.getContext(), Format::mantissa(fraction)));
      round->setAttr(formAttrName, StringAttr::get(op.getContext(), form));
    }
  }

  static Value conditionOnWidths(OpBuilder &b, Reduction &reduction, int least,
                                 int most) {
    Value condition;
    for (RoundOp round : reduction.rounds) {
      if (!isRuntime(round))
        continue;
      Value one = isBetween(b, round, least, most);
      condition = condition
                      ? arith::AndIOp::create(b, round.getLoc(), condition, one)
                      : one;
    }
    return condition;
  }

  /// docs/pipeline.md derives the bounds: products and sums are normal numbers
  /// or zero, and no intermediate result overflows.
  static Value conditionForTwoOps(OpBuilder &b, Reduction &reduction,
                                  int mostFraction) {
    Location loc = reduction.op.getLoc();
    auto is = [&](arith::CmpIPredicate predicate, Value value,
                  int64_t bound) -> Value {
      Value limit =
          arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(bound));
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
    Value largest =
        arith::AddIOp::create(b, loc, ranges[0].largest, ranges[1].largest);
    Value least =
        arith::AddIOp::create(b, loc, ranges[0].least, ranges[1].least);
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

  /// if condition: op in form `fast`; else: op in form `exact` ("": as it is).
  void version(IRRewriter &b, linalg::GenericOp op, Value condition,
               StringRef fast, StringRef exact) {
    Location loc = op.getLoc();
    auto branch = [&](StringRef form) {
      return [&, form](OpBuilder &builder, Location) {
        IRMapping mapping;
        if (TypedAttr value = fillOf(op)) { // a buffer of the branch's own
          Value init = op.getDpsInits()[0];
          Value empty = tensor::EmptyOp::create(
              builder, loc, tensor::getMixedSizes(builder, loc, init),
              getElementTypeOrSelf(init.getType()));
          Value scalar = arith::ConstantOp::create(builder, loc, value);
          mapping.map(
              init,
              linalg::FillOp::create(builder, loc, scalar, empty).getResult(0));
        }
        auto clone = cast<linalg::GenericOp>(builder.clone(*op, mapping));
        Value result = clone.getResult(0);
        if (!form.empty())
          mark(clone, form);
        if (form == quietForm)
          result = canonicalNaN(builder, result);
        scf::YieldOp::create(builder, loc, result);
      };
    };
    auto choice =
        scf::IfOp::create(b, loc, condition, branch(fast), branch(exact));
    b.replaceOp(op, choice.getResults());
  }

  /// Every NaN of `tensor` as a rounding would have left it.
  static Value canonicalNaN(OpBuilder &b, Value tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    auto element = cast<FloatType>(type.getElementType());
    AffineMap map = b.getMultiDimIdentityMap(type.getRank());
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               b, tensor.getLoc(), type, ValueRange{}, tensor, map, iterators,
               [&](OpBuilder &builder, Location loc, ValueRange args) {
                 Value isNaN = arith::CmpFOp::create(
                     builder, loc, arith::CmpFPredicate::UNO, args[0], args[0]);
                 Value nan = arith::ConstantOp::create(
                     builder, loc,
                     FloatAttr::get(element, APFloat::getQNaN(
                                                 element.getFloatSemantics())));
                 Value value =
                     arith::SelectOp::create(builder, loc, isNaN, nan, args[0]);
                 linalg::YieldOp::create(builder, loc, value);
               })
        .getResult(0);
  }
};
} // namespace
