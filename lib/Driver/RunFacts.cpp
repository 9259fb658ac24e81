// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The facts of a run as text.
#include "RunFacts.h"
#include "prec/Policy/PolicyJson.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::prec;

static std::string digest(ArrayRef<uint8_t> bytes) {
  return llvm::formatv("{0:x-16}", llvm::xxh3_64bits(bytes)).str();
}

/// The policy on one line, without the seed, which is a fact of its own, and
/// without where its rules stand.
static std::string policyText(Policy policy) {
  if (policy.empty())
    return "empty";
  policy.seed = 0;
  for (Rule &rule : policy.rules)
    rule.origin.clear();
  std::string text = writePolicy(policy);
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return text;
  }
  return llvm::formatv("{0}", *parsed).str();
}

static std::string dataText(const DataSet &data) {
  std::string digests;
  for (const Samples *samples : {&data.training, &data.test}) {
    for (const Tensor *tensor : {&samples->x, &samples->y})
      digests += digest(tensor->bytes());
    for (const Tensor &other : samples->others)
      digests += digest(other.bytes());
  }
  return llvm::formatv("{0} of {1} + {2} samples (digest {3})", data.name,
                       data.training.count(), data.test.count(),
                       digest(llvm::arrayRefFromStringRef(digests)))
      .str();
}

RunFacts mlir::prec::runFacts(const TrainOptions &options,
                              const Trainer &trainer, const DataSet &data,
                              StringRef modelText) {
  const TrainerOptions &numbers = options.trainer;
  RunFacts facts = {
      {"seed", std::to_string(numbers.seed)},
      {"first step", std::to_string(numbers.firstStep)},
      {"batch size", std::to_string(trainer.batchSize())},
      {"learning rate", numbers.learningRate.str(trainer.totalSteps())},
      {"optimizer", options.step.optimizer},
      {"loss", options.step.loss.empty() ? "the model's" : options.step.loss},
      {"data", dataText(data)},
      {"preprocessing", trainer.preprocess().str()},
      {"policy", policyText(options.policy)}};
  for (const auto &[name, value] : options.step.numbers)
    facts.emplace_back(name, value);
  for (const ValueInfo &value : trainer.stateSignature())
    facts.emplace_back("'" + value.name + "'", describe(value));
  facts.emplace_back(
      "model", "digest " + digest(llvm::arrayRefFromStringRef(modelText)));
  return facts;
}
