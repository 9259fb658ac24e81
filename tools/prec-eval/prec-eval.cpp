// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many bits does a trained network need: accuracy and loss at any
// precision.
#include "CompileFlags.h"
#include "PrecisionFlags.h"
#include "prec/Driver/Evaluate.h"
#include "prec/LossKind.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::prec;
namespace cl = llvm::cl;

static int fail(llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), "prec-eval")
      << llvm::toString(std::move(error)) << '\n';
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // libLLVM's own options are not this tool's.
  cl::ResetCommandLineParser();
  cl::OptionCategory category("prec-eval options");
  cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::init(""),
                             cl::cat(category));
  cl::opt<std::string> data("data", cl::init("fashion-mnist"),
                            cl::desc("data set"), cl::cat(category));
  cl::opt<std::string> dataFolder("data-dir", cl::desc("the data set's folder"),
                                  cl::cat(category));
  cl::opt<bool> normalize(
      "normalize",
      cl::desc(
          "each channel with mean 0 and deviation 1 over the training set"),
      cl::cat(category));
  cl::opt<std::string> weights(
      "weights", cl::value_desc("w.npz"),
      cl::desc("what prec-train saved, or a checkpoint"), cl::cat(category));
  std::string lossHelp = listLosses() + "; default: what the description says";
  cl::opt<std::string> loss("loss", cl::desc(lossHelp), cl::cat(category));
  cl::opt<int64_t> classAxis(
      "class-axis", cl::init(-1), cl::value_desc("N"),
      cl::desc("dimension of the logits that the classes are, 1 in PyTorch's "
               "[batch, classes, height, width]; default: the last"),
      cl::cat(category));
  cl::opt<int64_t> ignoreLabel(
      "ignore-label", cl::value_desc("N"),
      cl::desc("a label that counts for nothing, -100 where PyTorch's default "
               "is used"),
      cl::cat(category));
  cl::opt<std::string> split("split", cl::init("test"),
                             cl::desc("test or training"), cl::cat(category));
  cl::opt<int64_t> batch("batch-size", cl::desc("samples of one call"),
                         cl::cat(category));
  cl::opt<int64_t> samples("samples", cl::value_desc("N"),
                           cl::desc("the first N; default: all"),
                           cl::cat(category));
  cl::opt<std::string> log(
      "log",
      cl::desc("file of JSON lines, - for standard output without a table"),
      cl::cat(category));
  cl::opt<uint32_t> step("step", cl::init(0),
                         cl::desc("the step that random bits see"),
                         cl::cat(category));
  CompileFlags compileFlags;
  PrecisionFlags precision(PolicyBuilder::Options{/*allowSweep=*/true});
  cl::HideUnrelatedOptions(
      {&category, &CompileFlags::category(), &PrecisionFlags::category()});
  cl::ParseCommandLineOptions(
      argc, argv,
      "accuracy and loss of a trained model at any precision; a list such as "
      "--truncate-mantissa=1,2,3 is a row each, from one compilation\n");
  if (std::optional<int> code = precision.answerAndStop())
    return *code;
  llvm::Expected<Policy> policy = precision.policy();
  if (!policy)
    return fail(policy.takeError());
  if (model.empty())
    return fail(llvm::createStringError(
        "no model given; expected a file, a builtin's name or '-' for "
        "standard input"));

  EvaluateModelOptions options;
  options.model = model;
  options.data = data;
  options.dataFolder = dataFolder;
  options.weights = weights;
  options.normalize = normalize;
  options.loss = loss;
  options.classAxis = classAxis;
  if (ignoreLabel.getNumOccurrences())
    options.ignoredLabel = ignoreLabel;
  options.split = split;
  if (batch.getNumOccurrences())
    options.batchSize = batch;
  if (samples.getNumOccurrences())
    options.samples = samples;
  options.log = log;
  options.step = step;
  options.timingFile = compileFlags.timingFile();
  options.policy = *policy;
  options.compile = compileFlags.options();
  llvm::Expected<bool> done = evaluateModel(options, llvm::outs());
  if (!done)
    return fail(done.takeError());
  return *done ? 0 : fail(llvm::createStringError("interrupted"));
}
