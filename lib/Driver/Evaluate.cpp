// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One compilation of @predict, an evaluation for each value of a sweep.
#include "prec/Driver/Evaluate.h"
#include "SweepRuns.h"
#include "WeightsFile.h"
#include "prec/Driver/Observe.h"
#include "prec/Driver/Run.h"
#include "prec/Execution/Evaluate.h"
#include "prec/Execution/Interrupt.h"
#include "prec/Execution/Trainer.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::prec;

/// All arguments of @predict but the inputs, from the file.
static llvm::Expected<std::vector<Tensor>>
parametersOf(const Signature &signature, StringRef path) {
  std::vector<Tensor> parameters;
  llvm::ArrayRef<ValueInfo> all = signature.arguments;
  size_t count = all.size() - inputsOf(all).size();
  if (count == 0)
    return parameters;
  if (path.empty())
    return llvm::createStringError("no weights given; expected "
                                   "--weights=FILE.npz with '" +
                                   signature.arguments[0].name + "'" +
                                   (count > 1 ? " and others" : ""));
  llvm::Expected<WeightsFile> file = WeightsFile::read(path);
  if (!file)
    return file.takeError();
  for (size_t i = 0; i < count; ++i) {
    llvm::Expected<const Tensor *> array = file->find(signature, i);
    if (!array)
      return array.takeError();
    if (!*array)
      return file->missing(signature, i);
    parameters.push_back((*array)->clone());
  }
  return parameters;
}

static std::string jsonLine(const Evaluation &found, StringRef split,
                            double seconds, const ConstantFields &fields) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.object([&] {
    json.attribute("split", split);
    json.attribute("samples", found.samples);
    writeLoss(json, found.loss());
    if (!found.hasValues)
      json.attribute("accuracy", found.accuracy());
    json.attribute("seconds", seconds);
    for (const auto &[name, value] : fields)
      json.attribute(name, value);
  });
  return text;
}

namespace {
/// Rows of text under headings, each column as wide as its widest cell.
struct Table {
  std::vector<std::vector<std::string>> rows;

  void add(const ConstantFields &fields, const Evaluation &found) {
    std::vector<std::string> heads, cells;
    for (const auto &[name, value] : fields) {
      heads.push_back(name);
      cells.push_back(value.getAsString() ? value.getAsString()->str()
                                          : llvm::formatv("{0}", value).str());
    }
    heads.push_back("loss");
    cells.push_back(llvm::formatv("{0:f6}", found.loss()));
    if (!found.hasValues) {
      heads.push_back("accuracy");
      cells.push_back(llvm::formatv("{0:f4}", found.accuracy()));
    }
    if (rows.empty())
      rows.push_back(heads);
    rows.push_back(cells);
  }

  void print(raw_ostream &os) const {
    for (const std::vector<std::string> &row : rows) {
      std::string line;
      for (auto [column, cell] : llvm::enumerate(row)) {
        size_t width = 0;
        for (const std::vector<std::string> &other : rows)
          width = std::max(width, other[column].size());
        line +=
            (column ? "  " : "") + std::string(width - cell.size(), ' ') + cell;
      }
      os << line << '\n';
    }
  }
};
} // namespace

static llvm::Expected<Engine>
compilePredict(const EvaluateModelOptions &options, Timing &timing,
               std::string &described) {
  llvm::Expected<Model> model = Model::load(options.model, timing);
  if (!model)
    return model.takeError();
  described = model->describedLoss();
  if (llvm::Error error = model->makePredict(options.classAxis))
    return error;
  CompileOptions compileOptions = options.compile;
  compileOptions.entries = {"predict"};
  return compile(model->module(), options.policy, compileOptions, timing);
}

/// Batch and number of samples, checked.
static llvm::Error readNumbers(const EvaluateModelOptions &options,
                               const ValueInfo &x, int64_t available,
                               EvaluateOptions &how) {
  int64_t fixed = x.shape[0];
  if (options.batchSize &&
      (*options.batchSize < 1 || (fixed >= 0 && *options.batchSize != fixed)))
    return llvm::createStringError(
        "found batch size " + Twine(*options.batchSize) + ", expected " +
        (fixed >= 0 ? Twine(fixed) + " as @predict is made for"
                    : Twine("1 or more")));
  how.batch = options.batchSize.value_or(TrainerOptions::usualBatchSize);
  how.count = options.samples.value_or(available);
  if (how.count < 1 || how.count > available)
    return llvm::createStringError(
        "found " + Twine(how.count) + " samples to evaluate, expected 1 to " +
        Twine(available) + ", what the " + options.split + " set has");
  return llvm::Error::success();
}

llvm::Expected<bool>
mlir::prec::evaluateModel(const EvaluateModelOptions &options,
                          raw_ostream &os) {
  Timing timing;
  std::string described;
  llvm::Expected<Engine> engine = compilePredict(options, timing, described);
  if (!engine)
    return engine.takeError();
  if (!options.loss.empty())
    described = options.loss;
  EvaluateOptions how;
  how.step = options.step;
  how.loss = parseLoss(described);
  if (!described.empty() && !how.loss)
    return llvm::createStringError("unknown loss '" + described +
                                   "', expected one of: " + listLosses());
  if (options.split != "test" && options.split != "training")
    return llvm::createStringError("unknown split '" + options.split +
                                   "', expected test or training");
  llvm::Expected<Callable> first =
      callableOf(*engine, "predict", options.policy, 0);
  if (!first)
    return first.takeError();
  how.ignoredLabel = options.ignoredLabel;
  llvm::Expected<DataSet> data =
      loadDataFor(first->signature,
                  {options.data, options.dataFolder, 0, 1, how.ignoredLabel});
  if (!data)
    return data.takeError();
  if (llvm::Error error = takeInputsFor(first->signature, *data))
    return error;
  if (!how.loss)
    how.loss = usualLoss(data->hasValues());
  if (!data->hasValues() && !takesLabels(*how.loss))
    return llvm::createStringError("found labels in the data set " +
                                   data->name + ", but loss " + described +
                                   " compares outputs with values (floats)");
  const Samples &samples =
      options.split == "test" ? data->test : data->training;
  if (llvm::Error error = checkPredictFits(first->signature, *data))
    return error;
  if (llvm::Error error =
          readNumbers(options, inputsOf(first->signature.arguments)[0],
                      samples.count(), how))
    return error;
  llvm::Expected<std::vector<Tensor>> parameters =
      parametersOf(first->signature, options.weights);
  if (!parameters)
    return parameters.takeError();
  SmallVector<Tensor *> arguments;
  for (Tensor &parameter : *parameters)
    arguments.push_back(&parameter);
  Preprocess preprocess;
  if (options.normalize)
    if (llvm::Error error = setNormalisation(preprocess, *data))
      return error;
  how.preprocess = &preprocess;
  std::optional<TrainingLog> log;
  if (!options.log.empty()) {
    llvm::Expected<TrainingLog> opened = TrainingLog::open(options.log);
    if (!opened)
      return opened.takeError();
    log.emplace(std::move(*opened));
  }

  llvm::Expected<Observation> seen =
      Observation::begin(options.compile.observe);
  if (!seen)
    return seen.takeError();
  InterruptGuard guard;
  Table table;
  for (size_t run = 0, runs = options.policy.numRuns(); run < runs; ++run) {
    llvm::Expected<Callable> predict =
        callableOf(*engine, "predict", options.policy, run);
    if (!predict)
      return predict.takeError();
    double start = now();
    auto found = evaluate(*predict, arguments, samples, data->classes, how);
    double seconds = now() - start;
    if (!found)
      return found.takeError();
    if (!*found)
      return false;
    timing.runSeconds.push_back(seconds);
    ConstantFields fields = fieldsOf(options.policy, run, options.policy.seed);
    table.add(fields, **found);
    if (log)
      if (llvm::Error error =
              log->write(jsonLine(**found, options.split, seconds, fields)))
        return error;
  }
  if (options.log != "-")
    table.print(os);
  if (llvm::Error error = seen->finish(options.compile.engine, llvm::errs()))
    return error;
  if (llvm::Error error = writeTiming(options.timingFile, timing))
    return error;
  return true;
}
