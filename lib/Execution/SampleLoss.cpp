// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loss functions as the formulas say, in f64.
#include "SampleLoss.h"

#include "prec/Numerics/MathFunctions.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir::prec;

namespace {
/// The maximum and the logarithm of the sum of exponentials above it.
struct Normalizer {
  double maximum, logarithm;

  template <typename T>
  explicit Normalizer(llvm::ArrayRef<T> logits) : maximum(double(logits[0])) {
    double sum = 0;
    for (T logit : logits)
      maximum = std::isnan(logit) ? NAN : std::max(maximum, double(logit));
    for (T logit : logits)
      sum += evaluateMath(MathFunction::Exp, double(logit) - maximum);
    logarithm = evaluateMath(MathFunction::Log, sum);
  }
  double negativeLog(double logit) const {
    return logarithm - (logit - maximum);
  }
};
} // namespace

template <typename T>
double mlir::prec::lossOfLabel(LossKind kind, llvm::ArrayRef<T> logits,
                               int32_t label) {
  if (kind == LossKind::SoftmaxCrossEntropy)
    return Normalizer(logits).negativeLog(double(logits[size_t(label)]));
  double sum = 0;
  for (auto [k, logit] : llvm::enumerate(logits)) {
    double difference = double(logit) - (int64_t(k) == label ? 1 : 0);
    sum += difference * difference;
  }
  return sum / double(logits.size());
}

/// Of one output; not for softmax cross-entropy.
static double lossOfValue(LossKind kind, double output, double value) {
  double difference = output - value, size = std::abs(difference);
  switch (kind) {
  case LossKind::AbsoluteError:
    return size;
  case LossKind::Huber:
    return size <= 1 ? difference * difference / 2 : size - 0.5;
  case LossKind::BinaryCrossEntropy: {
    double small = evaluateMath(MathFunction::Exp, -std::abs(output));
    return std::max(output, 0.0) + evaluateMath(MathFunction::Log1p, small) -
           output * value;
  }
  default:
    return difference * difference;
  }
}

template <typename T>
double mlir::prec::lossOfValues(LossKind kind, llvm::ArrayRef<T> outputs,
                                llvm::ArrayRef<double> values) {
  double sum = 0;
  if (kind == LossKind::SoftmaxCrossEntropy) {
    Normalizer normalizer(outputs);
    for (auto [output, value] : llvm::zip_equal(outputs, values))
      sum += value * normalizer.negativeLog(double(output));
    return sum;
  }
  for (auto [output, value] : llvm::zip_equal(outputs, values))
    sum += lossOfValue(kind, double(output), value);
  return sum / double(outputs.size());
}

template double mlir::prec::lossOfLabel(LossKind, llvm::ArrayRef<float>,
                                        int32_t);
template double mlir::prec::lossOfLabel(LossKind, llvm::ArrayRef<double>,
                                        int32_t);
template double mlir::prec::lossOfValues(LossKind, llvm::ArrayRef<float>,
                                         llvm::ArrayRef<double>);
template double mlir::prec::lossOfValues(LossKind, llvm::ArrayRef<double>,
                                         llvm::ArrayRef<double>);
