// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One compilation, a training run for each value of a sweep.
#include "prec/Driver/Train.h"
#include "prec/Driver/Run.h"
#include "prec/Execution/Npz.h"
#include "prec/Transforms/Inserter.h"
#include "prec/Transforms/RandomWords.h"

using namespace mlir;
using namespace mlir::prec;

/// The numbers of run `run` for a function's slots.
static std::vector<int32_t> contextOf(const Function &function,
                                      const Policy &policy, size_t run) {
  std::vector<int32_t> context = function.defaultContext();
  for (auto [slot, value] :
       llvm::zip_equal(function.signature().parameters, context))
    for (const Parameter &parameter : policy.parameters)
      if (slot.name == declarationName(parameter.name) &&
          !parameter.sweep.empty())
        value = parameter.sweep[std::min(run, parameter.sweep.size() - 1)];
  return context;
}

/// What every record of run `run` repeats.
static ConstantFields fieldsOf(const Policy &policy, size_t run,
                               uint32_t seed) {
  ConstantFields fields;
  if (!policy.empty()) {
    const Action &action = policy.rules.back().action;
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
                                           const Policy &policy, size_t run) {
  llvm::Expected<Function> function = engine.lookup(name);
  if (!function)
    return function.takeError();
  std::vector<int32_t> context = contextOf(*function, policy, run);
  return makeCallable(*function, context, stepParameter);
}

static llvm::Expected<Engine> compileModel(const TrainOptions &train,
                                           const Policy &policy,
                                           std::vector<std::string> entries,
                                           Timing &timing) {
  llvm::Expected<Model> model = Model::load(train.model, timing);
  if (!model)
    return model.takeError();
  if (llvm::Error error = model->makeTrainingStep(train.optimizer, train.loss))
    return error;
  CompileOptions options = train.compile;
  options.entries = std::move(entries);
  return compile(model->module(), policy, options, timing);
}

llvm::Expected<bool> mlir::prec::trainModel(const TrainOptions &options) {
  Timing timing;
  llvm::Expected<Engine> engine =
      compileModel(options, options.policy, {"step", "predict"}, timing);
  if (!engine)
    return engine.takeError();
  std::optional<Engine> unrounded;
  if (options.evaluateUnrounded && !options.policy.empty()) {
    llvm::Expected<Engine> plain =
        compileModel(options, Policy(), {"predict"}, timing);
    if (!plain)
      return plain.takeError();
    unrounded = std::move(*plain);
  }
  llvm::Expected<DataSet> data = loadDataSet(options.data, options.dataFolder);
  if (!data)
    return data.takeError();
  std::optional<TrainingLog> log;
  if (!options.log.empty()) {
    llvm::Expected<TrainingLog> opened = TrainingLog::open(options.log);
    if (!opened)
      return opened.takeError();
    log.emplace(std::move(*opened));
  }

  for (size_t run = 0, n = options.policy.numRuns(); run < n; ++run) {
    TrainerOptions trainerOptions = options.trainer;
    trainerOptions.fields = fieldsOf(options.policy, run, options.trainer.seed);
    llvm::Expected<Callable> step =
        callableOf(*engine, "step", options.policy, run);
    if (!step)
      return step.takeError();
    llvm::Expected<Callable> predict =
        callableOf(*engine, "predict", options.policy, run);
    if (!predict)
      return predict.takeError();
    llvm::Expected<Trainer> trainer =
        Trainer::create(*step, *predict, *data, trainerOptions);
    if (!trainer)
      return trainer.takeError();
    if (unrounded) {
      llvm::Expected<Callable> plain =
          callableOf(*unrounded, "predict", Policy(), 0);
      if (!plain)
        return plain.takeError();
      if (llvm::Error error = trainer->setUnroundedPredict(*plain))
        return error;
    }
    llvm::Expected<TrainingState> state = trainer->initialState();
    if (!state)
      return state.takeError();
    double start = now();
    llvm::Expected<TrainingResult> result =
        trainer->run(*state, log ? &*log : nullptr);
    timing.runSeconds.push_back(now() - start);
    if (!result)
      return result.takeError();
    if (result->interrupted)
      return false;
    if (options.weights.empty() || run + 1 != n)
      continue;
    std::vector<NamedTensorRef> arrays;
    for (auto [name, tensor] : llvm::zip_equal(state->names, state->tensors))
      arrays.push_back({name, &tensor});
    if (llvm::Error error = writeNpz(options.weights, arrays))
      return error;
  }
  if (llvm::Error error = writeTiming(options.timingFile, timing))
    return error;
  return true;
}
