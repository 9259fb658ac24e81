// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scaled losses, their gradients, and steps that are skipped.
#include "ScaleLoss.h"
#include "Pointwise.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;
using E = Expression;

static Value map(OpBuilder &b, Location loc, Value like, ValueRange inputs,
                 Formula formula) {
  if (isa<RankedTensorType>(like.getType()))
    return pointwise(b, loc, like, inputs, formula);
  return formula(
             llvm::map_to_vector(inputs, [&](Value v) { return E(b, loc, v); }))
      .value;
}

Value ScaleLoss::scaleFor(Type element) {
  if (scale)
    return scale;
  auto number = [&](int value) -> Value {
    return arith::ConstantIntOp::create(b, loc, value, 32);
  };
  CarrierLayout f32 = layoutOf(Carrier::F32);
  Value exponent = ParameterOp::create(b, loc, b.getI32Type(),
                                       declarationName(scaling.parameter));
  exponent = arith::MaxSIOp::create(b, loc, exponent, number(0));
  exponent = arith::MinSIOp::create(b, loc, exponent,
                                    number(LossScaling::maxExponent));
  exponent = arith::AddIOp::create(b, loc, exponent, number(f32.bias()));
  Value bits =
      arith::ShLIOp::create(b, loc, exponent, number(int(f32.fractionBits)));
  scale = arith::BitcastOp::create(b, loc, b.getF32Type(), bits);
  scale.getDefiningOp()->setAttr(nameAttrName, b.getStringAttr("loss_scale"));
  scale.getDefiningOp()->setAttr(sitelessAttrName, b.getUnitAttr());
  if (!element.isF32()) {
    scale = arith::ExtFOp::create(b, loc, element, scale);
    scale.getDefiningOp()->setAttr(sitelessAttrName, b.getUnitAttr());
  }
  return scale;
}

Value ScaleLoss::scaled(Value loss) {
  if (scaling.isOne())
    return loss;
  Stamp stamp(b, b.getStringAttr("loss"), "forward", "loss");
  E value(b, loc, loss);
  return scaling.isConstant()
             ? (value * double(scaling.scale)).value
             : (value * E(b, loc, scaleFor(loss.getType()))).value;
}

void ScaleLoss::unscale(MutableArrayRef<Value> gradients) {
  if (scaling.isOne())
    return;
  Stamp stamp(b, b.getStringAttr("loss"), "update", "state");
  // Division by a power of two is exact but for underflow.
  for (Value &gradient : gradients) {
    if (!scaling.isConstant())
      gradient =
          map(b, loc, gradient,
              {gradient, scaleFor(getElementTypeOrSelf(gradient.getType()))},
              [](ArrayRef<E> x) { return x[0] / x[1]; });
    else
      gradient = map(b, loc, gradient, gradient, [&](ArrayRef<E> x) {
        return x[0] * (1.0 / double(scaling.scale));
      });
  }
  if (!scaling.isDynamic)
    return;
  // The greatest magnitude is finite, NaN and infinities apart.
  Value greatest;
  for (Value gradient : gradients) {
    Value own = gradient;
    if (auto type = dyn_cast<RankedTensorType>(gradient.getType())) {
      auto scalar = RankedTensorType::get({}, type.getElementType());
      own = reduceLast(b, loc, gradient, makeZeros(b, loc, scalar),
                       type.getRank(), [](ArrayRef<E> x) {
                         return x[0].make<arith::MaximumFOp>(
                             x[1].make<math::AbsFOp>());
                       });
      own = tensor::ExtractOp::create(b, loc, own, ValueRange{});
    } else {
      own = E(b, loc, gradient).make<math::AbsFOp>().value;
    }
    greatest =
        greatest ? arith::MaximumFOp::create(b, loc, greatest, own).getResult()
                 : own;
  }
  E value(b, loc, greatest);
  E good = compare(arith::CmpFPredicate::OLT, value,
                   value.number(std::numeric_limits<double>::infinity()));
  isFinite = select(good, value.number(1), value.number(0)).value;
}

void ScaleLoss::finish(SmallVectorImpl<Value> &next,
                       ArrayRef<BlockArgument> old) {
  if (!scaling.isDynamic)
    return;
  Stamp stamp(b, b.getStringAttr("loss"), "update", "state");
  using Predicate = arith::CmpFPredicate;
  for (auto [value, before] : llvm::zip(next, old))
    value = map(b, loc, value, {value, before, isFinite}, [](ArrayRef<E> x) {
      return select(compare(Predicate::OGT, x[2], x[2].number(0)), x[0], x[1]);
    });
  E s(b, loc, scale), n(b, loc, goodSteps);
  E good = compare(Predicate::OGT, E(b, loc, isFinite), s.number(0));
  E counted = n + 1.0;
  E grows =
      compare(Predicate::OGE, counted, n.number(double(scaling.goodSteps)));
  E doubled = (s * 2.0).make<arith::MinimumFOp>(
      s.number(double(LossScaling::maxScale)));
  E halved = (s * 0.5).make<arith::MaximumFOp>(s.number(1));
  next.push_back(select(good, select(grows, doubled, s), halved).value);
  next.push_back(
      select(good, select(grows, n.number(0), counted), n.number(0)).value);
}
