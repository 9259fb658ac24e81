// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains a model on a data set, rounded as the flags say.
#include "CompileFlags.h"
#include "PrecisionFlags.h"
#include "prec/Driver/Train.h"
#include "prec/LossKind.h"
#include "prec/Numerics/Describe.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::prec;
namespace cl = llvm::cl;

static int fail(llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), "prec-train")
      << llvm::toString(std::move(error)) << '\n';
  return 1;
}

/// Numbers of the training step, by the names of prec-make-training-step.
static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral>
    numberFlags[] = {
        {"momentum", "of momentum and nesterov; default 0.9"},
        {"beta1", "of adam and adamw; default 0.9"},
        {"beta2", "of adam and adamw; default 0.999"},
        {"alpha", "of rmsprop; default 0.99"},
        {"epsilon", "default 1e-8; adagrad: 1e-10"},
        {"weight-decay", "default 0; adamw: 0.01"},
        {"label-smoothing", "share of the target spread over all classes"},
        {"clip-norm", "largest norm of all gradients together"},
        {"clip-value", "largest element of a gradient"}};

namespace {
struct Number {
  llvm::StringRef name;
  std::unique_ptr<cl::opt<double>> flag;
};
} // namespace

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
  cl::opt<bool> normalize(
      "normalize",
      cl::desc(
          "each channel with mean 0 and deviation 1 over the training set"),
      cl::cat(category));
  cl::opt<bool> flip("flip",
                     cl::desc("exchange left and right of half of the "
                              "samples"),
                     cl::cat(category));
  cl::opt<int64_t> crop("crop", cl::init(0), cl::value_desc("P"),
                        cl::desc("shift samples by up to P pixels"),
                        cl::cat(category));
  cl::opt<int64_t> batch("batch-size", cl::desc("samples of a mini-batch"),
                         cl::cat(category));
  cl::opt<int64_t> accumulate(
      "accumulate", cl::init(1), cl::value_desc("K"),
      cl::desc("go through a mini-batch in K parts, one after the other, and "
               "sum their gradients before the update"),
      cl::cat(category));
  cl::opt<int64_t> steps("steps", cl::desc("mini-batches to train"),
                         cl::cat(category));
  cl::opt<int64_t> epochs("epochs", cl::init(1),
                          cl::desc("passes over the data, without --steps"),
                          cl::cat(category));
  cl::opt<double> rate("learning-rate", cl::init(0.1),
                       cl::desc("learning rate"), cl::cat(category));
  cl::opt<std::string> schedule(
      "learning-rate-schedule", cl::init("constant"),
      cl::desc("constant, step:N[:FACTOR] (times 0.1 each N steps) or "
               "cosine[:MINIMUM]"),
      cl::cat(category));
  cl::opt<uint32_t> warmUp(
      "warm-up", cl::init(0), cl::value_desc("N"),
      cl::desc("steps in which the learning rate rises from nothing"),
      cl::cat(category));
  cl::opt<int64_t> patience(
      "patience", cl::value_desc("N"),
      cl::desc("stop after N evaluations without a better test accuracy"),
      cl::cat(category));
  cl::opt<bool> logEpochs("log-epochs",
                          cl::desc("a line of the log for each epoch, too"),
                          cl::cat(category));
  cl::opt<bool> logGradients(
      "log-gradients",
      cl::desc("each line of the log has each layer's norm of weight "
               "gradients"),
      cl::cat(category));
  enum class LogRounding { No, Yes, IfAny };
  cl::opt<LogRounding> logRounding(
      "log-rounding", cl::ValueOptional, cl::init(LogRounding::No),
      cl::desc("each line of the log has each layer's shares of numbers that "
               "rounding makes infinite, zero or the format's largest"),
      cl::values(
          clEnumValN(LogRounding::Yes, "", "an error if none is counted"),
          clEnumValN(LogRounding::IfAny, "if-any", "or a warning")),
      cl::cat(category));
  cl::opt<int64_t> logEvery(
      "log-every", cl::value_desc("N"),
      cl::desc("a line of the log for N steps, with their mean loss, each "
               "evaluation and the last; default: for each step"),
      cl::cat(category));
  cl::opt<bool> keepGoing("keep-going",
                          cl::desc("go on after a loss that is not finite"),
                          cl::cat(category));
  std::vector<Number> numbers;
  for (const auto &[name, text] : numberFlags)
    numbers.push_back(
        {name, std::make_unique<cl::opt<double>>(
                   llvm::StringRef(name), cl::desc(text), cl::cat(category))});
  cl::opt<std::string> optimizer(
      "optimizer", cl::init("sgd"),
      cl::desc(
          "sgd, momentum, nesterov, adam, adamw, rmsprop or adagrad; for a "
          "model that is a forward function"),
      cl::cat(category));
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
  cl::opt<int64_t> evalEvery(
      "eval-every", cl::desc("evaluate each N-th step and the last; 0: never"),
      cl::cat(category));
  cl::opt<std::string> log(
      "log", cl::desc("file of JSON lines, - for standard output"),
      cl::cat(category));
  cl::opt<std::string> firstWeights(
      "weights", cl::value_desc("w.npz"),
      cl::desc("what the weights begin with, as --save-weights or an importer "
               "writes them; default: what the model says"),
      cl::cat(category));
  cl::opt<std::string> weights("save-weights", cl::value_desc("w.npz"),
                               cl::desc("parameters after the last run"),
                               cl::cat(category));
  cl::opt<std::string> bestWeights(
      "save-best", cl::value_desc("w.npz"),
      cl::desc(
          "parameters of the evaluation with the best test accuracy, or of "
          "values the lowest test loss"),
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
  PrecisionFlags precision(PolicyBuilder::Options{/*allowSweep=*/true},
                           /*makesSteps=*/true);
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
  options.step.optimizer = optimizer;
  options.step.loss = loss;
  for (const Number &number : numbers)
    if (number.flag->getNumOccurrences())
      options.step.numbers.emplace_back(number.name.str(),
                                        shortestText(*number.flag));
  if (accumulate.getNumOccurrences())
    options.step.numbers.emplace_back("accumulate", std::to_string(accumulate));
  if (classAxis.getNumOccurrences())
    options.step.numbers.emplace_back("class-axis", std::to_string(classAxis));
  if (ignoreLabel.getNumOccurrences()) {
    options.step.numbers.emplace_back("ignore-label",
                                      std::to_string(ignoreLabel));
    options.trainer.ignoredLabel = ignoreLabel;
  }
  options.logGradients = logGradients;
  options.logRounding = logRounding != LogRounding::No;
  options.roundingIfAny = logRounding == LogRounding::IfAny;
  options.keepGoing = keepGoing;
  options.normalize = normalize;
  options.trainer.preprocess.flip = flip;
  options.trainer.preprocess.crop = crop;
  options.log = log;
  options.firstWeights = firstWeights;
  options.weights = weights;
  options.bestWeights = bestWeights;
  options.timingFile = compileFlags.timingFile();
  options.evaluateUnrounded = evalF32;
  if (batch.getNumOccurrences())
    options.trainer.batchSize = batch;
  options.trainer.batchParts = accumulate;
  if (steps.getNumOccurrences())
    options.trainer.steps = steps;
  options.checkpoint = checkpoint;
  options.resume = resume;
  if (checkpointEvery.getNumOccurrences())
    options.trainer.saveEvery = checkpointEvery;
  if (evalEvery.getNumOccurrences())
    options.trainer.evalEvery = evalEvery;
  options.trainer.epochs = epochs;
  LearningRate &learning = options.trainer.learningRate;
  learning.base = static_cast<float>(rate);
  learning.warmUp = warmUp;
  if (llvm::Error error = learning.setSchedule(schedule))
    return fail(std::move(error));
  if (patience.getNumOccurrences())
    options.trainer.patience = patience;
  options.trainer.logEpochs = logEpochs;
  if (logEvery.getNumOccurrences())
    options.trainer.logEvery = logEvery;
  options.trainer.seed = policy->seed;
  options.trainer.firstStep = step;
  options.policy = *policy;
  options.compile = compileFlags.options();
  llvm::Expected<bool> done = trainModel(options);
  if (!done)
    return fail(done.takeError());
  return *done ? 0 : fail(llvm::createStringError("interrupted"));
}
