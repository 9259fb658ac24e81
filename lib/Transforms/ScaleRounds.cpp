// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Powers of two around roundings, from magnitudes of this or earlier steps.
#include "prec/Transforms/ScaleRounds.h"
#include "ElementSums.h"
#include "StepState.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include <numeric>

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Numbers and words of one carrier.
class Scaler {
public:
  Scaler(ImplicitLocOpBuilder &b, FloatType type)
      : b(b), type(type), word(b.getIntegerType(type.getWidth())),
        fractionBits(type.getFPMantissaWidth() - 1),
        bias(APFloat::semanticsMaxExponent(type.getFloatSemantics())) {}

  Value number(double value) {
    return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
  }

  /// The largest magnitude; 0 for one that is not finite.
  Value amaxOf(Value x) {
    Value zero = number(0);
    auto next = [](ImplicitLocOpBuilder &n, ValueRange elements,
                   ValueRange sums) -> SmallVector<Value> {
      Value magnitude = math::AbsFOp::create(n, elements.front());
      return {arith::MaximumFOp::create(n, magnitude, sums.front())};
    };
    Value amax = sumElements(b, x, zero, next).front();
    Value isFinite = compare(
        arith::CmpFPredicate::OLE, amax,
        arith::ConstantOp::create(
            b, b.getFloatAttr(type,
                              APFloat::getLargest(type.getFloatSemantics()))));
    return arith::SelectOp::create(b, isFinite, amax, zero);
  }

  /// s(amax), or `otherwise` where amax is zero.
  Value scaleFor(Value amax, Value largest, Value otherwise) {
    Value limit = b.createOrFold<arith::BitcastOp>(word, largest);
    Value least = constant(int64_t(1) << fractionBits);
    Value bits = arith::BitcastOp::create(b, word, amax);
    bits = arith::MaxSIOp::create(b, bits, least);
    // Exponent fields differ by k or, where amax has the greater fraction, by
    // k + 1: the difference of whole words borrows just then.
    Value k = arith::ShRSIOp::create(b, arith::SubIOp::create(b, limit, bits),
                                     constant(fractionBits));
    k = arith::MinSIOp::create(b, k, constant(bias - 1));
    k = arith::MaxSIOp::create(b, k, constant(1 - bias));
    Value scale = powerOfTwo(k);
    Value isKnown = compare(arith::CmpFPredicate::OGT, amax, number(0));
    return arith::SelectOp::create(b, isKnown, scale, otherwise);
  }

  /// 1 / s of a power of two 2^k, |k| < bias.
  Value inverse(Value scale) {
    Value bits = arith::BitcastOp::create(b, word, scale);
    return arith::BitcastOp::create(
        b, type,
        arith::SubIOp::create(b, constant(2 * bias << fractionBits), bits));
  }

  /// x times the scale, of the shape of `like`.
  Value times(Value x, Value scale, Value like) {
    if (auto tensor = dyn_cast<RankedTensorType>(x.getType())) {
      SmallVector<Value> sizes;
      for (int64_t d = 0; d < tensor.getRank(); ++d)
        if (tensor.isDynamicDim(d))
          sizes.push_back(tensor::DimOp::create(b, like, d));
      scale = tensor::SplatOp::create(b, scale, tensor, sizes);
    }
    return arith::MulFOp::create(b, x, scale);
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, b.getIntegerAttr(word, value));
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, predicate, x, y);
  }
  Value powerOfTwo(Value k) {
    Value biased = arith::AddIOp::create(b, k, constant(bias));
    return arith::BitcastOp::create(
        b, type, arith::ShLIOp::create(b, biased, constant(fractionBits)));
  }

  ImplicitLocOpBuilder &b;
  FloatType type;
  IntegerType word;
  int64_t fractionBits, bias;
};

/// Is the scale a state?
bool isDelayed(const ScaledRound &each) {
  RoundOp round = each.round;
  return each.scale.steps > 0 &&
         isTrainingStep(round->getParentOfType<func::FuncOp>()) &&
         !matchPattern(round.getOperand(), m_Constant());
}
} // namespace

/// The latest first: values[1..] of before move up.
static Value push(ImplicitLocOpBuilder &b, Value history, Value amax) {
  auto type = cast<RankedTensorType>(history.getType());
  int64_t size = type.getDimSize(0);
  Value first = tensor::FromElementsOp::create(
      b, RankedTensorType::get({1}, type.getElementType()), amax);
  if (size == 1)
    return first;
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Value rest = tensor::ExtractSliceOp::create(
      b, history, ArrayRef{zero},
      ArrayRef<OpFoldResult>(b.getIndexAttr(size - 1)), ArrayRef{one});
  return tensor::ConcatOp::create(b, /*dim=*/0, ValueRange{first, rest});
}

/// The history with zeros behind its first elements.
static Value firstOf(ImplicitLocOpBuilder &b, Value history, Value count) {
  auto type = cast<RankedTensorType>(history.getType());
  SmallVector<int32_t> numbers(type.getDimSize(0));
  std::iota(numbers.begin(), numbers.end(), 0);
  auto counted = type.clone(b.getI32Type());
  Value number =
      arith::ConstantOp::create(b, DenseIntElementsAttr::get(counted, numbers));
  Value bound = tensor::SplatOp::create(b, count, counted);
  Value counts =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, number, bound);
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return arith::SelectOp::create(b, counts, history, zeros);
}

LogicalResult mlir::prec::scaleRounds(ModuleOp module,
                                      ArrayRef<ScaledRound> rounds) {
  for (const ScaledRound &each : rounds) {
    RoundOp round = each.round;
    if (isDelayed(each) && !isa<func::FuncOp>(round->getParentOp()))
      return round.emitError("rule '")
             << each.origin
             << "' follows the magnitudes of earlier steps, found a rounding "
                "inside '"
             << round->getParentOp()->getName()
             << "', of which there are several in a step; choose 'amax'";
  }
  if (rounds.empty())
    return success();
  func::FuncOp step = module.lookupSymbol<func::FuncOp>("step");
  StepState state(step);
  llvm::DenseMap<int64_t, unsigned> count;
  for (const ScaledRound &each : rounds) {
    RoundOp round = each.round;
    ImplicitLocOpBuilder b(round.getLoc(), round);
    auto type = cast<FloatType>(getElementTypeOrSelf(round.getType()));
    Scaler scaler(b, type);
    Value largest = limitOf(b, round, /*isLowest=*/false);
    Value x = round.getOperand(), amax = scaler.amaxOf(x), scale;
    if (isDelayed(each)) {
      int64_t site = round.getSiteAttr().getNumber();
      std::string suffix = "." + std::to_string(site);
      if (unsigned earlier = count[site]++)
        suffix += "." + std::to_string(earlier);
      auto historyType = RankedTensorType::get({each.scale.steps}, type);
      Value history =
          state.add("prec.amax" + suffix, historyType, "zeros", round.getLoc());
      scale =
          state.add("prec.scale" + suffix, type, "constant:1", round.getLoc());
      Value newHistory = push(b, history, amax);
      Value most = scaler.amaxOf(each.steps ? firstOf(b, newHistory, each.steps)
                                            : newHistory);
      state.next(newHistory);
      state.next(scaler.scaleFor(most, largest, scale));
    } else {
      scale = scaler.scaleFor(amax, largest, scaler.number(1));
    }
    round.getOperandMutable().assign(scaler.times(x, scale, x));
    b.setInsertionPointAfter(round);
    Value back = scaler.times(round.getResult(), scaler.inverse(scale), x);
    round.getResult().replaceAllUsesExcept(back, back.getDefiningOp());
  }
  state.done();
  return success();
}
