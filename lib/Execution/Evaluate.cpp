// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Accuracy and loss from logits.
#include "prec/Execution/Evaluate.h"

#include "SampleLoss.h"
#include "prec/Execution/Interrupt.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

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

llvm::ArrayRef<ValueInfo>
mlir::prec::inputsOf(llvm::ArrayRef<ValueInfo> arguments) {
  size_t count = arguments.empty() ? 0 : 1;
  while (count < arguments.size() &&
         arguments[arguments.size() - count - 1].role == "input")
    ++count;
  return arguments.take_back(count);
}

Error mlir::prec::takeInputsFor(const Signature &predict, DataSet &data) {
  llvm::SmallVector<llvm::StringRef> names;
  for (const ValueInfo &input : llvm::drop_begin(inputsOf(predict.arguments)))
    names.push_back(input.name);
  return takeInputs(data, names);
}

Expected<DataSet> mlir::prec::loadDataFor(const Signature &predict,
                                          DataRequest request) {
  llvm::ArrayRef<ValueInfo> inputs = inputsOf(predict.arguments);
  request.tokens = inputs.empty() ? 0 : tokensOf(inputs[0]);
  request.labels =
      predict.results.empty() ? 1 : rowsOf(predict.results[0]).value_or(1);
  return loadDataSet(request);
}

Error mlir::prec::checkInputs(const Signature &signature, size_t first,
                              size_t count, const DataSet &data) {
  const Samples &samples = data.training;
  for (size_t i = 0; i < count; ++i) {
    const Tensor &given = i == 0 ? samples.x : samples.others[i - 1];
    const ValueInfo &x = signature.arguments[first + i];
    int64_t wanted = given.size() / samples.count();
    if (!isBatch(x) || x.shape[0] == 0)
      return createStringError(describeArgument(signature, first + i) +
                               ": found " + describe(x) +
                               ", expected x, a tensor of f32, f64, i32 or "
                               "i64 that is static but for the batch");
    if (countElements(llvm::ArrayRef(x.shape).drop_front()) != wanted)
      return createStringError(
          describeArgument(signature, first + i) + ": found " + describe(x) +
          ", expected " + Twine(wanted) +
          " elements a sample, as the data set " + data.name + " has");
    if (tokensOf(x) != 0 && isFloat(given.dtype()))
      return createStringError("found samples of " + toString(given.dtype()) +
                               " in the data set " + data.name +
                               ", expected integers for tokens");
  }
  return Error::success();
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

namespace {
/// Sums up the rows of batch after batch.
struct Sums {
  const EvaluateOptions &options;
  Evaluation sum;

  /// Logits with one label a row.
  template <typename T>
  void addLabelled(const Tensor &logits, llvm::ArrayRef<int32_t> labels) {
    auto width = size_t(logits.shape().back());
    for (auto [row, label] : llvm::enumerate(labels)) {
      if (label == options.ignoredLabel)
        continue;
      llvm::ArrayRef<T> numbers = logits.span<T>().slice(row * width, width);
      sum.right += argmax(numbers) == label;
      if (options.loss)
        sum.lossSum += lossOfLabel(*options.loss, numbers, label);
      ++sum.terms;
    }
  }

  /// Outputs with a value for each.
  template <typename T>
  void addValued(const Tensor &outputs, llvm::ArrayRef<double> values) {
    bool isDistribution =
        options.loss == LossKind::SoftmaxCrossEntropy && outputs.rank() > 1;
    size_t width = isDistribution ? size_t(outputs.shape().back()) : 1;
    for (size_t at = 0; at < values.size(); at += width) {
      if (options.loss)
        sum.lossSum +=
            lossOfValues(*options.loss, outputs.span<T>().slice(at, width),
                         values.slice(at, width));
      ++sum.terms;
    }
  }

  template <typename T> void add(const Tensor &outputs, const Tensor &wanted) {
    if (sum.hasValues)
      addValued<T>(outputs, wanted.span<double>());
    else
      addLabelled<T>(outputs, wanted.span<int32_t>());
  }
};
} // namespace

/// Errors: results that do not go with `count` labels or values.
static Error checkOutputs(const Callable &predict, const Tensor &outputs,
                          bool hasValues, int64_t count, int64_t classes) {
  int64_t width = outputs.rank() < 2 ? 0 : outputs.shape().back();
  if (hasValues ? outputs.size() >= count
                : width >= classes && outputs.size() >= count * width)
    return Error::success();
  return createStringError("@" + predict.signature.name + ": found " +
                           describe(outputs) + ", expected " + Twine(count) +
                           (hasValues
                                ? Twine(" values")
                                : " rows of " + Twine(classes) + " logits"));
}

Expected<std::optional<Evaluation>> mlir::prec::evaluate(
    const Callable &predict, llvm::ArrayRef<Tensor *> parameters,
    const Samples &samples, int64_t classes, const EvaluateOptions &options) {
  llvm::ArrayRef<ValueInfo> own = inputsOf(predict.signature.arguments);
  bool isStatic = own[0].shape[0] >= 0;
  int64_t size = isStatic ? own[0].shape[0] : options.batch;
  llvm::SmallVector<Tensor *> arguments(parameters);
  int64_t perSample = samples.labelSize();
  Sums sums{options, {}};
  sums.sum.hasValues = isFloat(samples.y.dtype());
  DType wantedType = sums.sum.hasValues ? DType::F64 : DType::I32;
  std::vector<Tensor> inputs(own.size());
  Tensor wanted;
  for (Tensor &input : inputs)
    arguments.push_back(&input);
  std::vector<uint32_t> indices;
  static const Preprocess nothing;
  const Preprocess &preprocess =
      options.preprocess ? *options.preprocess : nothing;
  for (int64_t first = 0; first < options.count; first += size) {
    if (InterruptGuard::requested())
      return std::optional<Evaluation>();
    int64_t here = std::min(size, options.count - first);
    if (first == 0 || here != size) {
      for (auto [input, info] : llvm::zip_equal(inputs, own))
        input = zeroBatch(info, isStatic ? size : here);
      wanted = Tensor(wantedType, {here, perSample});
    }
    indices.resize(size_t(here));
    std::iota(indices.begin(), indices.end(), uint32_t(first));
    gather(samples, indices, preprocess, std::nullopt, inputs, wanted);
    auto results = predict.call(arguments, options.step);
    if (!results)
      return results.takeError();
    const Tensor &outputs = (*results)[0];
    if (Error error = checkOutputs(predict, outputs, sums.sum.hasValues,
                                   here * perSample, classes))
      return error;
    sums.sum.samples += here;
    if (outputs.dtype() == DType::F64)
      sums.add<double>(outputs, wanted);
    else
      sums.add<float>(outputs, wanted);
  }
  if (options.count > 0 && sums.sum.terms == 0)
    return createStringError("the first " + Twine(options.count) +
                             " samples have no label that counts");
  return std::optional<Evaluation>(sums.sum);
}

static Error checkValuesFit(const Signature &predict, const DataSet &data) {
  const ValueInfo &outputs = predict.results[0];
  int64_t wanted = data.training.labelSize();
  bool fits =
      outputs.kind == ValueKind::Tensor && !outputs.shape.empty() &&
      (outputs.dtype == DType::F32 || outputs.dtype == DType::F64) &&
      countElements(llvm::ArrayRef(outputs.shape).drop_front()) == wanted;
  if (fits)
    return Error::success();
  return createStringError("@" + predict.name + ": found the result " +
                           describe(outputs) + ", expected " + Twine(wanted) +
                           " outputs a sample, as the data set " + data.name +
                           " has values" + kValuesAreFloats);
}

Error mlir::prec::checkPredictFits(const Signature &signature,
                                   const DataSet &data) {
  size_t count = signature.arguments.size();
  if (count < 1 || signature.results.size() != 1)
    return createStringError(
        "@" + signature.name + ": found " + Twine(count) + " arguments and " +
        Twine(signature.results.size()) +
        " results, expected (parameters..., inputs...) -> logits");
  size_t inputs = inputsOf(signature.arguments).size();
  if (Error error = checkInputs(signature, count - inputs, inputs, data))
    return error;
  const ValueInfo &logits = signature.results[0];
  if (data.hasValues())
    return checkValuesFit(signature, data);
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
