// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The second run of a step, instrumented.
#include "NonFiniteLoss.h"
#include "SweepRuns.h"
#include "prec/Transforms/WatchFinite.h"

#include <cmath>

using namespace mlir;
using namespace mlir::prec;

static llvm::Expected<Callable> compileWatched(const TrainOptions &options,
                                               size_t run,
                                               int64_t stepsPerEpoch,
                                               FiniteWatch &watch) {
  Timing timing;
  llvm::Expected<Model> model =
      Model::load(options.model, timing, /*isTraining=*/true);
  if (!model)
    return model.takeError();
  if (llvm::Error error =
          model->makeTrainingStep(stepOptionsOf(options), options.policy))
    return error;
  model->setSeed(options.trainer.seed);
  CompileOptions compileOptions = options.compile;
  compileOptions.entries = {"step"};
  compileOptions.afterInsertion = [&](ModuleOp module) {
    auto step = module.lookupSymbol<func::FuncOp>("step");
    if (!step || !step.getBody().hasOneBlock())
      return failure();
    watch = watchFinite(step);
    return success();
  };
  llvm::Expected<Engine> engine =
      compile(model->module(), options.policy, compileOptions, timing);
  if (!engine)
    return engine.takeError();
  return callableOf(*engine, "step", options.policy, run, stepsPerEpoch);
}

/// " in scope 'fc1', phase backward, role gradient, at net.json:4:5".
static std::string describePlace(const WatchedValue &value) {
  std::string text;
  auto add = [&](StringRef what, const std::string &word) {
    if (!word.empty())
      text += (text.empty() ? " in " : ", ") + what.str() + word;
  };
  add("scope ", value.scope.empty() ? "" : "'" + value.scope + "'");
  add("phase ", value.phase);
  add("role ", value.role);
  if (!value.location.empty())
    text += " (" + value.location + ")";
  return text;
}

static std::string describeNumber(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

llvm::Expected<std::string>
mlir::prec::explainNonFinite(const TrainOptions &options, size_t run,
                             const Trainer &trainer, NonFinite found) {
  std::string loss = ("the loss of step " + Twine(found.step) + " is " +
                      describeNumber(found.loss))
                         .str();
  TrainingState &state = found.before;
  for (auto [name, tensor] : llvm::zip_equal(state.names, state.tensors)) {
    TrainingState one;
    one.tensors.push_back(tensor.clone());
    if (!one.isFinite())
      return loss + "; '" + name + "' began with a number that is not finite";
  }
  llvm::Expected<bool> reached =
      trainer.advanceToNonFinite(state, found.step + 1);
  if (!reached)
    return reached.takeError();
  FiniteWatch watch;
  llvm::Expected<Callable> watched =
      compileWatched(options, run, trainer.stepsInEpoch(), watch);
  if (!watched)
    return watched.takeError();
  auto results = trainer.callAt(*watched, state);
  if (!results)
    return results.takeError();
  std::optional<unsigned> first =
      *reached ? watch.trace(results->back().span<int32_t>()) : std::nullopt;
  if (!first)
    return loss + "; a second run of the steps before it did not show why";
  const WatchedValue &value = watch.values[*first];
  bool isNan = results->back().span<int32_t>()[*first] == 2;
  std::string number = isNan ? "(a nan)" : "(an infinity)";
  std::string place = ("; the first number that is not finite " + number +
                       (value.argument ? " came to" : " was made in") +
                       " step " + Twine(state.done))
                          .str();
  if (value.argument)
    return loss + place + " by " +
           describeArgument(watched->signature, *value.argument);
  return loss + place + " by " + value.operation + describePlace(value);
}
