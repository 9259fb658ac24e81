// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Run-time numbers and log fields of one run of a sweep.
#include "SweepRuns.h"
#include "prec/Transforms/Inserter.h"
#include "prec/Transforms/RandomWords.h"

using namespace mlir;
using namespace mlir::prec;

/// What a slot holds of a parameter that has the value.
static std::optional<int32_t> wordOf(StringRef slot, const Parameter &parameter,
                                     double value) {
  if (slot == declarationName(parameter.name))
    return int32_t(value);
  for (bool isHighWord : {true, false})
    if (slot == declarationName(parameter.name, isHighWord))
      return wordOf(value, isHighWord);
  return std::nullopt;
}

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
      if (!parameter.sweep.empty())
        if (std::optional<int32_t> word = wordOf(
                slot.name, parameter,
                parameter.sweep[std::min(run, parameter.sweep.size() - 1)]))
          value = *word;
  }
  return context;
}

ConstantFields mlir::prec::fieldsOf(const Policy &policy, size_t run,
                                    uint32_t seed) {
  ConstantFields fields;
  auto rounding = llvm::find_if(llvm::reverse(policy.rules),
                                [](const Rule &r) { return r.action.rounds; });
  if (rounding != policy.rules.rend()) {
    const Action &action = rounding->action;
    RoundingMode mode = action.mode;
    if (mode.isRuntime) {
      const Parameter &bits = *policy.parameter(
          action.parameters[action.format.numRuntimeParameters()]);
      mode = mode.with(
          uint32_t(bits.sweep.empty()
                       ? bits.schedule.at(0)
                       : bits.sweep[std::min(run, bits.sweep.size() - 1)]));
    }
    Format format = policy.formatAt(action, Carrier::F64, /*step=*/0, run)
                        .value_or(action.format);
    if (format.family == Format::Family::Mantissa ||
        format.family == Format::Family::Word)
      fields.emplace_back("truncate_mantissa", format.fractionBits);
    fields.emplace_back("format", format.str());
    fields.emplace_back("rounding", mode.str());
    fields.emplace_back("granularity", str(action.granularity));
  }
  fields.emplace_back("seed", seed);
  return fields;
}

llvm::Expected<Callable> mlir::prec::callableOf(const Engine &engine,
                                                StringRef name,
                                                const Policy &policy,
                                                size_t run,
                                                int64_t stepsPerEpoch) {
  llvm::Expected<Function> function = engine.lookup(name);
  if (!function)
    return function.takeError();
  std::vector<int32_t> context =
      contextOf(*function, policy, run, stepsPerEpoch);
  return makeCallable(*function, context, stepParameter);
}

StepOptions mlir::prec::stepOptionsOf(const TrainOptions &options) {
  StepOptions step = options.step;
  step.lossScale = options.policy.lossScale;
  return step;
}
