// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which file is which argument, and which output goes where.
#include "prec/Execution/Run.h"

#include "prec/Execution/Npy.h"
#include "prec/Execution/Npz.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include <optional>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

NamedFile NamedFile::parse(StringRef text) {
  auto [name, path] = text.split('=');
  if (!text.contains('=') || name.contains('/'))
    return {"", text.str()};
  return {name.str(), path.str()};
}

static std::string list(llvm::ArrayRef<StringRef> names) {
  std::string text;
  for (StringRef name : names)
    if (!name.empty())
      text += (text.empty() ? "" : ", ") + name.str();
  return text.empty() ? "none" : text;
}

/// The place of a name, or an error that lists the names there are.
static Expected<size_t> place(StringRef what, StringRef name,
                              llvm::ArrayRef<StringRef> names) {
  size_t found = size_t(llvm::find(names, name) - names.begin());
  if (found == names.size())
    return createStringError("no " + what + " named '" + name +
                             "', expected one of " + list(names));
  return found;
}

Expected<std::vector<Tensor>>
mlir::prec::readArguments(const Signature &signature,
                          llvm::ArrayRef<NamedFile> inputs, StringRef weights) {
  llvm::SmallVector<StringRef> names;
  for (const ValueInfo &argument : signature.arguments)
    names.push_back(argument.name);
  std::vector<std::optional<Tensor>> found(names.size());
  std::string owner = "argument of @" + signature.name;
  for (const NamedFile &input : inputs) {
    if (input.name.empty())
      continue;
    Expected<size_t> index = place(owner, input.name, names);
    if (!index)
      return index.takeError();
    if (found[*index])
      return createStringError("two files for the " + owner + " named '" +
                               input.name + "'");
    Expected<Tensor> tensor = readNpy(input.path);
    if (!tensor)
      return tensor.takeError();
    found[*index] = std::move(*tensor);
  }
  if (!weights.empty()) {
    Expected<std::vector<NamedTensor>> archive = readNpz(weights);
    if (!archive)
      return archive.takeError();
    for (NamedTensor &array : *archive) {
      Expected<size_t> index = place(owner, array.name, names);
      if (!index)
        return createStringError("'" + weights +
                                 "': " + llvm::toString(index.takeError()));
      if (!found[*index])
        found[*index] = std::move(array.tensor);
    }
  }
  size_t next = 0;
  for (const NamedFile &input : inputs) {
    if (!input.name.empty())
      continue;
    while (next < found.size() && found[next])
      ++next;
    if (next == found.size())
      return createStringError("'" + input.path + "' is one file too many: @" +
                               signature.name + " has " + Twine(found.size()) +
                               " arguments");
    Expected<Tensor> tensor = readNpy(input.path);
    if (!tensor)
      return tensor.takeError();
    found[next] = std::move(*tensor);
  }
  std::vector<Tensor> arguments;
  for (auto [index, tensor] : llvm::enumerate(found)) {
    if (!tensor)
      return createStringError(
          "no file for " + describeArgument(signature, index) + ", expected " +
          describe(signature.arguments[index]));
    arguments.push_back(std::move(*tensor));
  }
  return arguments;
}

Error mlir::prec::writeOutputs(const Signature &signature,
                               llvm::ArrayRef<Tensor> results,
                               llvm::ArrayRef<Tensor> arguments,
                               llvm::ArrayRef<NamedFile> outputs,
                               llvm::raw_ostream &out) {
  llvm::SmallVector<StringRef> names;
  llvm::SmallVector<const Tensor *> tensors;
  for (auto [value, tensor] : llvm::zip(signature.results, results)) {
    names.push_back(value.name);
    tensors.push_back(&tensor);
  }
  for (auto [value, tensor] : llvm::zip(signature.arguments, arguments)) {
    if (value.kind != ValueKind::Memref)
      continue;
    names.push_back(value.name);
    tensors.push_back(&tensor);
  }
  if (outputs.empty()) {
    for (auto [index, tensor] : llvm::enumerate(tensors))
      print(out,
            names[index].empty() ? std::to_string(index) : names[index].str(),
            *tensor);
    return Error::success();
  }
  // All names are looked at before anything is written.
  llvm::SmallVector<std::pair<size_t, StringRef>> files;
  size_t next = 0;
  for (const NamedFile &output : outputs) {
    size_t index = next;
    if (output.name.empty()) {
      ++next;
    } else {
      Expected<size_t> named =
          place("output of @" + signature.name, output.name, names);
      if (!named)
        return named.takeError();
      index = *named;
    }
    if (index >= tensors.size())
      return createStringError("'" + output.path + "' is one file too many: @" +
                               signature.name + " has " +
                               Twine(tensors.size()) + " outputs");
    files.push_back({index, output.path});
  }
  for (auto [index, path] : files)
    if (Error error = writeNpy(path, *tensors[index]))
      return error;
  return Error::success();
}

void Timing::add(const EngineReport &report) {
  phases.insert(phases.end(), {{"optimise", report.optimise},
                               {"codegen", report.codegen},
                               {"link", report.link}});
  cacheHit = report.cacheHit;
}

std::string mlir::prec::toJson(const Timing &timing) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  double total = 0;
  json.object([&] {
    json.attributeObject("phases", [&] {
      for (const auto &[name, seconds] : timing.phases) {
        json.attribute(name, seconds);
        total += seconds;
      }
    });
    json.attribute("compile_seconds", total);
    json.attributeArray("run_seconds", [&] {
      for (double seconds : timing.runSeconds)
        json.value(seconds);
    });
    json.attribute("cache_hit", timing.cacheHit);
    json.attribute("peak_bytes", timing.peakBytes);
  });
  return text + "\n";
}
