// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions in C++ that the trainer's tests train.
#ifndef PREC_TEST_EXECUTION_TRAINERFUNCTIONS_H
#define PREC_TEST_EXECUTION_TRAINERFUNCTIONS_H

#include "Expect.h"
#include "prec/Execution/Trainer.h"
#include <cmath>

namespace mlir::prec::test {

/// Ten training samples of one pixel, sample i is the number i with label i %
/// 2; five test samples with labels 1, 0, 1, 0, 1.
inline DataSet numbers() {
  DataSet set;
  set.name = "numbers";
  set.classes = 2;
  set.training.x = Tensor(DType::F32, {10, 1});
  set.training.y = Tensor(DType::I32, {10});
  for (int i = 0; i < 10; ++i) {
    set.training.x.span<float>()[i] = float(i);
    set.training.y.span<int32_t>()[i] = i % 2;
  }
  set.test.x = Tensor::of<float>({5, 1}, {1, 2, 3, 4, 5});
  set.test.y = Tensor::of<int32_t>({5}, {1, 0, 1, 0, 1});
  return set;
}

inline ValueInfo value(std::string name, DType dtype,
                       llvm::SmallVector<int64_t, 4> shape,
                       std::string init = "") {
  ValueKind kind = shape.empty() ? ValueKind::Scalar : ValueKind::Tensor;
  return {std::move(name), kind, dtype, std::move(shape), std::move(init)};
}

/// What the functions saw.
struct Seen {
  std::vector<std::vector<int>> batches;
  std::vector<uint32_t> steps, predictSteps;
  std::vector<int64_t> predictSizes;
  float rate = 0;
};

/// w becomes w + rate; the loss is the sum of the batch, or `loss` if given.
inline Callable stepOf(Seen &seen, int64_t batch,
                       const std::function<float(uint32_t)> &loss = nullptr) {
  Callable step;
  step.signature = {
      "step",
      {value("w", DType::F32, {1}, "constant:2"),
       value("x", DType::F32, {batch, 1}), value("labels", DType::I32, {batch}),
       value("lr", DType::F32, {})},
      {value("w", DType::F32, {1}), value("loss", DType::F32, {})},
      {}};
  step.call = [&seen,
               loss](llvm::ArrayRef<Tensor *> a,
                     uint32_t at) -> llvm::Expected<std::vector<Tensor>> {
    std::vector<int> batch;
    float sum = 0;
    for (auto [x, y] : llvm::zip(a[1]->span<float>(), a[2]->span<int32_t>())) {
      EXPECT_EQ(int(x) % 2, y);
      batch.push_back(int(x));
      sum += x;
    }
    seen.batches.push_back(batch);
    seen.steps.push_back(at);
    seen.rate = a[3]->span<float>()[0];
    std::vector<Tensor> results;
    results.push_back(
        Tensor::of<float>({1}, {a[0]->span<float>()[0] + seen.rate}));
    results.push_back(Tensor::scalar(loss ? loss(at) : sum));
    return results;
  };
  return step;
}

/// Right for each sample that is not 3; 3 gives NaN.
inline Callable predictOf(Seen &seen, int64_t batch) {
  Callable predict;
  predict.signature = {
      "predict",
      {value("w", DType::F32, {1}), value("x", DType::F32, {batch, 1})},
      {value("logits", DType::F32, {batch, 2})},
      {}};
  predict.call = [&seen](llvm::ArrayRef<Tensor *> a,
                         uint32_t at) -> llvm::Expected<std::vector<Tensor>> {
    int64_t size = a[1]->shape()[0];
    seen.predictSteps.push_back(at);
    seen.predictSizes.push_back(size);
    Tensor logits(DType::F32, {size, 2});
    for (int64_t i = 0; i < size; ++i) {
      float x = a[1]->span<float>()[i];
      logits.span<float>()[2 * i] = x == 3 ? NAN : 0;
      logits.span<float>()[2 * i + 1] = int(x) % 2 ? 1 : -1;
    }
    std::vector<Tensor> results;
    results.push_back(std::move(logits));
    return results;
  };
  return predict;
}

inline std::vector<llvm::json::Object> linesOf(const std::string &path) {
  std::vector<uint8_t> bytes = contentOf(path);
  std::vector<llvm::json::Object> lines;
  llvm::SmallVector<llvm::StringRef> texts;
  llvm::toStringRef(bytes).split(texts, '\n', -1, false);
  for (llvm::StringRef text : texts) {
    llvm::json::Value parsed = llvm::cantFail(llvm::json::parse(text));
    if (llvm::json::Object *object = parsed.getAsObject())
      lines.push_back(*object);
  }
  return lines;
}

inline TrainerOptions quiet() {
  TrainerOptions options;
  options.progress = false;
  return options;
}

} // namespace mlir::prec::test

#endif // PREC_TEST_EXECUTION_TRAINERFUNCTIONS_H
