// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One compilation, a training run for each value of a sweep.
#include "prec/Driver/Train.h"
#include "RunFacts.h"
#include "prec/Driver/Run.h"
#include "prec/Execution/Files.h"
#include "prec/Execution/Npz.h"
#include "prec/Transforms/Inserter.h"
#include "prec/Transforms/RandomWords.h"

using namespace mlir;
using namespace mlir::prec;

/// The numbers of run `run` for a function's slots.
static std::vector<int32_t> contextOf(const Function &function,
                                      const Policy &policy, size_t run,
                                      int64_t stepsPerEpoch) {
  std::vector<int32_t> context = function.defaultContext();
  for (auto [slot, value] :
       llvm::zip_equal(function.signature().parameters, context)) {
    if (slot.name == epochStepsParameter)
      value = static_cast<int32_t>(std::min<int64_t>(stepsPerEpoch, INT32_MAX));
    for (const Parameter &parameter : policy.parameters)
      if (slot.name == declarationName(parameter.name) &&
          !parameter.sweep.empty())
        value = parameter.sweep[std::min(run, parameter.sweep.size() - 1)];
  }
  return context;
}

/// What every record of run `run` repeats.
static ConstantFields fieldsOf(const Policy &policy, size_t run,
                               uint32_t seed) {
  ConstantFields fields;
  auto rounding = llvm::find_if(llvm::reverse(policy.rules),
                                [](const Rule &r) { return r.action.rounds; });
  if (rounding != policy.rules.rend()) {
    const Action &action = rounding->action;
    Format format = action.format;
    if (!action.parameters.empty())
      if (const Parameter *parameter =
              policy.parameter(action.parameters.front())) {
        int32_t value =
            parameter->sweep.empty()
                ? parameter->schedule.at(0)
                : parameter->sweep[std::min(run, parameter->sweep.size() - 1)];
        if (format.fractionBits == Format::runtime)
          format.fractionBits = value;
      }
    if (format.family != Format::Family::Float)
      fields.emplace_back("truncate_mantissa", format.fractionBits);
    fields.emplace_back("format", format.str());
    fields.emplace_back("rounding", action.mode.str());
    fields.emplace_back("granularity", str(action.granularity));
  }
  fields.emplace_back("seed", seed);
  return fields;
}

static llvm::Expected<Callable> callableOf(const Engine &engine, StringRef name,
                                           const Policy &policy, size_t run,
                                           int64_t stepsPerEpoch = 0) {
  llvm::Expected<Function> function = engine.lookup(name);
  if (!function)
    return function.takeError();
  std::vector<int32_t> context =
      contextOf(*function, policy, run, stepsPerEpoch);
  return makeCallable(*function, context, stepParameter);
}

/// Compiles `entries` of the model; `text`, if given, gets the module as it was
/// before anything was rounded.
static llvm::Expected<Engine> compileModel(const TrainOptions &train,
                                           const Policy &policy,
                                           std::vector<std::string> entries,
                                           Timing &timing,
                                           std::string *text = nullptr) {
  llvm::Expected<Model> model = Model::load(train.model, timing);
  if (!model)
    return model.takeError();
  if (llvm::Error error = model->makeTrainingStep(train.optimizer, train.loss,
                                                  train.policy.lossScale))
    return error;
  if (text) {
    llvm::raw_string_ostream stream(*text);
    model->module().print(stream);
  }
  CompileOptions options = train.compile;
  options.entries = std::move(entries);
  return compile(model->module(), policy, options, timing);
}

namespace {
/// The runs of one command, with what they share.
class TrainingRuns {
public:
  explicit TrainingRuns(const TrainOptions &options) : options(options) {}

  llvm::Error prepare();
  llvm::Expected<bool> run();

private:
  llvm::Error openLog();
  llvm::Expected<Trainer> trainerOf(size_t run) const;
  llvm::Expected<TrainingState> firstState(const Trainer &trainer, size_t run);
  llvm::Error saveWeights(const TrainingState &state) const;

  const TrainOptions &options;
  Timing timing;
  std::optional<Engine> engine, unrounded;
  DataSet data;
  std::optional<TrainingLog> log;
  std::optional<Checkpoint> resumed;
  std::string modelText, dataDigest;
};
} // namespace

llvm::Error TrainingRuns::prepare() {
  if (!options.resume.empty()) {
    llvm::Expected<Checkpoint> read = readCheckpoint(options.resume);
    if (!read)
      return read.takeError();
    resumed.emplace(std::move(*read));
  }
  llvm::Expected<Engine> compiled = compileModel(
      options, options.policy, {"step", "predict"}, timing, &modelText);
  if (!compiled)
    return compiled.takeError();
  engine = std::move(*compiled);
  if (options.evaluateUnrounded && !options.policy.empty()) {
    llvm::Expected<Engine> plain =
        compileModel(options, Policy(), {"predict"}, timing);
    if (!plain)
      return plain.takeError();
    unrounded = std::move(*plain);
  }
  llvm::Expected<DataSet> loaded =
      loadDataSet(options.data, options.dataFolder);
  if (!loaded)
    return loaded.takeError();
  data = std::move(*loaded);
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

llvm::Expected<Trainer> TrainingRuns::trainerOf(size_t run) const {
  TrainerOptions trainerOptions = options.trainer;
  trainerOptions.fields = fieldsOf(options.policy, run, options.trainer.seed);
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

/// The checkpoint's state in the run that it is of, else a fresh one.
llvm::Expected<TrainingState> TrainingRuns::firstState(const Trainer &trainer,
                                                       size_t run) {
  if (!resumed || resumed->run != run)
    return trainer.initialState();
  return std::move(resumed->state);
}

llvm::Error TrainingRuns::saveWeights(const TrainingState &state) const {
  std::vector<NamedTensorRef> arrays;
  for (auto [name, tensor] : llvm::zip_equal(state.names, state.tensors))
    arrays.push_back({name, &tensor});
  return writeNpz(options.weights, arrays);
}

llvm::Expected<bool> TrainingRuns::run() {
  size_t runs = options.policy.numRuns(), first = 0;
  for (const std::string &path : {options.checkpoint, options.resume})
    if (!path.empty())
      removeLeftovers(path);
  for (size_t run = first; run < runs; ++run) {
    llvm::Expected<Trainer> trainer = trainerOf(run);
    if (!trainer)
      return trainer.takeError();
    RunFacts facts;
    if (resumed || !options.checkpoint.empty())
      facts = runFacts(options, *trainer, data, modelText);
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
      if (llvm::Error error = saveWeights(*state))
        return error;
  }
  if (llvm::Error error = writeTiming(options.timingFile, timing))
    return error;
  return true;
}

llvm::Expected<bool> mlir::prec::trainModel(const TrainOptions &options) {
  TrainingRuns runs(options);
  if (llvm::Error error = runs.prepare())
    return error;
  return runs.run();
}
