// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How good a predict function is on labelled samples, or on samples with
// values.
//
// It is called on batch after batch in the samples' order; the last one is
// short, or padded with zeros if the function's batch is a number. Logits are
// [batch, classes], or [batch, ..., classes] for samples with a label for each
// place. A label is right if its logit is the largest; of equal ones the first
// counts, and a row with a NaN is never right. Against values there is no
// accuracy, outputs are as many as values. The loss is computed in f64 from
// the logits, with the math functions of Numerics, ascending: the same bits on
// every machine.
#ifndef PREC_EXECUTION_EVALUATE_H
#define PREC_EXECUTION_EVALUATE_H

#include "prec/Execution/Callable.h"
#include "prec/Execution/Preprocess.h"
#include "prec/LossKind.h"
#include <optional>

namespace mlir::prec {

struct EvaluateOptions {
  /// Of a function whose batch is dynamic.
  int64_t batch = 128;
  /// How many samples, from the first.
  int64_t count = 0;
  /// Unset: no loss.
  std::optional<LossKind> loss;
  uint32_t step = 0;
  /// What the samples were trained with; null: nothing.
  const Preprocess *preprocess = nullptr;
  /// Labels that count for nothing.
  std::optional<int64_t> ignoredLabel = std::nullopt;
};

struct Evaluation {
  /// `terms` is what the loss is a mean over: labels that count, or values, or
  /// rows of probabilities.
  int64_t samples = 0, terms = 0, right = 0;
  double lossSum = 0;
  bool hasValues = false;

  /// Of labels only.
  double accuracy() const { return double(right) / double(terms); }
  double loss() const { return lossSum / double(terms); }
};

/// `parameters` are all arguments but the inputs. None when Ctrl-C came.
/// Errors: the call fails, the logits are not one row for each label, no label
/// counts.
llvm::Expected<std::optional<Evaluation>>
evaluate(const Callable &predict, llvm::ArrayRef<Tensor *> parameters,
         const Samples &samples, int64_t classes,
         const EvaluateOptions &options);

/// Elements of a sample if x is tokens, else 0.
int64_t tokensOf(const ValueInfo &x);

/// The inputs at the end of arguments: x, the last one whatever its role, and
/// those of role input right before it, as prec/IR/StepInputs.h has it.
llvm::ArrayRef<ValueInfo> inputsOf(llvm::ArrayRef<ValueInfo> arguments);

/// The data set for (parameters..., inputs...) -> logits: of a text the samples
/// have x's tokens, and a label for each if there are logits for each.
llvm::Expected<DataSet> loadDataFor(const Signature &predict,
                                    DataRequest request);

/// takeInputs for the inputs of a function, but the first.
llvm::Error takeInputsFor(const Signature &predict, DataSet &data);

/// Errors: the function is not (parameters..., inputs...) -> logits with inputs
/// for the set's samples and logits for its classes, or outputs for its values.
llvm::Error checkPredictFits(const Signature &predict, const DataSet &data);

/// Whether a value is x: floats or tokens of i32, a batch first, then static
/// sizes.
bool isBatch(const ValueInfo &value);

/// Errors: an argument that is no batch of what the set has for it.
llvm::Error checkInputs(const Signature &signature, size_t first, size_t count,
                        const DataSet &data);

/// A batch of zeros for an argument.
Tensor zeroBatch(const ValueInfo &x, int64_t size);

} // namespace mlir::prec

#endif // PREC_EXECUTION_EVALUATE_H
