// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments from files, the call, results to files.
#include "prec/Driver/Run.h"
#include "prec/Execution/Npy.h"
#include "prec/Execution/Npz.h"
#include "prec/Transforms/RandomWords.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::prec;

/// The file of `NAME=FILE`, if the text has that form and the name is known.
template <typename IsName>
static std::pair<StringRef, StringRef> splitNamed(StringRef text,
                                                  IsName isName) {
  auto [name, file] = text.split('=');
  if (!file.empty() && isName(name))
    return {name, file};
  return {"", text};
}

namespace {
/// The arguments of one call, filled step by step.
class Arguments {
public:
  explicit Arguments(const Signature &signature)
      : signature(signature), tensors(signature.arguments.size()),
        isSet(signature.arguments.size(), false) {}

  llvm::Error addWeights(StringRef path);
  llvm::Error addInputs(ArrayRef<std::string> inputs);
  llvm::Error checkComplete() const;
  /// Fresh copies, since memref arguments are written.
  std::vector<Tensor> clone() const;

private:
  std::optional<size_t> find(StringRef name) const;
  llvm::Error set(size_t index, Tensor tensor, StringRef from);

  const Signature &signature;
  std::vector<Tensor> tensors;
  std::vector<bool> isSet;
};
} // namespace

std::optional<size_t> Arguments::find(StringRef name) const {
  for (auto [index, info] : llvm::enumerate(signature.arguments))
    if (!name.empty() && info.name == name)
      return index;
  return std::nullopt;
}

llvm::Error Arguments::set(size_t index, Tensor tensor, StringRef from) {
  if (isSet[index])
    return llvm::createStringError("%s: %s is given twice", from.str().c_str(),
                                   describeArgument(signature, index).c_str());
  tensors[index] = std::move(tensor);
  isSet[index] = true;
  return llvm::Error::success();
}

llvm::Error Arguments::addWeights(StringRef path) {
  llvm::Expected<std::vector<NamedTensor>> archive = readNpz(path);
  if (!archive)
    return archive.takeError();
  for (NamedTensor &entry : *archive)
    if (std::optional<size_t> index = find(entry.name))
      if (llvm::Error error = set(*index, std::move(entry.tensor), path))
        return error;
  return llvm::Error::success();
}

llvm::Error Arguments::addInputs(ArrayRef<std::string> inputs) {
  std::vector<std::string> unnamed;
  for (const std::string &input : inputs) {
    auto [name, file] =
        splitNamed(input, [&](StringRef n) { return find(n).has_value(); });
    if (name.empty()) {
      unnamed.push_back(file.str());
      continue;
    }
    llvm::Expected<Tensor> tensor = readNpy(file);
    if (!tensor)
      return tensor.takeError();
    if (llvm::Error error = set(*find(name), std::move(*tensor), file))
      return error;
  }
  size_t next = 0;
  for (const std::string &file : unnamed) {
    while (next < isSet.size() && isSet[next])
      ++next;
    if (next == isSet.size())
      return llvm::createStringError(
          "input '%s' is one too many: @%s takes %zu arguments", file.c_str(),
          signature.name.c_str(), signature.arguments.size());
    llvm::Expected<Tensor> tensor = readNpy(file);
    if (!tensor)
      return tensor.takeError();
    if (llvm::Error error = set(next, std::move(*tensor), file))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error Arguments::checkComplete() const {
  for (size_t i = 0; i < isSet.size(); ++i)
    if (!isSet[i])
      return llvm::createStringError(
          "%s, %s, has no value; give it with --input or --weights",
          describeArgument(signature, i).c_str(),
          describe(signature.arguments[i]).c_str());
  return llvm::Error::success();
}

std::vector<Tensor> Arguments::clone() const {
  std::vector<Tensor> copies;
  for (const Tensor &tensor : tensors)
    copies.push_back(tensor.clone());
  return copies;
}

namespace {
/// A result, or a memref argument after the call.
struct Output {
  std::string name;
  const Tensor *tensor;
};
} // namespace

static llvm::Error writeOutputs(ArrayRef<Output> outputs,
                                ArrayRef<std::string> files, StringRef entry,
                                raw_ostream &os) {
  if (files.empty()) {
    for (auto [index, output] : llvm::enumerate(outputs)) {
      if (!output.name.empty())
        os << output.name << ' ';
      os << describe(*output.tensor) << '\n';
      printTensor(os, *output.tensor);
      os << '\n';
    }
    return llvm::Error::success();
  }
  std::vector<bool> isWritten(outputs.size(), false);
  auto find = [&](StringRef name) {
    return llvm::find_if(outputs, [&](const Output &output) {
      return !output.name.empty() && output.name == name;
    });
  };
  std::vector<std::pair<size_t, StringRef>> plan;
  std::vector<StringRef> unnamed;
  for (StringRef text : files) {
    auto [name, file] =
        splitNamed(text, [&](StringRef n) { return find(n) != outputs.end(); });
    if (name.empty()) {
      unnamed.push_back(file);
      continue;
    }
    size_t index = find(name) - outputs.begin();
    plan.push_back({index, file});
    isWritten[index] = true;
  }
  size_t next = 0;
  for (StringRef file : unnamed) {
    while (next < outputs.size() && isWritten[next])
      ++next;
    if (next == outputs.size())
      return llvm::createStringError(
          "output '%s' is one too many: @%s gives %zu", file.str().c_str(),
          entry.str().c_str(), outputs.size());
    isWritten[next] = true;
    plan.push_back({next, file});
  }
  for (auto [index, file] : plan)
    if (llvm::Error error = writeNpy(file, *outputs[index].tensor))
      return error;
  return llvm::Error::success();
}

std::vector<int32_t> mlir::prec::contextFor(const Function &function,
                                            uint32_t step) {
  std::vector<int32_t> context = function.defaultContext();
  for (auto [slot, value] :
       llvm::zip_equal(function.signature().parameters, context))
    if (slot.name == stepParameter)
      value = static_cast<int32_t>(step);
  return context;
}

/// The entry that the user named, or the only one.
static llvm::Expected<std::string> entryOf(const Engine &engine,
                                           StringRef given) {
  if (!given.empty())
    return given.str();
  std::vector<std::string> names = engine.entryNames();
  if (names.size() == 1)
    return names[0];
  if (names.empty())
    return llvm::createStringError("the model has no public function to run");
  return llvm::createStringError(
      "the model has %zu public functions; name one with --entry: %s",
      names.size(), llvm::join(names, ", ").c_str());
}

llvm::Error mlir::prec::runModel(const RunOptions &options, raw_ostream &os) {
  PhaseTimes times;
  llvm::Expected<Model> model = Model::load(options.model, times);
  if (!model)
    return model.takeError();
  CompileOptions compileOptions = options.compile;
  if (!options.entry.empty())
    compileOptions.entries = {options.entry};
  llvm::Expected<Engine> engine =
      compile(model->module(), options.policy, compileOptions, times);
  if (!engine)
    return engine.takeError();
  llvm::Expected<std::string> entry = entryOf(*engine, options.entry);
  if (!entry)
    return entry.takeError();
  llvm::Expected<Function> function = engine->lookup(*entry);
  if (!function)
    return function.takeError();

  const Signature &signature = function->signature();
  Arguments arguments(signature);
  if (!options.weights.empty())
    if (llvm::Error error = arguments.addWeights(options.weights))
      return error;
  if (llvm::Error error = arguments.addInputs(options.inputs))
    return error;
  if (llvm::Error error = arguments.checkComplete())
    return error;

  std::vector<int32_t> numbers = contextFor(*function, options.step);
  std::vector<Tensor> copies, results;
  std::vector<double> seconds;
  for (unsigned i = 0; i < options.repeat; ++i) {
    copies = arguments.clone();
    std::vector<Tensor *> pointers;
    for (Tensor &tensor : copies)
      pointers.push_back(&tensor);
    double start = now();
    llvm::Expected<std::vector<Tensor>> called =
        function->call(pointers, numbers);
    seconds.push_back(now() - start);
    if (!called)
      return called.takeError();
    results = std::move(*called);
  }

  std::vector<Output> outputs;
  for (auto [info, tensor] : llvm::zip_equal(signature.results, results))
    outputs.push_back({info.name, &tensor});
  for (auto [info, tensor] : llvm::zip_equal(signature.arguments, copies))
    if (info.kind == ValueKind::Memref)
      outputs.push_back({info.name, &tensor});
  if (llvm::Error error =
          writeOutputs(outputs, options.outputs, signature.name, os))
    return error;
  if (options.timingFile.empty())
    return llvm::Error::success();
  return writeTiming(options.timingFile, times, seconds,
                     engine->report().cacheHit);
}

llvm::Error mlir::prec::roundArray(const RoundArrayOptions &options) {
  llvm::Expected<Tensor> array = readNpy(options.input);
  if (!array)
    return array.takeError();
  if (array->dtype() != DType::F32 && array->dtype() != DType::F64)
    return llvm::createStringError(
        "'%s' has dtype %s; --round-array rounds f32 and f64",
        options.input.c_str(), toString(array->dtype()).str().c_str());
  llvm::SmallVector<int64_t, 4> shape(array->shape());
  std::string type = "tensor<?x" + toString(array->dtype()).str() + ">";
  std::string text = "func.func @round(%x: " + type + ") -> " + type +
                     " { return %x : " + type + " }";
  PhaseTimes times;
  llvm::Expected<Model> model = Model::parse(text, options.input);
  if (!model)
    return model.takeError();
  llvm::Expected<Engine> engine =
      compile(model->module(), options.policy, options.compile, times);
  if (!engine)
    return engine.takeError();
  llvm::Expected<Function> function = engine->lookup("round");
  if (!function)
    return function.takeError();
  Tensor flat = std::move(*array).reshaped({array->size()});
  Tensor *argument = &flat;
  llvm::Expected<std::vector<Tensor>> results =
      function->call(argument, contextFor(*function, options.step));
  if (!results)
    return results.takeError();
  return writeNpy(options.output, std::move(results->front()).reshaped(shape));
}
