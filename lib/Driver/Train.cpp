// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One compilation, a training run for each value of a sweep.
#include "prec/Driver/Train.h"
#include "NonFiniteLoss.h"
#include "RunFacts.h"
#include "SweepRuns.h"
#include "WeightsFile.h"
#include "prec/Driver/Observe.h"
#include "prec/Driver/Run.h"
#include "prec/Execution/Evaluate.h"
#include "prec/Execution/Files.h"
#include "prec/Execution/Npz.h"
#include "prec/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::prec;

/// What @step gets after insertion. Training drops a batch that is not full.
static LogicalResult finishStep(ModuleOp module, const TrainOptions &train) {
  PassManager pm(module.getContext());
  pm.addPass(createMeasureStep(
      {train.logGradients, train.logRounding, train.roundingIfAny}));
  const TrainerOptions &trainer = train.trainer;
  pm.addPass(createSpecializeBatch(
      {trainer.batchSize.value_or(trainer.usualBatchSize)}));
  return pm.run(module);
}

namespace {
/// What a run needs to know of its model.
struct ModelFacts {
  /// The module as it was before anything was rounded.
  std::string text;
  LossKind loss = LossKind::SquaredError;
};
} // namespace

/// Compiles `entries` of the model and tells about it, if asked.
static llvm::Expected<Engine> compileModel(const TrainOptions &train,
                                           const Policy &policy,
                                           std::vector<std::string> entries,
                                           Timing &timing,
                                           ModelFacts *facts = nullptr) {
  llvm::Expected<Model> model =
      Model::load(train.model, timing, /*isTraining=*/true);
  if (!model)
    return model.takeError();
  StepOptions step = stepOptionsOf(train);
  if (step.loss.empty())
    step.loss = model->describedLoss();
  if (llvm::Error error = model->makeTrainingStep(step, policy))
    return error;
  model->setSeed(train.trainer.seed);
  if (facts) {
    facts->loss = parseLoss(step.loss).value_or(usualLoss(step.hasValues));
    llvm::raw_string_ostream stream(facts->text);
    model->module().print(stream);
  }
  CompileOptions options = train.compile;
  if (llvm::is_contained(entries, "step"))
    options.afterInsertion = [&](ModuleOp module) {
      return finishStep(module, train);
    };
  options.entries = std::move(entries);
  return compile(model->module(), policy, options, timing);
}

namespace {
/// The runs of one command, with what they share.
class TrainingRuns {
public:
  explicit TrainingRuns(TrainOptions options) : options(std::move(options)) {}

  llvm::Error prepare();
  llvm::Expected<bool> run();

private:
  llvm::Error take(llvm::Expected<DataSet> loaded);
  llvm::Error openLog();
  llvm::Expected<Trainer> trainerOf(size_t run);
  llvm::Expected<TrainingState> firstState(const Trainer &trainer, size_t run);
  llvm::Error checkBestWeights() const;
  llvm::Error checkLogEvery() const;
  void warnOfLostBest(const TrainingState &state) const;

  TrainOptions options;
  Timing timing;
  std::optional<Engine> engine, unrounded;
  DataSet data;
  std::optional<TrainingLog> log;
  std::optional<Checkpoint> resumed;
  Preprocess preprocess;
  ModelFacts model;
  /// Of runs that ended at a loss that was not finite.
  std::string faults;
};
} // namespace

static llvm::Error saveWeights(StringRef path, const TrainingState &state,
                               Durable durable = Durable::No) {
  std::vector<NamedTensorRef> arrays;
  for (auto [name, tensor] : llvm::zip_equal(state.names, state.tensors))
    arrays.push_back({name, &tensor});
  return writeNpz(path, arrays, durable);
}

llvm::Error TrainingRuns::checkBestWeights() const {
  const std::string &path = options.bestWeights;
  if (path.empty())
    return llvm::Error::success();
  size_t runs = options.policy.numRuns();
  if (runs > 1)
    return llvm::createStringError(
        "the best weights are those of one run, found a sweep of " +
        Twine(runs) + "; train each of its runs with a command of its own");
  for (const std::string &other :
       {std::string("-"), options.weights, options.checkpoint, options.log})
    if (path == other)
      return llvm::createStringError("found '" + path +
                                     "' as file of the best weights, expected "
                                     "one that nothing else is written to");
  return llvm::Error::success();
}

/// A line for several steps is a sum that is in no checkpoint, and norms and
/// shares are those of one step.
llvm::Error TrainingRuns::checkLogEvery() const {
  int64_t every = *options.trainer.logEvery;
  if (every < 1)
    return llvm::createStringError("--log-every: found " + Twine(every) +
                                   ", expected at least 1");
  const char *other = !options.checkpoint.empty() ? "--checkpoint"
                      : !options.resume.empty()   ? "--resume"
                      : options.logGradients      ? "--log-gradients"
                      : options.logRounding       ? "--log-rounding"
                                                  : nullptr;
  if (other)
    return llvm::createStringError(
        "--log-every: found " + Twine(other) +
        ", which needs a line of each step; leave out one of them");
  return llvm::Error::success();
}

/// A run may go on from beyond its best evaluation.
void TrainingRuns::warnOfLostBest(const TrainingState &state) const {
  if (options.bestWeights.empty() || !state.bestScore ||
      llvm::sys::fs::exists(options.bestWeights))
    return;
  llvm::WithColor::warning(llvm::errs())
      << "'" << options.bestWeights << "' does not exist: the best weights so "
      << "far, of the evaluation after step " << state.bestDone - 1
      << ", are lost; it gets only better ones\n";
}

llvm::Error TrainingRuns::take(llvm::Expected<DataSet> loaded) {
  if (!loaded)
    return loaded.takeError();
  data = std::move(*loaded);
  return llvm::Error::success();
}

llvm::Error TrainingRuns::prepare() {
  if (llvm::Error error = checkBestWeights())
    return error;
  if ((options.logGradients || options.logRounding) && options.log.empty())
    return llvm::createStringError(
        "found measures to log and no log, expected one to write them to");
  if (options.trainer.logEvery)
    if (llvm::Error error = checkLogEvery())
      return error;
  if (!options.resume.empty()) {
    llvm::Expected<Checkpoint> read = readCheckpoint(options.resume);
    if (!read)
      return read.takeError();
    resumed.emplace(std::move(*read));
  }
  // What a text's samples are the model says; whether other data are labels or
  // values they say themselves.
  DataRequest request{options.data, options.dataFolder};
  request.ignoredLabel = options.trainer.ignoredLabel;
  if (!request.isText())
    if (llvm::Error error = take(loadDataSet(request)))
      return error;
  options.step.hasValues = data.hasValues();
  llvm::Expected<Engine> compiled = compileModel(
      options, options.policy, {"step", "predict"}, timing, &model);
  if (!compiled)
    return compiled.takeError();
  engine = std::move(*compiled);
  options.trainer.loss = model.loss;
  if (options.evaluateUnrounded && !options.policy.empty()) {
    llvm::Expected<Engine> plain =
        compileModel(options, Policy(), {"predict"}, timing);
    if (!plain)
      return plain.takeError();
    unrounded = std::move(*plain);
  }
  llvm::Expected<Function> predict = engine->lookup("predict");
  if (!predict)
    return predict.takeError();
  if (request.isText())
    if (llvm::Error error = take(loadDataFor(predict->signature(), request)))
      return error;
  if (llvm::Error error = takeInputsFor(predict->signature(), data))
    return error;
  preprocess = options.trainer.preprocess;
  preprocess.seed = options.trainer.seed;
  if (options.normalize)
    return setNormalisation(preprocess, data);
  return llvm::Error::success();
}

/// Opens the log once it is known that the run may go on.
llvm::Error TrainingRuns::openLog() {
  if (options.log.empty() || log)
    return llvm::Error::success();
  llvm::Expected<TrainingLog> opened =
      TrainingLog::open(options.log, resumed ? &resumed->log : nullptr);
  if (!opened)
    return opened.takeError();
  log.emplace(std::move(*opened));
  return llvm::Error::success();
}

llvm::Expected<Trainer> TrainingRuns::trainerOf(size_t run) {
  TrainerOptions trainerOptions = options.trainer;
  trainerOptions.preprocess = preprocess;
  trainerOptions.fields = fieldsOf(options.policy, run, options.trainer.seed);
  if (!options.bestWeights.empty())
    trainerOptions.saveBest = [this](const TrainingState &state) {
      return saveWeights(options.bestWeights, state, Durable::Yes);
    };
  trainerOptions.onNonFinite = [this,
                                run](const Trainer &trainer,
                                     NonFinite found) -> llvm::Expected<bool> {
    llvm::Expected<std::string> text =
        explainNonFinite(options, run, trainer, std::move(found));
    if (!text)
      return text.takeError();
    if (options.policy.numRuns() > 1)
      text->insert(0, ("run " + Twine(run) + ": ").str());
    if (options.keepGoing)
      llvm::WithColor::warning(llvm::errs()) << *text << '\n';
    else
      faults += (faults.empty() ? "" : "\n") + *text;
    return options.keepGoing;
  };
  auto create = [&](int64_t stepsPerEpoch) -> llvm::Expected<Trainer> {
    llvm::Expected<Callable> step =
        callableOf(*engine, "step", options.policy, run, stepsPerEpoch);
    if (!step)
      return step.takeError();
    llvm::Expected<Callable> predict =
        callableOf(*engine, "predict", options.policy, run, stepsPerEpoch);
    if (!predict)
      return predict.takeError();
    return Trainer::create(*step, *predict, data, trainerOptions);
  };
  // The trainer knows how long an epoch is, which schedules may ask.
  llvm::Expected<Trainer> trainer = create(0);
  if (!trainer)
    return trainer;
  trainer = create(trainer->stepsInEpoch());
  if (!trainer || !unrounded)
    return trainer;
  llvm::Expected<Callable> plain =
      callableOf(*unrounded, "predict", Policy(), 0);
  if (!plain)
    return plain.takeError();
  if (llvm::Error error = trainer->setUnroundedPredict(*plain))
    return error;
  return trainer;
}

/// The checkpoint's state in the run that it is of, else a fresh one. Of given
/// weights none may be missing; states may, as an optimiser's always are.
llvm::Expected<TrainingState> TrainingRuns::firstState(const Trainer &trainer,
                                                       size_t run) {
  if (resumed && resumed->run == run)
    return std::move(resumed->state);
  if (options.firstWeights.empty())
    return trainer.initialState();
  llvm::Expected<WeightsFile> file = WeightsFile::read(options.firstWeights);
  if (!file)
    return file.takeError();
  return trainer.initialState(
      [&](const Signature &step, size_t i) -> llvm::Expected<const Tensor *> {
        llvm::Expected<const Tensor *> found = file->find(step, i);
        if (found && !*found && step.arguments[i].role == "weight")
          return file->missing(step, i);
        return found;
      });
}

llvm::Expected<bool> TrainingRuns::run() {
  size_t runs = options.policy.numRuns(), first = 0;
  for (const std::string &path :
       {options.checkpoint, options.resume, options.bestWeights})
    if (!path.empty())
      removeLeftovers(path);
  for (size_t run = first; run < runs; ++run) {
    llvm::Expected<Trainer> trainer = trainerOf(run);
    if (!trainer)
      return trainer.takeError();
    RunFacts facts;
    if (resumed || !options.checkpoint.empty())
      facts = runFacts(options, *trainer, data, model.text);
    if (resumed && run == 0) {
      if (llvm::Error error = checkFacts(options.resume, resumed->facts, facts))
        return error;
      run = std::min<size_t>(resumed->run, runs - 1);
      trainer = trainerOf(run);
      if (!trainer)
        return trainer.takeError();
    }
    llvm::Expected<TrainingState> state = firstState(*trainer, run);
    if (!state)
      return state.takeError();
    warnOfLostBest(*state);
    if (llvm::Error error = openLog())
      return error;
    SaveState save;
    if (!options.checkpoint.empty())
      save = [&, run](const TrainingState &now) {
        return writeCheckpoint(options.checkpoint, facts, run,
                               log ? log->mark() : LogMark(), now);
      };
    double start = now();
    llvm::Expected<TrainingResult> result =
        trainer->run(*state, log ? &*log : nullptr, save);
    timing.runSeconds.push_back(now() - start);
    if (!result)
      return result.takeError();
    if (result->interrupted)
      return false;
    if (!options.weights.empty() && run + 1 == runs)
      if (llvm::Error error = saveWeights(options.weights, *state))
        return error;
  }
  if (llvm::Error error = writeTiming(options.timingFile, timing))
    return error;
  if (!faults.empty())
    return llvm::createStringError(faults);
  return true;
}

llvm::Expected<bool> mlir::prec::trainModel(const TrainOptions &options) {
  TrainingRuns runs(options);
  if (llvm::Error error = runs.prepare())
    return error;
  llvm::Expected<Observation> seen =
      Observation::begin(options.compile.observe);
  if (!seen)
    return seen.takeError();
  llvm::Expected<bool> done = runs.run();
  if (!done)
    return done;
  if (llvm::Error error = seen->finish(options.compile.engine, llvm::errs()))
    return error;
  return done;
}
