// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Accuracy and loss from logits.
#include "prec/Execution/Evaluate.h"

#include "prec/Execution/Interrupt.h"
#include "prec/Numerics/MathFunctions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

std::optional<LossKind> mlir::prec::parseLoss(llvm::StringRef word) {
  return llvm::StringSwitch<std::optional<LossKind>>(word)
      .Case("softmax-cross-entropy", LossKind::SoftmaxCrossEntropy)
      .Case("squared-error", LossKind::SquaredError)
      .Default(std::nullopt);
}

bool mlir::prec::isBatch(const ValueInfo &value) {
  return value.kind == ValueKind::Tensor && !value.shape.empty() &&
         (value.dtype == DType::F32 || value.dtype == DType::F64 ||
          value.dtype == DType::I32 || value.dtype == DType::I64) &&
         countElements(llvm::ArrayRef(value.shape).drop_front()).has_value();
}

int64_t mlir::prec::tokensOf(const ValueInfo &x) {
  if (!isBatch(x) || isFloat(x.dtype))
    return 0;
  return *countElements(llvm::ArrayRef(x.shape).drop_front());
}

/// Rows of logits that a sample has; nothing if that is not known, or if they
/// are no logits.
static std::optional<int64_t> rowsOf(const ValueInfo &logits) {
  if (logits.kind != ValueKind::Tensor || logits.shape.size() < 2)
    return std::nullopt;
  return countElements(llvm::ArrayRef(logits.shape).drop_front().drop_back());
}

Expected<DataSet> mlir::prec::loadDataFor(const Signature &predict,
                                          llvm::StringRef name,
                                          llvm::StringRef folder) {
  int64_t tokens =
      predict.arguments.empty() ? 0 : tokensOf(predict.arguments.back());
  int64_t labels =
      predict.results.empty() ? 1 : rowsOf(predict.results[0]).value_or(1);
  return loadDataSet(name, folder, tokens, labels);
}

Error mlir::prec::checkTokens(const ValueInfo &x, const DataSet &data) {
  if (tokensOf(x) == 0 || !isFloat(data.training.x.dtype()))
    return Error::success();
  return createStringError(
      "found samples of " + toString(data.training.x.dtype()) +
      " in the data set " + data.name + ", expected integers for tokens");
}

Tensor mlir::prec::zeroBatch(const ValueInfo &x, int64_t size) {
  llvm::SmallVector<int64_t, 4> shape = x.shape;
  shape[0] = size;
  Tensor tensor(x.dtype, shape);
  std::memset(tensor.data(), 0, tensor.byteSize());
  return tensor;
}

/// The position of the largest number; none if one is NaN.
template <typename T>
static std::optional<int64_t> argmax(llvm::ArrayRef<T> logits) {
  int64_t best = 0;
  for (auto [k, value] : llvm::enumerate(logits)) {
    if (std::isnan(value))
      return std::nullopt;
    if (value > logits[size_t(best)])
      best = int64_t(k);
  }
  return best;
}

template <typename T>
static double crossEntropy(llvm::ArrayRef<T> logits, int32_t label) {
  double maximum = double(logits[0]), sum = 0;
  for (T logit : logits)
    maximum = std::isnan(logit) ? NAN : std::max(maximum, double(logit));
  for (T logit : logits)
    sum += evaluateMath(MathFunction::Exp, double(logit) - maximum);
  return evaluateMath(MathFunction::Log, sum) -
         (double(logits[size_t(label)]) - maximum);
}

template <typename T>
static double squaredError(llvm::ArrayRef<T> logits, int32_t label) {
  double sum = 0;
  for (auto [k, logit] : llvm::enumerate(logits)) {
    double difference = double(logit) - (int64_t(k) == label ? 1 : 0);
    sum += difference * difference;
  }
  return sum / double(logits.size());
}

/// Adds the rows of one batch.
template <typename T>
static void add(Evaluation &sum, const Tensor &logits, int64_t classes,
                llvm::ArrayRef<int32_t> labels, std::optional<LossKind> loss) {
  for (auto [row, label] : llvm::enumerate(labels)) {
    llvm::ArrayRef<T> numbers =
        logits.span<T>().slice(row * size_t(classes), size_t(classes));
    sum.right += argmax(numbers) == label;
    if (loss)
      sum.lossSum += loss == LossKind::SquaredError
                         ? squaredError(numbers, label)
                         : crossEntropy(numbers, label);
  }
  sum.labels += int64_t(labels.size());
}

Expected<std::optional<Evaluation>> mlir::prec::evaluate(
    const Callable &predict, llvm::ArrayRef<Tensor *> parameters,
    const Samples &samples, int64_t classes, const EvaluateOptions &options) {
  const ValueInfo &x = predict.signature.arguments.back();
  bool isStatic = x.shape[0] >= 0;
  int64_t size = isStatic ? x.shape[0] : options.batch;
  llvm::SmallVector<Tensor *> arguments(parameters);
  int64_t perSample = samples.labelSize();
  Tensor images, labels(DType::I32, {size, perSample});
  arguments.push_back(&images);
  std::vector<uint32_t> indices;
  Evaluation sum;
  static const Preprocess nothing;
  const Preprocess &preprocess =
      options.preprocess ? *options.preprocess : nothing;
  for (int64_t first = 0; first < options.count; first += size) {
    if (InterruptGuard::requested())
      return std::optional<Evaluation>();
    int64_t here = std::min(size, options.count - first);
    if (first == 0 || here != size)
      images = zeroBatch(x, isStatic ? size : here);
    indices.resize(size_t(here));
    std::iota(indices.begin(), indices.end(), uint32_t(first));
    gather(samples, indices, preprocess, std::nullopt, images, labels);
    auto results = predict.call(arguments, options.step);
    if (!results)
      return results.takeError();
    const Tensor &logits = (*results)[0];
    int64_t width = logits.rank() < 2 ? 0 : logits.shape().back();
    int64_t count = here * perSample;
    if (width < classes || logits.size() < count * width)
      return createStringError("@" + predict.signature.name + ": found " +
                               describe(logits) + ", expected " + Twine(count) +
                               " rows of " + Twine(classes) + " logits");
    auto known = labels.span<int32_t>().take_front(size_t(count));
    sum.samples += here;
    if (logits.dtype() == DType::F64)
      add<double>(sum, logits, width, known, options.loss);
    else
      add<float>(sum, logits, width, known, options.loss);
  }
  return std::optional<Evaluation>(sum);
}

Error mlir::prec::checkPredictFits(const Signature &signature,
                                   const DataSet &data) {
  size_t count = signature.arguments.size();
  if (count < 1 || signature.results.size() != 1)
    return createStringError("@" + signature.name + ": found " + Twine(count) +
                             " arguments and " +
                             Twine(signature.results.size()) +
                             " results, expected (parameters..., x) -> logits");
  const ValueInfo &x = signature.arguments.back();
  int64_t wanted = data.training.sampleSize();
  if (!isBatch(x) ||
      countElements(llvm::ArrayRef(x.shape).drop_front()) != wanted ||
      x.shape[0] == 0)
    return createStringError(describeArgument(signature, count - 1) +
                             ": found " + describe(x) + ", expected x with " +
                             Twine(wanted) + " elements a sample");
  if (Error error = checkTokens(x, data))
    return error;
  const ValueInfo &logits = signature.results[0];
  std::optional<int64_t> rows = rowsOf(logits);
  if (!rows || (logits.dtype != DType::F32 && logits.dtype != DType::F64) ||
      (logits.shape.back() >= 0 && logits.shape.back() < data.classes))
    return createStringError("@" + signature.name + ": found the result " +
                             describe(logits) + ", expected logits for " +
                             Twine(data.classes) + " classes");
  if (*rows != data.training.labelSize())
    return createStringError(
        "@" + signature.name + ": found the result " + describe(logits) +
        ", but " + Twine(data.training.labelSize()) +
        " labels a sample; expected the labels' sizes with the classes behind "
        "them (--class-axis says where else they are)");
  return Error::success();
}
