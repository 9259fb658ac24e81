// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The losses of LossKind.h, formula by formula.
#include "Losses.h"
#include "Pointwise.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;
using E = Expression;

namespace {
/// What every loss works on.
struct Terms {
  OpBuilder &b;
  Location loc;
  const LossOptions &options;
  Value logits, wanted;

  unsigned rank() const { return unsigned(type().getRank()); }
  int64_t classes() const { return type().getShape().back(); }
  /// What a class that is not the label has of the target.
  double spread() const {
    return options.smoothing == 0 ? 0 : options.smoothing / double(classes());
  }
  RankedTensorType type() const {
    return cast<RankedTensorType>(logits.getType());
  }
  Type element() const { return type().getElementType(); }

  /// Zeros of the logits' shape without the classes, or of none.
  Value zeros(bool isPerRow) const {
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes;
    if (isPerRow)
      llvm::append_range(shape, type().getShape().drop_back());
    for (auto [i, size] : llvm::enumerate(shape))
      if (ShapedType::isDynamic(size))
        sizes.push_back(tensor::DimOp::create(b, loc, logits, i));
    return makeZeros(b, loc, RankedTensorType::get(shape, element()), sizes);
  }

  /// The sum of all elements of a tensor, as a scalar.
  E sum(Value tensor) const {
    unsigned all = cast<RankedTensorType>(tensor.getType()).getRank();
    Value total = reduceLast(b, loc, tensor, zeros(/*isPerRow=*/false), all,
                             [](ArrayRef<E> t) { return t[0] + t[1]; });
    return {b, loc, tensor::ExtractOp::create(b, loc, total, ValueRange{})};
  }

  E number(double x) const {
    return {b, loc,
            arith::ConstantOp::create(b, loc, b.getFloatAttr(element(), x))};
  }
  E fromInteger(Value x) const {
    return {b, loc, arith::SIToFPOp::create(b, loc, element(), x)};
  }

  /// The product of the logits' first `count` sizes as a float.
  E product(unsigned count) const {
    ArrayRef<int64_t> sizes = type().getShape().take_front(count);
    if (!ShapedType::isDynamicShape(sizes))
      return number(double(ShapedType::getNumElements(sizes)));
    E result = number(1);
    for (unsigned i = 0; i < count; ++i) {
      Value size = tensor::DimOp::create(b, loc, logits, i);
      size = arith::IndexCastOp::create(b, loc, b.getI32Type(), size);
      result = result * fromInteger(size);
    }
    return result;
  }

  /// How many labels count. They are counted as integers, which no rounding
  /// makes others.
  E counted() const {
    if (!options.ignoredLabel)
      return product(rank() - 1);
    unsigned all = cast<RankedTensorType>(wanted.getType()).getRank();
    auto none = RankedTensorType::get({}, b.getI32Type());
    Value zero =
        arith::ConstantOp::create(b, loc, DenseElementsAttr::get(none, 0));
    Value total = reduceLast(b, loc, wanted, zero, all, [&](ArrayRef<E> x) {
      E one = x[1].with(arith::ExtUIOp::create(
          *x[1].builder, loc, b.getI32Type(), counts(x[1]).value));
      return x[0].make<arith::AddIOp>(one);
    });
    return fromInteger(tensor::ExtractOp::create(b, loc, total, ValueRange{}));
  }

  /// Whether a label counts: for a formula, where some do not.
  E counts(E label) const {
    Value ignored = arith::ConstantIntOp::create(
        *label.builder, loc, b.getI32Type(), *options.ignoredLabel);
    return label.with(arith::CmpIOp::create(
        *label.builder, loc, arith::CmpIPredicate::ne, label.value, ignored));
  }
  E zeroUnlessCounted(E x, E label) const {
    return options.ignoredLabel ? select(counts(label), x, x.number(0)) : x;
  }

  /// A formula's element of the target: the one-hot label, or the value.
  E target(E like, E given) const {
    double rest = spread();
    if (options.hasValues)
      return options.smoothing == 0 ? given
                                    : given * (1 - options.smoothing) + rest;
    return select(isAtLabel(like, given, rank() - 1),
                  like.number(1 - options.smoothing + rest), like.number(rest));
  }

  /// The mean over all outputs that count.
  Loss mean(Formula formula) const {
    Value terms = pointwise(b, loc, logits, {logits, wanted}, formula);
    E count =
        options.ignoredLabel ? counted() * double(classes()) : product(rank());
    return {(sum(terms) / count).value, {}};
  }
};
} // namespace

/// -log softmax(logits)[label]; the maximum starts from the first class, so
/// that no infinity is needed.
static Loss softmaxCrossEntropy(const Terms &t) {
  OpBuilder &b = t.b;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, t.loc, t.logits);
  SmallVector<OpFoldResult> zeros(t.rank(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(t.rank(), b.getIndexAttr(1));
  sizes.back() = b.getIndexAttr(1);
  auto rows =
      RankedTensorType::get(t.type().getShape().drop_back(), t.element());
  Value first = tensor::ExtractSliceOp::create(b, t.loc, rows, t.logits, zeros,
                                               sizes, ones);
  Value maximum = reduceLast(b, t.loc, t.logits, first, 1, [](ArrayRef<E> x) {
    return x[0].make<arith::MaximumFOp>(x[1]);
  });
  Value shifted = pointwise(b, t.loc, t.logits, {t.logits, maximum},
                            [](ArrayRef<E> x) { return x[0] - x[1]; });
  Value exponentials =
      pointwise(b, t.loc, t.logits, shifted,
                [](ArrayRef<E> x) { return x[0].make<math::ExpOp>(); });
  Value sum = reduceLast(b, t.loc, exponentials, t.zeros(/*isPerRow=*/true), 1,
                         [](ArrayRef<E> x) { return x[0] + x[1]; });
  Value logarithm = pointwise(b, t.loc, sum, sum, [](ArrayRef<E> x) {
    return x[0].make<math::LogOp>();
  });
  Value picked = pointwise(
      b, t.loc, t.logits, {shifted, logarithm, t.wanted}, [&](ArrayRef<E> x) {
        E logProbability = x[0] - x[1];
        if (t.options.hasValues)
          return logProbability * t.target(x[0], x[2]);
        if (t.options.smoothing != 0)
          return t.zeroUnlessCounted(logProbability * t.target(x[0], x[2]),
                                     x[2]);
        return t.zeroUnlessCounted(select(isAtLabel(x[0], x[2], t.rank() - 1),
                                          logProbability, x[0].number(0)),
                                   x[2]);
      });
  E loss = -t.sum(picked) / t.counted();
  return {loss.value, {first, maximum}};
}

static Loss squaredError(const Terms &t) {
  return t.mean([&](ArrayRef<E> x) {
    E difference = x[0] - t.target(x[0], x[1]);
    E square = difference * difference;
    return t.options.hasValues ? square : t.zeroUnlessCounted(square, x[1]);
  });
}

static Loss absoluteError(const Terms &t) {
  return t.mean(
      [](ArrayRef<E> x) { return (x[0] - x[1]).make<math::AbsFOp>(); });
}

static Loss huber(const Terms &t) {
  return t.mean([](ArrayRef<E> x) {
    E difference = x[0] - x[1], size = difference.make<math::AbsFOp>();
    return select(compare(arith::CmpFPredicate::OLE, size, size.number(1)),
                  difference * difference * 0.5, size - 0.5);
  });
}

/// max(o, 0) + log(1 + exp(-|o|)) - o v: nothing in it overflows or cancels.
static Loss binaryCrossEntropy(const Terms &t) {
  return t.mean([](ArrayRef<E> x) {
    E positive = x[0].make<arith::MaximumFOp>(x[0].number(0));
    // -|o|, written so that the gradient at 0 is right whatever the maximum's.
    E below = x[0] - (positive + positive);
    return positive + below.make<math::ExpOp>().make<math::Log1pOp>() -
           x[0] * x[1];
  });
}

Loss mlir::prec::buildLoss(OpBuilder &b, Location loc,
                           const LossOptions &options, Value logits,
                           Value wanted) {
  Terms terms{b, loc, options, logits, wanted};
  Stamp stamp(b, b.getStringAttr("loss"), "forward", "");
  auto build = [&] {
    switch (options.kind) {
    case LossKind::SoftmaxCrossEntropy:
      return softmaxCrossEntropy(terms);
    case LossKind::SquaredError:
      return squaredError(terms);
    case LossKind::AbsoluteError:
      return absoluteError(terms);
    case LossKind::Huber:
      return huber(terms);
    case LossKind::BinaryCrossEntropy:
      return binaryCrossEntropy(terms);
    }
    llvm_unreachable("all kinds are built");
  };
  Loss loss = build();
  loss.value.getDefiningOp()->setAttr(roleAttrName, b.getStringAttr("loss"));
  return loss;
}
