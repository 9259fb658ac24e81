// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains a model on a data set, rounded as the flags say.
#include "CompileFlags.h"
#include "PrecisionFlags.h"
#include "prec/Driver/Train.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::prec;
namespace cl = llvm::cl;

static int fail(llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), "prec-train")
      << llvm::toString(std::move(error)) << '\n';
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // libLLVM's own options are not this tool's.
  cl::ResetCommandLineParser();
  cl::OptionCategory category("prec-train options");
  cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::init(""),
                             cl::cat(category));
  cl::opt<std::string> data("data", cl::init("fashion-mnist"),
                            cl::desc("data set"), cl::cat(category));
  cl::opt<std::string> dataFolder("data-dir", cl::desc("the data set's folder"),
                                  cl::cat(category));
  cl::opt<int64_t> batch("batch-size", cl::desc("samples of a mini-batch"),
                         cl::cat(category));
  cl::opt<int64_t> steps("steps", cl::desc("mini-batches to train"),
                         cl::cat(category));
  cl::opt<int64_t> epochs("epochs", cl::init(1),
                          cl::desc("passes over the data, without --steps"),
                          cl::cat(category));
  cl::opt<double> rate("learning-rate", cl::init(0.1),
                       cl::desc("learning rate"), cl::cat(category));
  cl::opt<std::string> optimizer(
      "optimizer", cl::init("sgd"),
      cl::desc(
          "sgd, momentum, nesterov, adam, adamw, rmsprop or adagrad; for a "
          "model that is a forward function"),
      cl::cat(category));
  cl::opt<std::string> loss(
      "loss",
      cl::desc("softmax-cross-entropy or squared-error; default: what the "
               "description says"),
      cl::cat(category));
  cl::opt<int64_t> evalEvery(
      "eval-every", cl::desc("evaluate each N-th step and the last; 0: never"),
      cl::cat(category));
  cl::opt<std::string> log(
      "log", cl::desc("file of JSON lines, - for standard output"),
      cl::cat(category));
  cl::opt<std::string> weights("save-weights", cl::value_desc("w.npz"),
                               cl::desc("parameters after the last run"),
                               cl::cat(category));
  cl::opt<std::string> checkpoint(
      "checkpoint", cl::value_desc("file"),
      cl::desc("keeps the run there, so that --resume can go on with it"),
      cl::cat(category));
  cl::opt<int64_t> checkpointEvery(
      "checkpoint-every", cl::value_desc("N"),
      cl::desc("after each N-th step and the last; default: after each epoch"),
      cl::cat(category));
  cl::opt<std::string> resume(
      "resume", cl::value_desc("file"),
      cl::desc("go on from a checkpoint, with the command line that made it"),
      cl::cat(category));
  cl::opt<uint32_t> step("step", cl::init(0),
                         cl::desc("the step that random bits see first"),
                         cl::cat(category));
  cl::opt<bool> evalF32("eval-f32",
                        cl::desc("evaluate the same weights unrounded too"),
                        cl::cat(category));
  CompileFlags compileFlags;
  PrecisionFlags precision(PolicyBuilder::Options{/*allowSweep=*/true});
  cl::HideUnrelatedOptions(
      {&category, &CompileFlags::category(), &PrecisionFlags::category()});
  cl::ParseCommandLineOptions(argc, argv,
                              "trains a model, rounded as the flags say\n");
  if (std::optional<int> code = precision.answerAndStop())
    return *code;
  llvm::Expected<Policy> policy = precision.policy();
  if (!policy)
    return fail(policy.takeError());
  if (model.empty())
    return fail(llvm::createStringError(
        "no model given; expected a file, a builtin's name or '-' for "
        "standard input"));

  TrainOptions options;
  options.model = model;
  options.data = data;
  options.dataFolder = dataFolder;
  options.optimizer = optimizer;
  options.loss = loss;
  options.log = log;
  options.weights = weights;
  options.timingFile = compileFlags.timingFile();
  options.evaluateUnrounded = evalF32;
  if (batch.getNumOccurrences())
    options.trainer.batchSize = batch;
  if (steps.getNumOccurrences())
    options.trainer.steps = steps;
  options.checkpoint = checkpoint;
  options.resume = resume;
  if (checkpointEvery.getNumOccurrences())
    options.trainer.saveEvery = checkpointEvery;
  if (evalEvery.getNumOccurrences())
    options.trainer.evalEvery = evalEvery;
  options.trainer.epochs = epochs;
  options.trainer.learningRate = static_cast<float>(rate);
  options.trainer.seed = policy->seed;
  options.trainer.firstStep = step;
  options.policy = *policy;
  options.compile = compileFlags.options();
  llvm::Expected<bool> done = trainModel(options);
  if (!done)
    return fail(done.takeError());
  return *done ? 0 : fail(llvm::createStringError("interrupted"));
}
