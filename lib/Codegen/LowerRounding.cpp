// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes rounding and random bits as arith operations.
#include "Forms.h"
#include "RoundWords.h"
#include "prec/Codegen/ArithOps.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/GridRounding.h"
#include "prec/Numerics/MaskedShifter.h"
#include "prec/Numerics/Random.h"
#include "prec/Numerics/Rounding.h"
#include "prec/Numerics/Shifter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERROUNDING
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Moves the builder to the first point where all values are known, so that
/// what is computed there once is not computed in loops; stays where it is if
/// `values` is empty or their order is not known.
static void setInsertionPointAfterAll(OpBuilder &builder, ValueRange values) {
  if (values.empty())
    return;
  Value last = values.front();
  for (Value value : values.drop_front()) {
    if (value.getParentBlock() != last.getParentBlock())
      return;
    Operation *def = value.getDefiningOp(), *lastDef = last.getDefiningOp();
    if (def && (!lastDef || lastDef->isBeforeInBlock(def)))
      last = value;
  }
  builder.setInsertionPointAfterValue(last);
}

namespace {
class LowerRounding : public prec::impl::LowerRoundingBase<LowerRounding> {
public:
  using LowerRoundingBase::LowerRoundingBase;

  void runOnOperation() override {
    bool failed = false;
    getOperation()->walk([&](Operation *op) {
      if (auto round = dyn_cast<RoundOp>(op)) {
        if (isa<TensorType>(round.getType())) {
          round.emitError("a rounding of a tensor cannot be lowered here, "
                          "prec-expand-rounding has to run first");
          failed = true;
          return;
        }
        lower(round);
        ++rounds;
      } else if (auto random = dyn_cast<RandomOp>(op)) {
        lower(random);
      } else if (auto key = dyn_cast<KeyOp>(op)) {
        lower(key);
      } else if (auto join = dyn_cast<JoinOp>(op)) {
        lower(join);
      }
    });
    if (failed)
      return signalPassFailure();
  }

private:
  static void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }

  /// Words that only depend on run-time parameters, where these are defined.
  static RoundWords parametersOf(OpBuilder &builder, RoundOp round,
                                 unsigned width) {
    OpBuilder::InsertionGuard guard(builder);
    SmallVector<Value> values(round.getParameters());
    bool isUniform = llvm::none_of(
        values, [](Value value) { return isa<VectorType>(value.getType()); });
    if (isUniform)
      setInsertionPointAfterAll(builder, values);
    ArithOps ops(builder, round.getLoc(), width,
                 isUniform ? builder.getI32Type() : round.getType());
    return roundWordsOf(ops, round);
  }

  /// The scale 2^d of the two-operation form, plus `more`; next to the run-time
  /// number of bits if there is one.
  static Value scaleOf(OpBuilder &builder, RoundOp round, double more) {
    CarrierLayout carrier = layoutOf(*carrierOf(round.getType()));
    ArithOps::Word discard =
        parametersOf(builder, round, carrier.width).discard;
    OpBuilder::InsertionGuard guard(builder);
    if (!discard.isConstant())
      builder.setInsertionPointAfterValue(discard.value);
    Location loc = round.getLoc();
    ArithOps ops(builder, loc, carrier.width, builder.getI32Type());
    ArithOps::Word exponent =
        ops.add(discard, ops.constant(uint64_t(carrier.bias())));
    Value scale =
        ops.floating(ops.shl(exponent, ops.constant(carrier.fractionBits)));
    if (more == 0)
      return scale;
    Value other = arith::ConstantOp::create(
        builder, loc, builder.getFloatAttr(scale.getType(), more));
    return builder.createOrFold<arith::AddFOp>(loc, scale, other);
  }

  static Value limited(OpBuilder &builder, RoundOp round, Value value) {
    const unsigned width = layoutOf(*carrierOf(round.getType())).width;
    auto p = parametersOf(builder, round, width);
    ArithOps ops(builder, round.getLoc(), width, round.getType());
    return ops.floating(saturated(ops, ops.word(value), p));
  }

  /// Forms.h has the preconditions.
  static void lowerToTwoOps(RoundOp round, StringRef form) {
    OpBuilder builder(round);
    Location loc = round.getLoc();
    Value less = scaleOf(builder, round, -1),
          scale = scaleOf(builder, round, 0);
    Value x = round.getOperand(), by = scale;
    Value multiple;
    if (form == scaledProductForm) {
      auto product = x.getDefiningOp<arith::MulFOp>();
      x = product.getLhs();
      less = arith::MulFOp::create(builder, loc, product.getRhs(), less);
      by = arith::MulFOp::create(builder, loc, product.getRhs(), scale);
      // A profile counts this one, in the place of the product.
      multiple = arith::MulFOp::create(builder, product.getLoc(), x, less);
    } else {
      multiple = arith::MulFOp::create(builder, loc, x, less);
    }
    Value negative = arith::NegFOp::create(builder, loc, multiple);
    auto fma = math::FmaOp::create(builder, loc, x, by, negative);
    if (form == balancedTwoOpsForm)
      fma->setAttr(twoOpsAttrName, builder.getUnitAttr());
    Value rounded = fma;
    if (form == saturatingTwoOpsForm)
      rounded = limited(builder, round, rounded);
    replace(round, rounded);
  }

  /// In f16 where the operand is a product or a sum of f16 numbers.
  static void lowerToHalf(RoundOp round) {
    OpBuilder builder(round);
    Operation *operand = round.getOperand().getDefiningOp();
    auto isHalf = [](Value value) {
      auto wide = value.getDefiningOp<arith::ExtFOp>();
      return wide && wide.getIn().getType().isF16();
    };
    Value half;
    if (isa_and_nonnull<arith::MulFOp, arith::AddFOp>(operand) &&
        llvm::all_of(operand->getOperands(), isHalf)) {
      IRMapping mapping;
      for (Value value : operand->getOperands())
        mapping.map(value, value.getDefiningOp<arith::ExtFOp>().getIn());
      Operation *narrow = builder.clone(*operand, mapping);
      half = narrow->getResult(0);
      half.setType(builder.getF16Type());
    } else {
      half = arith::TruncFOp::create(builder, round.getLoc(),
                                     builder.getF16Type(), round.getOperand());
    }
    // Not erased here, where the walk may stand before it.
    for (Operation *user : round->getUsers())
      if (auto truncation = dyn_cast<arith::TruncFOp>(user))
        truncation.getResult().replaceAllUsesWith(half);
    replace(round, arith::ExtFOp::create(builder, round.getLoc(),
                                         round.getType(), half));
  }

  static std::optional<ShifterOperand> shifterOperand(StringAttr form) {
    return llvm::StringSwitch<std::optional<ShifterOperand>>(
               form ? form.getValue() : "")
        .Case(shifterForm, ShifterOperand{})
        .Case(shifterSumForm, ShifterOperand{.isSum = true})
        .Cases({inRangeForm, productInRangeForm},
               ShifterOperand{.isInRange = true})
        .Case(sumInRangeForm, ShifterOperand{.isSum = true, .isInRange = true})
        .Default(std::nullopt);
  }

  static ArithOps::Word byMask(ArithOps &ops, RoundOp round,
                               const RoundWords &p, StringRef form) {
    MaskedShifter<ArithOps> shifter(ops, ops.word(round.getOperand()), p,
                                    round.getMode().getValue(),
                                    randomOf(ops, round));
    return form == maskedSumForm
               ? shifter.sum()
               : shifter.product(form == maskedLongProductForm);
  }

  /// The product of one factor in units of the quantum; a sum that takes it
  /// scales it back, which is exact.
  static void lowerInUnits(RoundOp round, const RoundWords &p) {
    OpBuilder builder(round);
    const RoundingMode mode = round.getMode().getValue();
    ArithOps ops(builder, round.getLoc(), p.facts.carrier.width,
                 round.getType());
    const ArithOps::Word quantum = quantumOf(ops, p),
                         inverse = perQuantum(ops, p);
    auto product = round.getOperand().getDefiningOp<arith::MulFOp>();
    ArithOps::Word units =
        product && !heedsTiny(mode)
            ? ops.carrierMul(
                  ops.word(product.getLhs()),
                  ops.carrierMul(ops.word(product.getRhs()), inverse))
            : ops.carrierMul(ops.word(round.getOperand()), inverse);
    if (!p.facts.format.isSigned)
      units = ops.carrierMaximum(units, ops.constant(0));
    ArithOps::Word whole =
        GridRounding<ArithOps>(ops, ops.word(round.getOperand()), p, mode,
                               randomOf(ops, round))
            .inUnits(units);
    for (Operation *user : llvm::make_early_inc_range(round->getUsers())) {
      auto sum = dyn_cast<arith::AddFOp>(user);
      if (!sum)
        continue;
      const bool isFirst = sum.getLhs() == round.getResult();
      OpBuilder atSum(sum);
      Value fused = math::FmaOp::create(
          atSum, sum.getLoc(), ops.floating(whole), ops.floating(quantum),
          isFirst ? sum.getRhs() : sum.getLhs());
      sum.getResult().replaceAllUsesWith(fused);
      // A profile counts the fma for the product, too.
      if (product)
        product->setLoc(round.getLoc());
    }
    replace(round, ops.floating(ops.carrierMul(whole, quantum)));
  }

  static ArithOps::Word randomOf(ArithOps &ops, RoundOp round) {
    return round.getRandom() ? ops.word(round.getRandom()) : ops.constant(0);
  }

  void lower(RoundOp round) {
    auto form = round->getAttrOfType<StringAttr>(formAttrName);
    if (form &&
        llvm::is_contained(
            {StringRef(twoOpsForm), StringRef(balancedTwoOpsForm),
             StringRef(scaledProductForm), StringRef(saturatingTwoOpsForm)},
            form.getValue()))
      return lowerToTwoOps(round, form.getValue());
    if (form && form.getValue() == nativeHalfForm)
      return lowerToHalf(round);
    bool leavesNaN = form && form.getValue() == quietForm;
    OpBuilder builder(round);
    unsigned width = layoutOf(*carrierOf(round.getType())).width;
    auto p = parametersOf(builder, round, width);
    ArithOps ops(builder, round.getLoc(), width, round.getType());
    // Scalars computed at the parameters' place are spread over a vector.
    p.forEachWord([&](ArithOps::Word &word) {
      if (!word.isConstant())
        word = ops.word(word.value);
    });
    if (auto operand = shifterOperand(form))
      return replace(
          round, ops.floating(roundByShifter(ops, ops.word(round.getOperand()),
                                             p, *operand)));
    if (form && form.getValue() == gridInRangeForm)
      return lowerInUnits(round, p);
    if (form && form.getValue() == gridForm)
      return replace(round, ops.floating(GridRounding<ArithOps>(
                                             ops, ops.word(round.getOperand()),
                                             p, round.getMode().getValue(),
                                             randomOf(ops, round))
                                             .run()));
    if (form && llvm::is_contained({StringRef(maskedProductForm),
                                    StringRef(maskedLongProductForm),
                                    StringRef(maskedSumForm)},
                                   form.getValue())) {
      // Of 1 to 10 bits the last one kept is neither the implied one nor the
      // carrier's (maskedLimits).
      p.facts.mayKeepAll = p.facts.hasTiny = false;
      return replace(round, ops.floating(byMask(ops, round, p, form)));
    }
    const bool isNearest =
        round.getMode().getValue().kind == RoundingMode::Kind::NearestEven;
    if (form && form.getValue() == signedShifterForm)
      return replace(round, ops.floating(roundSignedByShifter(
                                ops, ops.word(round.getOperand()), p)));
    const bool isKnown = !form && shifters && round.getParameters().empty() &&
                         isNearest && hasShifter(p.facts);
    if (isKnown || (form && form.getValue() == exactShifterForm))
      return replace(round, ops.floating(roundExactlyByShifter(
                                ops, ops.word(round.getOperand()), p)));
    if (form &&
        llvm::is_contained({StringRef(regularForm), StringRef(regularSumForm)},
                           form.getValue()))
      assumeRegularWidths(p.facts);
    if (form &&
        llvm::is_contained({StringRef(sumForm), StringRef(regularSumForm)},
                           form.getValue()))
      p.facts.isGradual = p.facts.hasTiny = false;
    ArithOps::Word rounded =
        roundWord(ops, ops.word(round.getOperand()), p,
                  round.getMode().getValue(), randomOf(ops, round), leavesNaN);
    replace(round, ops.floating(rounded));
  }

  static void lower(RandomOp random) {
    OpBuilder builder(random);
    Location loc = random.getLoc();
    ArithOps ops(builder, loc, 32, random.getType());
    Value key = random.getKey();
    ArithOps::Word low, high;
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointAfterValue(key);
      ArithOps atKey(builder, loc, 64, key.getType());
      ArithOps halves(builder, loc, 32, key.getType());
      ArithOps::Word word = atKey.word(key);
      low = halves.word(key);
      high = halves.word(atKey.integer(atKey.lshr(word, atKey.constant(32))));
    }
    low = low.isConstant() ? low : ops.word(low.value);
    high = high.isConstant() ? high : ops.word(high.value);
    Value position = random.getPosition();
    if (!getElementTypeOrSelf(position.getType()).isInteger(32)) {
      ArithOps wide(builder, loc, 64, position.getType());
      ArithOps::Word above = wide.lshr(wide.word(position), wide.constant(32));
      ArithOps::Word positionHigh =
          above.isConstant() ? ops.constant(above.bits) : ops.word(above.value);
      high = joinPosition(ops, high, positionHigh);
    }
    replace(random, ops.integer(h32(ops, low, high, ops.word(position))));
  }

  static void lower(KeyOp key) {
    OpBuilder builder(key);
    ArithOps ops(builder, key.getLoc(), 64, key.getType());
    auto word = mix64(ops, ops.word(key.getSeed()), ops.constant(key.getSite()),
                      ops.word(key.getStep()));
    replace(key, ops.integer(word));
  }

  static void lower(JoinOp join) {
    OpBuilder builder(join);
    ArithOps ops(builder, join.getLoc(), 64, join.getType());
    auto word = scramble64(
        ops, ops.bitXor(ops.word(join.getKey()), ops.word(join.getNumber())));
    replace(join, ops.integer(word));
  }
};
} // namespace
