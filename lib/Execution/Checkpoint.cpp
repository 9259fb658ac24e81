// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints as archives with one array of JSON text.
#include "prec/Execution/Checkpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include <algorithm>
#include <bit>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

static constexpr StringRef headName = "checkpoint";
static constexpr int64_t version = 1;

static std::string memberName(size_t number, StringRef name) {
  return ("state/" + Twine(number) + "/" + name).str();
}

/// An f64's bits, so that it comes back whatever it is.
static std::string hexOf(double value) {
  return llvm::utohexstr(std::bit_cast<uint64_t>(value));
}
static bool fromHex(StringRef text, double &value) {
  uint64_t bits = 0;
  bool isWrong = text.getAsInteger(16, bits);
  value = std::bit_cast<double>(bits);
  return !isWrong;
}

Error mlir::prec::writeCheckpoint(StringRef path, const RunFacts &facts,
                                  uint64_t run, const LogMark &log,
                                  const TrainingState &state) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream, 1);
  out.object([&] {
    out.attribute("version", version);
    out.attributeArray("facts", [&] {
      for (const auto &[name, value] : facts)
        out.object([&] {
          out.attribute("name", name);
          out.attribute("value", value);
        });
    });
    out.attribute("run", int64_t(run));
    out.attribute("step", int64_t(state.done));
    out.attribute("epoch_loss", hexOf(state.epochLoss));
    if (state.bestScore)
      out.attribute("best_score", hexOf(*state.bestScore));
    out.attribute("best_step", int64_t(state.bestDone));
    out.attribute("evaluations_since", int64_t(state.evaluationsSince));
    out.attribute("log_bytes", int64_t(log.bytes));
    out.attribute("log_line", log.lastLine);
    out.attributeArray("state", [&] {
      for (const std::string &name : state.names)
        out.value(name);
    });
  });
  Tensor head(DType::U8, {int64_t(text.size())});
  std::copy(text.begin(), text.end(), head.bytes().begin());
  std::vector<std::string> names;
  for (auto [i, name] : llvm::enumerate(state.names))
    names.push_back(memberName(i, name));
  std::vector<NamedTensorRef> arrays = {{headName, &head}};
  for (auto [name, tensor] : llvm::zip_equal(names, state.tensors))
    arrays.push_back({name, &tensor});
  return writeNpz(path, arrays, Durable::Yes);
}

/// A whole number that is not negative.
static bool mapCount(const json::Object &object, StringRef key,
                     uint64_t &value) {
  std::optional<int64_t> found = object.getInteger(key);
  value = uint64_t(found.value_or(0));
  return found && *found >= 0;
}

static bool fromJson(const json::Object &root, Checkpoint &checkpoint) {
  const json::Array *facts = root.getArray("facts");
  const json::Array *names = root.getArray("state");
  std::optional<StringRef> line = root.getString("log_line");
  if (!facts || !names || !line || !mapCount(root, "run", checkpoint.run) ||
      !mapCount(root, "step", checkpoint.state.done) ||
      !mapCount(root, "best_step", checkpoint.state.bestDone) ||
      !mapCount(root, "evaluations_since", checkpoint.state.evaluationsSince) ||
      !mapCount(root, "log_bytes", checkpoint.log.bytes))
    return false;
  std::optional<StringRef> sum = root.getString("epoch_loss");
  if (!sum || !fromHex(*sum, checkpoint.state.epochLoss))
    return false;
  if (std::optional<StringRef> best = root.getString("best_score"))
    if (!fromHex(*best, checkpoint.state.bestScore.emplace()))
      return false;
  checkpoint.log.lastLine = line->str();
  for (const json::Value &fact : *facts) {
    const json::Object *object = fact.getAsObject();
    auto name = object ? object->getString("name") : std::nullopt;
    auto value = object ? object->getString("value") : std::nullopt;
    if (!name || !value)
      return false;
    checkpoint.facts.emplace_back(*name, *value);
  }
  for (const json::Value &name : *names) {
    if (!name.getAsString())
      return false;
    checkpoint.state.names.push_back(name.getAsString()->str());
  }
  return true;
}

bool mlir::prec::isCheckpoint(const NamedTensor &first) {
  return first.name == headName && first.tensor.dtype() == DType::U8;
}

Expected<Checkpoint> mlir::prec::readCheckpoint(StringRef path) {
  auto bad = [&](const Twine &text) {
    return createStringError("'" + path + "' is not a checkpoint: " + text);
  };
  Expected<std::vector<NamedTensor>> arrays = readNpz(path);
  if (!arrays)
    return createStringError("cannot resume: " +
                             llvm::toString(arrays.takeError()));
  if (arrays->empty() || !isCheckpoint(arrays->front()))
    return bad("found no array of bytes named 'checkpoint' at its beginning");
  Expected<json::Value> parsed =
      json::parse(llvm::toStringRef(arrays->front().tensor.bytes()));
  if (!parsed)
    return bad("its JSON text is broken: " +
               llvm::toString(parsed.takeError()));
  const json::Object *root = parsed->getAsObject();
  if (!root)
    return bad("found JSON text that is no object");
  std::optional<int64_t> found = root->getInteger("version");
  if (found != version)
    return bad("found version " + (found ? Twine(*found) : Twine("none")) +
               ", expected " + Twine(version));
  Checkpoint checkpoint;
  if (!fromJson(*root, checkpoint))
    return bad("found JSON text without what a checkpoint has");
  size_t count = checkpoint.state.names.size();
  if (arrays->size() != count + 1)
    return bad("found " + Twine(arrays->size() - 1) + " arrays, expected " +
               Twine(count));
  for (size_t i = 0; i < count; ++i) {
    NamedTensor &array = (*arrays)[i + 1];
    if (array.name != memberName(i, checkpoint.state.names[i]))
      return bad("found the array '" + array.name + "', expected '" +
                 memberName(i, checkpoint.state.names[i]) + "'");
    checkpoint.state.tensors.push_back(std::move(array.tensor));
  }
  return checkpoint;
}

Error mlir::prec::checkFacts(StringRef path, const RunFacts &found,
                             const RunFacts &expected) {
  auto valueIn = [](const RunFacts &facts, StringRef name) -> std::string {
    for (const auto &[known, value] : facts)
      if (known == name)
        return value;
    return "none";
  };
  constexpr int most = 3;
  std::string text;
  int differences = 0;
  auto compare = [&](StringRef name) {
    std::string there = valueIn(found, name), here = valueIn(expected, name);
    if (there == here || ++differences > most)
      return;
    text += (text.empty() ? "" : "; ") + name.str() + " is " + there +
            " there and " + here + " here";
  };
  for (const auto &fact : llvm::ArrayRef(expected).drop_back())
    compare(fact.first);
  for (const auto &fact : found)
    if (valueIn(expected, fact.first) == "none")
      compare(fact.first);
  if (differences == 0)
    compare(expected.back().first);
  if (differences == 0)
    return Error::success();
  if (differences > most)
    text += "; and " + std::to_string(differences - most) + " more";
  return createStringError("'" + path +
                           "' is the checkpoint of another run: " + text);
}
