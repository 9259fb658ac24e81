// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which forms the roundings of a reduction may take.
#include "RoundedReduction.h"
#include "GridValues.h"
#include "RoundWords.h"
#include "ShortValues.h"
#include "prec/Analysis/Contraction.h"
#include "prec/Numerics/GridRounding.h"
#include "prec/Numerics/MaskedShifter.h"
#include "prec/Numerics/Shifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

SmallVector<RoundOp> mlir::prec::roundsOf(linalg::GenericOp op) {
  return llvm::to_vector(op.getBody()->getOps<RoundOp>());
}

RoundFacts mlir::prec::factsOf(RoundOp round) {
  return roundFacts(round.getFormat().getValue(), *carrierOf(round.getType()));
}

static bool hasMaskForm(const Format &format, Carrier carrier) {
  RoundFacts facts = roundFacts(format, carrier);
  return !facts.isGradual && !facts.isFlushed && !facts.isBounded &&
         !facts.isIdentity && facts.format.hasNegativeZero &&
         facts.format.nans == Format::NaNs::Yes &&
         (facts.fractionBits == Format::runtime ||
          facts.fractionBits >= leastFraction);
}

static bool hasWideMaskForm(const Format &format, Carrier carrier) {
  Format expected = Format::ieee(8, format.fractionBits);
  if (format.family == Format::Family::Word)
    expected.family = format.family;
  return carrier == Carrier::F64 && format == expected &&
         (format.fractionBits == Format::runtime ||
          (format.fractionBits >= leastFraction &&
           format.fractionBits <= mostWideFraction));
}

bool mlir::prec::isMaskForm(RoundOp round) {
  return hasMaskForm(round.getFormat().getValue(), *carrierOf(round.getType()));
}

bool mlir::prec::isWideMaskForm(RoundOp round) {
  return hasWideMaskForm(round.getFormat().getValue(),
                         *carrierOf(round.getType()));
}

Format mlir::prec::withWideExponent(RoundOp round) {
  Format format = round.getFormat().getValue();
  if (format.family == Format::Family::Float &&
      format.exponentBits == Format::runtime)
    format.exponentBits = layoutOf(Carrier::F32).exponentBits;
  return format;
}

bool mlir::prec::isRuntime(RoundOp round) {
  return factsOf(round).fractionBits == Format::runtime;
}

/// NaNs pass through everything that uses `value` inside the body.
static bool passesNaN(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isa<arith::SelectOp>(user))
      return passesNaN(user->getResult(0));
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::NegFOp,
               math::FmaOp, RoundOp, linalg::YieldOp>(user);
  });
}

/// The result is a rounded number, or what it was.
static bool isRounded(Value yielded, Value total) {
  if (auto choice = yielded.getDefiningOp<arith::SelectOp>())
    return choice.getFalseValue() == total &&
           choice.getTrueValue().getDefiningOp<RoundOp>();
  return yielded.getDefiningOp<RoundOp>();
}

TypedAttr mlir::prec::fillOf(linalg::GenericOp op) {
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

RoundedReduction::RoundedReduction(linalg::GenericOp op, CleanNaN &nans)
    : op(op), rounds(roundsOf(op)) {
  canBeQuiet = !rounds.empty() && llvm::all_of(rounds, isMaskForm);
  for (auto [yielded, total] :
       llvm::zip(op.getBody()->getTerminator()->getOperands(),
                 op.getRegionOutputArgs()))
    canBeQuiet &= isRounded(yielded, total) && passesNaN(total);
  canBeQuiet &= hasOuterParameters();
  for (RoundOp round : rounds)
    canBeQuiet &= passesNaN(round.getResult());
  bool masksOnly = llvm::all_of(rounds, [](RoundOp round) {
    return is(round, RoundingMode::Kind::TowardZero);
  });
  if (canBeQuiet && !masksOnly)
    for (Value operand : op->getOperands())
      canBeQuiet &= nans.isClean(operand);
}

bool RoundedReduction::mayBeTwoOps() const {
  return isContraction(Float32Type::get(op.getContext())) &&
         isWorthMeasuring() && llvm::all_of(rounds, [](RoundOp round) {
           return isMaskForm(round) &&
                  is(round, RoundingMode::Kind::NearestEven) &&
                  factsOf(round).fractionBits <= mostFraction;
         });
}

std::optional<unsigned> RoundedReduction::scaledInput() const {
  ShortValues values(rounds[0]);
  for (Value input : op.getDpsInputs())
    if (!values.isShort(input))
      return std::nullopt;
  return lastInput();
}

unsigned RoundedReduction::lastInput() const {
  auto contraction = matchContraction(cast<linalg::LinalgOp>(op.getOperation()),
                                      /*throughRounds=*/true);
  auto maps = op.getIndexingMapsArray();
  auto last = dyn_cast<AffineDimExpr>(maps.back().getResults().back());
  const bool isFirst =
      last && maps[contraction->a].isFunctionOfDim(last.getPosition());
  return isFirst ? contraction->a : contraction->b;
}

bool RoundedReduction::mayBeMasked() const {
  return isContraction(Float64Type::get(op.getContext())) &&
         isWorthMeasuring() && llvm::all_of(rounds, [](RoundOp round) {
           bool countsWord = isRuntime(round) && factsOf(round).format.family ==
                                                     Format::Family::Word;
           return isWideMaskForm(round) && !countsWord &&
                  (is(round, RoundingMode::Kind::NearestEven) ||
                   is(round, RoundingMode::Kind::NearestAway) ||
                   is(round, RoundingMode::Kind::NearestToZero) ||
                   is(round, RoundingMode::Kind::TowardZero));
         });
}

bool RoundedReduction::mayBeShifted() const {
  return hasOneFormat() && llvm::all_of(rounds, [](RoundOp round) {
           return is(round, RoundingMode::Kind::NearestEven) &&
                  hasShifter(factsOf(round));
         });
}

bool RoundedReduction::mayBeMaskShifted() const {
  return hasOneFormat() && isWorthMeasuring() &&
         llvm::all_of(rounds, [](RoundOp round) {
           return hasMaskedShifter(factsOf(round), round.getMode().getValue());
         });
}

bool RoundedReduction::mayBeWide() const {
  return hasOuterParameters() &&
         llvm::any_of(rounds,
                      [](RoundOp round) {
                        return withWideExponent(round) !=
                               round.getFormat().getValue();
                      }) &&
         llvm::all_of(rounds, [](RoundOp round) {
           const Format format = withWideExponent(round);
           const Carrier carrier = *carrierOf(round.getType());
           return hasMaskForm(format, carrier) ||
                  hasWideMaskForm(format, carrier);
         });
}

bool RoundedReduction::mayBeRegular() const {
  auto isRuntimeFloat = [](RoundOp round) {
    const RoundFacts facts = factsOf(round);
    const bool isFloat = facts.format.family == Format::Family::Float ||
                         facts.format.family == Format::Family::P3109;
    return isFloat && facts.isGradual &&
           (facts.hasRuntimeExponent ||
            facts.fractionBits == Format::runtime) &&
           (is(round, RoundingMode::Kind::NearestEven) ||
            is(round, RoundingMode::Kind::ToOdd) ||
            is(round, RoundingMode::Kind::Stochastic));
  };
  auto costsMore = [](RoundOp round) {
    const RoundFacts facts = factsOf(round);
    return facts.mayKeepAll || facts.hasRuntimeParity;
  };
  return hasOuterParameters() && llvm::all_of(rounds, isRuntimeFloat) &&
         llvm::any_of(rounds, costsMore);
}

bool RoundedReduction::hasOwnFactors() const {
  ShortValues values(rounds[0]);
  return rounds[0].getFormat().getValue().isRuntime() &&
         llvm::all_of(op.getDpsInputs(),
                      [&](Value input) { return values.isShort(input); });
}

bool RoundedReduction::hasShortProducts() const {
  if (rounds[0].getFormat().getValue().isRuntime())
    return false;
  ShortValues values(rounds[0], leastQuantumOfFactors(factsOf(rounds[0])));
  return llvm::all_of(op.getDpsInputs(),
                      [&](Value input) { return values.isShort(input); });
}

bool RoundedReduction::mayBeHalf() const {
  if (!hasOneFormat())
    return false;
  Format format = rounds[0].getFormat().getValue();
  if (format.exponentBits == Format::runtime)
    format.exponentBits = 5;
  if (format.fractionBits == Format::runtime)
    format.fractionBits = 10;
  return rounds[0].getType().isF32() && format == Format::ieee(5, 10) &&
         llvm::all_of(rounds, [](RoundOp round) {
           return is(round, RoundingMode::Kind::NearestEven);
         });
}

bool RoundedReduction::addsNumbers() const {
  if (!hasOneFormat())
    return false;
  const RoundFacts facts = factsOf(rounds[0]);
  const Format &format = facts.format;
  if (!facts.isGradual || facts.isFlushed ||
      format.subnormals != Format::Subnormals::Kept)
    return false;
  if (format.isGrid())
    return facts.hasPlainScale && format.hasKnownCodes() &&
           !format.isRuntime() && format.overflow == Format::Overflow::Saturate;
  return format.family == Format::Family::Float;
}

bool RoundedReduction::multipliesWholes() const {
  if (!addsNumbers() || !hasShifter(factsOf(rounds[0])) ||
      !factsOf(rounds[0]).format.isGrid())
    return false;
  const int quantum = gridExponent(rounds[0].getFormat().getValue());
  GridValues values(quantum >= 0 ? (quantum + 1) / 2 : quantum / 2);
  return llvm::all_of(op.getDpsInputs(),
                      [&](Value input) { return values.areMultiples(input); });
}

bool RoundedReduction::roundsOnGrid() const {
  return hasOneFormat() &&
         hasGridRounding(factsOf(rounds[0]), rounds[0].getMode().getValue());
}

SmallVector<RoundOp> RoundedReduction::shiftedApart() const {
  auto contraction =
      matchContraction(cast<linalg::LinalgOp>(op.getOperation()), true, true);
  Operation *yielded =
      op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!contraction || !isa_and_nonnull<RoundOp>(yielded))
    return {};
  return llvm::filter_to_vector(rounds, [](RoundOp round) {
    return round.getParameters().empty() &&
           is(round, RoundingMode::Kind::NearestEven) &&
           hasShifter(factsOf(round));
  });
}

bool RoundedReduction::hasOneFormat() const {
  return rounds.size() == 2 && rounds[0].getFormat() == rounds[1].getFormat() &&
         rounds[0].getParameters() == rounds[1].getParameters() &&
         hasOuterParameters() && isContraction(rounds[0].getType());
}

bool RoundedReduction::isWorthMeasuringRange() const {
  return !factsOf(rounds[0]).format.isGrid() && isWorthMeasuring();
}

Value RoundedReduction::buildMostExponent(OpBuilder &b) const {
  uint64_t terms = 1;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  for (unsigned dim : reductions) {
    int64_t extent = op.getStaticLoopRanges()[dim];
    terms = llvm::SaturatingMultiply(
        terms, ShapedType::isDynamic(extent) ? UINT64_MAX : uint64_t(extent));
  }
  RoundOp round = rounds[0];
  const CarrierLayout carrier = layoutOf(*carrierOf(round.getType()));
  Type i32 = b.getI32Type();
  ArithOps ops(b, round.getLoc(), carrier.width, i32);
  const RoundWords p = roundWordsOf(ops, round);
  auto c = [&](uint64_t value) { return ops.constant(value); };
  // Sums grow by a binade with each doubling of their terms until what is added
  // is half of the last bit, after Y + 1 binades.
  ArithOps::Word binades =
      ops.minimum(c(llvm::Log2_64_Ceil(std::max<uint64_t>(terms, 1))),
                  ops.sub(c(carrier.fractionBits + 1), p.discard));
  ArithOps::Word last = ops.lshr(p.largest, c(carrier.fractionBits));
  constexpr int biases = 2 * layoutOf(Carrier::F32).bias();
  Value most = ops.integer(ops.sub(
      ops.add(last, c(uint64_t(biases - carrier.bias() - 2))), binades));
  return carrier.width == 32
             ? most
             : arith::TruncIOp::create(b, round.getLoc(), i32, most);
}

bool RoundedReduction::isContraction(Type type) const {
  auto contraction = matchContraction(cast<linalg::LinalgOp>(op.getOperation()),
                                      true, type.isF64());
  if (!contraction || rounds.size() != 2 ||
      contraction->multiply->getResult(0).getType() != type ||
      rounds[0].getOperand() != contraction->multiply->getResult(0) ||
      rounds[1].getOperand() != contraction->add->getResult(0))
    return false;
  auto zero = dyn_cast_or_null<FloatAttr>(fillOf(op));
  return zero && zero.getValue().isPosZero();
}

bool RoundedReduction::isWorthMeasuring() const {
  constexpr double assumedExtent = 64, least = 8;
  auto count = [&](AffineMap map) {
    double points = 1;
    for (auto [dim, extent] : llvm::enumerate(op.getStaticLoopRanges()))
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

bool RoundedReduction::hasOuterParameters() const {
  return llvm::all_of(rounds, [&](RoundOp round) {
    return llvm::all_of(round.getParameters(), [&](Value value) {
      return value.getParentBlock() != op.getBody();
    });
  });
}
