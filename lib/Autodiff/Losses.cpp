// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax cross-entropy and squared error.
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
  Value logits, labels;
  unsigned rank;
  double smoothing;

  /// What a class that is not the label has of the target.
  double spread() const { return smoothing / double(type().getShape().back()); }
  RankedTensorType type() const {
    return cast<RankedTensorType>(logits.getType());
  }
  Type element() const { return type().getElementType(); }

  /// Zeros of the labels' shape, or of none.
  Value zeros(bool isPerRow) const {
    Value like = isPerRow ? labels : Value();
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes;
    if (like) {
      auto rows = cast<RankedTensorType>(like.getType());
      llvm::append_range(shape, rows.getShape());
      for (int64_t i = 0; i < rows.getRank(); ++i)
        if (rows.isDynamicDim(i))
          sizes.push_back(tensor::DimOp::create(b, loc, like, i));
    }
    return makeZeros(b, loc, RankedTensorType::get(shape, element()), sizes);
  }

  /// The sum of all elements of a tensor, as a scalar.
  E sum(Value tensor) const {
    unsigned all = cast<RankedTensorType>(tensor.getType()).getRank();
    Value total = reduceLast(b, loc, tensor, zeros(/*isPerRow=*/false), all,
                             [](ArrayRef<E> t) { return t[0] + t[1]; });
    return {b, loc, tensor::ExtractOp::create(b, loc, total, ValueRange{})};
  }

  /// The number of labels, or of logits, as a float.
  E count(Value of) const {
    auto shaped = cast<RankedTensorType>(of.getType());
    auto number = [&](double x) {
      return E(b, loc,
               arith::ConstantOp::create(b, loc, b.getFloatAttr(element(), x)));
    };
    if (shaped.hasStaticShape())
      return number(shaped.getNumElements());
    E result = number(1);
    for (int64_t i = 0; i < shaped.getRank(); ++i) {
      Value size = tensor::DimOp::create(b, loc, of, i);
      size = arith::IndexCastOp::create(b, loc, b.getI32Type(), size);
      result = result *
               result.with(arith::SIToFPOp::create(b, loc, element(), size));
    }
    return result;
  }
};
} // namespace

/// -log softmax(logits)[label]; the maximum starts from the first class, so
/// that no infinity is needed.
static Loss softmaxCrossEntropy(const Terms &t) {
  OpBuilder &b = t.b;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, t.loc, t.logits);
  SmallVector<OpFoldResult> zeros(t.rank, b.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(t.rank, b.getIndexAttr(1));
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
      b, t.loc, t.logits, {shifted, logarithm, t.labels}, [&](ArrayRef<E> x) {
        E logProbability = x[0] - x[1];
        E isLabel = isAtLabel(x[0], x[2], t.rank - 1);
        if (t.smoothing == 0)
          return select(isLabel, logProbability, x[0].number(0));
        double rest = t.spread();
        return logProbability * select(isLabel,
                                       x[0].number(1 - t.smoothing + rest),
                                       x[0].number(rest));
      });
  E loss = -t.sum(picked) / t.count(t.labels);
  return {loss.value, {first, maximum}};
}

/// The mean over batch and outputs of (logit - onehot)^2.
static Loss squaredError(const Terms &t) {
  Value squares =
      pointwise(t.b, t.loc, t.logits, {t.logits, t.labels}, [&](ArrayRef<E> x) {
        double rest = t.smoothing == 0 ? 0 : t.spread();
        E target =
            select(isAtLabel(x[0], x[1], t.rank - 1),
                   x[0].number(1 - t.smoothing + rest), x[0].number(rest));
        E difference = x[0] - target;
        return difference * difference;
      });
  E loss = t.sum(squares) / t.count(t.logits);
  return {loss.value, {}};
}

namespace {
struct Row {
  StringRef name;
  Loss (*build)(const Terms &);
};
constexpr Row rows[] = {{"softmax-cross-entropy", softmaxCrossEntropy},
                        {"squared-error", squaredError}};
} // namespace

bool mlir::prec::isLoss(StringRef name) {
  return llvm::any_of(rows, [&](const Row &row) { return row.name == name; });
}

std::string mlir::prec::listLosses() {
  return llvm::join(llvm::map_range(rows, [](const Row &r) { return r.name; }),
                    ", ");
}

Loss mlir::prec::buildLoss(OpBuilder &b, Location loc, StringRef name,
                           Value logits, Value labels, double smoothing) {
  unsigned rank = cast<RankedTensorType>(logits.getType()).getRank();
  Terms terms{b, loc, logits, labels, rank, smoothing};
  Stamp stamp(b, b.getStringAttr("loss"), "forward", "");
  for (const Row &row : rows)
    if (row.name == name) {
      Loss loss = row.build(terms);
      loss.value.getDefiningOp()->setAttr(roleAttrName,
                                          b.getStringAttr("loss"));
      return loss;
    }
  llvm_unreachable("the caller checks the name");
}
