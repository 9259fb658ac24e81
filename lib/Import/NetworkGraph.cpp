// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From layers by themselves to a graph: names, order, sizes, initialisation.
#include "InitWords.h"
#include "Layers.h"
#include "NetworkReader.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/STLExtras.h"
#include <queue>

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;

const std::string &NetworkReader::nameOf(unsigned value) const {
  size_t inputs = network.inputs.size();
  return value < inputs ? network.inputs[value].name
                        : drafts[value - inputs].layer.name;
}

const ValueShape &NetworkReader::shapeOf(unsigned value) const {
  size_t inputs = network.inputs.size();
  return value < inputs ? network.inputs[value].shape
                        : drafts[value - inputs].layer.output;
}

bool NetworkReader::addName(StringRef name, unsigned value, size_t offset,
                            StringRef pointer) {
  auto [entry, isNew] = values.try_emplace(name, value);
  if (!isNew)
    fault(offset, pointer,
          "the name '" + name + "' is taken by " +
              (entry->second < network.inputs.size() ? "an input"
                                                     : "another layer"));
  return isNew;
}

/// Names as given; the others are type and number, counted by type: "conv2".
void NetworkReader::nameLayers() {
  for (auto [i, input] : llvm::enumerate(network.inputs))
    values[input.name] = i;
  llvm::StringMap<unsigned> counts;
  for (auto [i, draft] : llvm::enumerate(drafts)) {
    Layer &layer = draft.layer;
    unsigned number = ++counts[layer.type->name];
    JsonAt at = draft.at;
    with(draft.at, "name", [&](const JsonAt &given) { at = given; });
    if (layer.name.empty())
      layer.name = (layer.type->name + Twine(number)).str();
    addName(layer.name, network.inputs.size() + i, at.node->offset, at.pointer);
  }
}

std::optional<unsigned> NetworkReader::lookUp(const JsonAt &at) {
  auto found = values.find(at.node->string);
  if (found != values.end())
    return found->second;
  std::vector<std::string_view> legal;
  for (unsigned value = 0; value < network.inputs.size() + drafts.size();
       ++value)
    legal.push_back(nameOf(value));
  std::string_view near = nearestWord(at.node->string, legal);
  fault(at, "no layer and no input is called '" + at.node->string + "'" +
                (near.empty() ? ""
                              : ", did you mean '" + std::string(near) + "'?"));
  return std::nullopt;
}

/// Finds where a layer's inputs come from; without names, from the layer
/// before it.
void NetworkReader::connect(unsigned number) {
  Draft &draft = drafts[number];
  const LayerType &type = *draft.layer.type;
  size_t inputs = network.inputs.size();
  for (const JsonAt &at : draft.inputs)
    if (std::optional<unsigned> value = lookUp(at))
      draft.sources.push_back(*value);
  if (!draft.hasInputs) {
    if (number == 0 && inputs > 1)
      return fault(draft.at, "the first layer needs 'inputs', for the network "
                             "has several");
    draft.sources.push_back(number == 0 ? 0 : inputs + number - 1);
  }
  size_t count = draft.hasInputs ? draft.inputs.size() : 1;
  if (count < type.minInputs || count > type.maxInputs)
    fault(draft.at, "layer '" + draft.layer.name + "': " + type.name +
                        " takes " +
                        (type.minInputs == type.maxInputs
                             ? Twine(type.minInputs)
                             : Twine(type.minInputs) + " or more") +
                        " inputs, found " + Twine(count));
}

/// The layers so that each stands behind those it uses, otherwise as in the
/// file; empty, with a fault, where they go in a circle.
std::vector<unsigned> NetworkReader::order() {
  size_t inputs = network.inputs.size();
  std::vector<std::vector<unsigned>> users(drafts.size());
  std::vector<unsigned> waiting(drafts.size(), 0);
  for (auto [i, draft] : llvm::enumerate(drafts))
    for (unsigned value : draft.sources)
      if (value >= inputs) {
        users[value - inputs].push_back(i);
        ++waiting[i];
      }
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (auto [i, count] : llvm::enumerate(waiting))
    if (count == 0)
      ready.push(i);
  std::vector<unsigned> sorted;
  while (!ready.empty()) {
    unsigned next = ready.top();
    ready.pop();
    sorted.push_back(next);
    for (unsigned user : users[next])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  if (sorted.size() == drafts.size())
    return sorted;
  // Among those that wait, each waits for another: going back finds a circle.
  auto back = [&](unsigned i) {
    for (unsigned value : drafts[i].sources)
      if (value >= inputs && waiting[value - inputs] != 0)
        return unsigned(value - inputs);
    return i;
  };
  auto first =
      llvm::find_if(waiting, [](unsigned count) { return count != 0; });
  unsigned start = first - waiting.begin();
  for (size_t i = 0; i < drafts.size(); ++i)
    start = back(start);
  std::string circle = drafts[start].layer.name;
  unsigned at = start;
  for (unsigned steps = 0; steps < 20; ++steps) {
    at = back(at);
    circle = drafts[at].layer.name + " -> " + circle;
    if (at == start)
      break;
  }
  fault(drafts[start].at, "layers use each other in a circle: " +
                              std::string(at == start ? "" : "... -> ") +
                              circle);
  return {};
}

void NetworkReader::initialise(Draft &draft, int64_t fanIn, int64_t fanOut) {
  bool hasFans = fanIn != 0;
  for (LayerParameter &parameter : draft.layer.parameters) {
    auto given = draft.inits.find(parameter.key);
    if (given == draft.inits.end()) {
      // The network's words are for dense and conv: a norm's weight is 1.
      given = inits.find(parameter.key);
      if (!hasFans || given == inits.end())
        continue;
    }
    llvm::Expected<std::string> init =
        resolveInit(given->second.node->string, parameter.init, fanIn, fanOut);
    if (init)
      parameter.init = *init;
    else
      fault(given->second, llvm::toString(init.takeError()));
  }
  for (auto &given : draft.inits)
    if (!draft.layer.hasParameter(given.getKey()))
      fault(given.second, "layer '" + draft.layer.name +
                              "' has no parameter '" + given.getKey() +
                              "' with these options");
}

void NetworkReader::checkLayer(Draft &draft) {
  std::vector<std::string> names;
  for (unsigned value : draft.sources) {
    size_t inputs = network.inputs.size();
    if (value >= inputs && !drafts[value - inputs].isSound) {
      draft.isSound = false;
      return;
    }
    names.push_back(nameOf(value));
    draft.layer.inputShapes.push_back(shapeOf(value));
  }
  LayerChecker checker(draft.layer, std::move(names));
  const LayerType *type = draft.layer.type;
  if (type != &embeddingLayer &&
      llvm::any_of(draft.layer.inputShapes,
                   [](const ValueShape &shape) { return shape.isTokens; }))
    checker.fail("expected numbers, found tokens; an embedding layer makes "
                 "numbers of them");
  else
    type->check(checker);
  if (!checker.error.empty()) {
    JsonAt at = draft.at;
    if (!checker.errorKey.empty())
      with(draft.at, checker.errorKey, [&](const JsonAt &key) { at = key; });
    fault(at, "layer '" + draft.layer.name + "': " + checker.error);
    draft.isSound = false;
    return;
  }
  initialise(draft, checker.fanIn, checker.fanOut);
}

void NetworkReader::finish(const JsonAt &root) {
  nameLayers();
  for (unsigned i = 0; i < drafts.size(); ++i)
    connect(i);
  if (faultCount() != 0)
    return;
  size_t inputs = network.inputs.size();
  unsigned output = inputs + drafts.size() - 1;
  with(root, "output", [&](const JsonAt &at) {
    if (expect(at, Kind::String, "the name of a layer"))
      output = lookUp(at).value_or(output);
  });
  std::vector<unsigned> sorted = order();
  llvm::BitVector isUsed(inputs + drafts.size());
  isUsed.set(output);
  for (unsigned number : llvm::reverse(sorted))
    if (isUsed[inputs + number])
      for (unsigned value : drafts[number].sources)
        isUsed.set(value);
  for (unsigned value = 0; value < isUsed.size() && !sorted.empty(); ++value)
    if (!isUsed[value]) {
      fault(value < inputs ? root : drafts[value - inputs].at,
            "'" + nameOf(value) + "' does not reach the output '" +
                nameOf(output) + "'");
    }
  for (unsigned number : sorted)
    checkLayer(drafts[number]);
  if (faultCount() != 0)
    return;
  std::vector<unsigned> placeOf(inputs + drafts.size());
  std::iota(placeOf.begin(), placeOf.end(), 0);
  for (auto [place, number] : llvm::enumerate(sorted))
    placeOf[inputs + number] = inputs + place;
  for (unsigned number : sorted) {
    Draft &draft = drafts[number];
    for (unsigned value : draft.sources)
      draft.layer.inputs.push_back(placeOf[value]);
    network.layers.push_back(std::move(draft.layer));
  }
  network.output = placeOf[output];
}
