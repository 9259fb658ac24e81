// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a description's parts, each by itself.
#include "NetworkReader.h"
#include "prec/LossKind.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::prec;
using llvm::StringRef;
using llvm::Twine;
using OptionKind = OptionSpec::Kind;

static constexpr int64_t networkVersion = 1;

std::vector<std::string_view> mlir::prec::networkKeys() {
  return {"$schema", "version", "name",   "about",  "input",
          "inputs",  "init",    "layers", "output", "loss"};
}

std::vector<std::string_view> mlir::prec::layerKeys(const LayerType &type) {
  std::vector<std::string_view> keys = {"type", "name", "inputs"};
  for (const OptionSpec &spec : type.options)
    keys.push_back(spec.key);
  if (!type.parameters.empty())
    keys.push_back("init");
  return keys;
}

llvm::Expected<Network> NetworkReader::read(const JsonNode &root) {
  network.file = source.name.str();
  readRoot({&root, ""});
  if (llvm::Error faults = takeFaults(root))
    return faults;
  return std::move(network);
}

void NetworkReader::readRoot(const JsonAt &at) {
  if (!expectObject(at, "an object with the keys \"input\" and \"layers\"",
                    networkKeys()))
    return;
  bool hasVersion = with(at, "version", [&](const JsonAt &version) {
    int64_t number;
    readInteger(version, networkVersion, networkVersion, number);
  });
  if (!hasVersion)
    fault(at, "missing key 'version', expected \"version\": " +
                  Twine(networkVersion));
  for (StringRef key : {"$schema", "about"})
    with(at, key,
         [&](const JsonAt &text) { expect(text, Kind::String, "a string"); });
  with(at, "name",
       [&](const JsonAt &name) { readName(name, "a network", network.name); });
  readInputs(at);
  with(at, "init",
       [&](const JsonAt &init) { readInits(init, nullptr, inits); });
  with(at, "loss", [&](const JsonAt &loss) {
    if (!expect(loss, Kind::String, "a loss, a string"))
      return;
    network.loss = loss.node->string;
    if (!parseLoss(network.loss))
      fault(loss, unknownWord("loss", network.loss,
                              {std::begin(lossNames), std::end(lossNames)}));
  });
  bool hasLayers = with(at, "layers", [&](const JsonAt &layers) {
    if (!expect(layers, Kind::Array, "an array of layers"))
      return;
    size_t count = layers.node->items.size();
    if (count == 0 || count > maxLayers)
      return fault(layers, "expected 1.." + Twine(maxLayers) +
                               " layers, found " + Twine(count));
    for (size_t i = 0; i < count; ++i)
      readLayer(layers.element(i));
  });
  if (!hasLayers)
    fault(at, "missing key 'layers', an array of layers");
  // Without every layer the graph would only repeat what was found already.
  if (faultCount() == 0)
    finish(at);
}

bool NetworkReader::readName(const JsonAt &at, StringRef what,
                             std::string &name) {
  if (!expect(at, Kind::String, "the name of " + what + ", a string"))
    return false;
  name = at.node->string;
  bool isLegal = !name.empty() && name.size() <= 200 && name.front() != '/' &&
                 name.back() != '/' && !StringRef(name).contains("//");
  for (char c : name)
    isLegal &= llvm::isAlnum(c) || c == '_' || c == '-' || c == '/';
  if (!isLegal)
    fault(at, "expected a name of letters, digits, '_', '-' and '/' between "
              "them, found " +
                  at.node->describe());
  return isLegal;
}

bool NetworkReader::readSizes(const JsonAt &at, int64_t low, Sizes &sizes) {
  if (!expect(at, Kind::Array, "an array of sizes, without the batch"))
    return false;
  if (at.node->items.size() > maxRank) {
    fault(at, "expected at most " + Twine(maxRank) + " sizes, found " +
                  Twine(at.node->items.size()));
    return false;
  }
  int64_t size = 0, elements = 1;
  for (size_t i = 0; i < at.node->items.size(); ++i) {
    if (!readInteger(at.element(i), low, maxSize, size))
      return false;
    sizes.push_back(size);
    elements = std::min(elements * std::abs(size), maxElements + 1);
  }
  if (elements <= maxElements)
    return true;
  fault(at, "sizes " + str(sizes) + " are more than " + Twine(maxElements) +
                " elements");
  return false;
}

void NetworkReader::readInputs(const JsonAt &at) {
  bool hasOne =
      with(at, "input", [&](const JsonAt &input) { readInput("x", input); });
  bool hasSeveral = with(at, "inputs", [&](const JsonAt &several) {
    if (hasOne)
      return fault(several, "expected 'input' or 'inputs', found both");
    if (!expect(several, Kind::Object, "an object: a name and sizes for each"))
      return;
    if (several.node->items.empty())
      fault(several, "expected at least one input, found none");
    for (auto [name, node] :
         llvm::zip_equal(several.node->keys, several.node->items)) {
      JsonNode word = JsonNode::of(name);
      word.offset = node.offset;
      std::string legal;
      if (readName({&word, several.pointer + pointerStep(name)}, "an input",
                   legal))
        readInput(name, several.value(name, node));
    }
  });
  if (!hasOne && !hasSeveral)
    fault(at, "missing key 'input', the sizes of a sample such as [1, 28, 28]");
}

/// Sizes, or an object with sizes and type.
void NetworkReader::readInput(StringRef name, const JsonAt &at) {
  Network::Input input{name.str(), {}};
  JsonAt sizes = at;
  if (at.node->kind == Kind::Object) {
    if (!expectObject(at, "an input", {"sizes", "type"}))
      return;
    if (!with(at, "sizes", [&](const JsonAt &given) { sizes = given; }))
      return fault(at, "missing key 'sizes'");
    with(at, "type", [&](const JsonAt &type) {
      if (!expect(type, Kind::String, "f32 or i32"))
        return;
      input.shape.isTokens = type.node->string == "i32";
      if (!input.shape.isTokens && type.node->string != "f32")
        fault(type, unknownWord("type", type.node->string, {"f32", "i32"}));
    });
  }
  if (readSizes(sizes, 1, input.shape.sizes))
    network.inputs.push_back(std::move(input));
}

void NetworkReader::readInits(const JsonAt &at, const LayerType *type,
                              Inits &into) {
  std::vector<std::string_view> legal = {"weight", "bias"};
  if (type)
    legal.assign(type->parameters.begin(), type->parameters.end());
  if (!expectObject(at, "an object: an initialisation for each parameter",
                    legal))
    return;
  for (auto [key, node] : llvm::zip_equal(at.node->keys, at.node->items)) {
    JsonAt word = at.value(key, node);
    if (expect(word, Kind::String, "an initialisation, a string"))
      into[key] = word;
  }
}

void NetworkReader::readLayer(const JsonAt &at) {
  if (!expect(at, Kind::Object, "a layer, an object"))
    return;
  Draft draft;
  draft.at = at;
  draft.layer.line = source.line(at.node->offset);
  draft.layer.column = source.column(at.node->offset);
  bool hasType = with(at, "type", [&](const JsonAt &type) {
    if (!expect(type, Kind::String, "a kind of layer, a string"))
      return;
    std::vector<std::string_view> legal;
    for (const LayerType *row : layerTypes()) {
      legal.push_back(row->name);
      if (row->name == type.node->string)
        draft.layer.type = row;
    }
    if (!draft.layer.type)
      fault(type, unknownWord("layer", type.node->string, legal));
  });
  if (!hasType)
    fault(at, "missing key 'type', the kind of layer");
  if (!draft.layer.type)
    return;
  const LayerType &type = *draft.layer.type;
  expectObject(at, "a layer", layerKeys(type));
  with(at, "name", [&](const JsonAt &name) {
    readName(name, "a layer", draft.layer.name);
  });
  draft.hasInputs = with(at, "inputs", [&](const JsonAt &inputs) {
    if (!expect(inputs, Kind::Array, "an array of names"))
      return;
    for (size_t i = 0; i < inputs.node->items.size(); ++i)
      if (expect(inputs.element(i), Kind::String,
                 "the name of a layer or an input"))
        draft.inputs.push_back(inputs.element(i));
  });
  if (!type.parameters.empty())
    with(at, "init",
         [&](const JsonAt &init) { readInits(init, &type, draft.inits); });
  for (const OptionSpec &spec : type.options)
    readOption(spec, at, draft);
  drafts.push_back(std::move(draft));
}

/// One number of an option, within its bounds.
bool NetworkReader::readNumber(const OptionSpec &spec, const JsonAt &at,
                               double &value) {
  if (spec.kind != OptionKind::Number) {
    int64_t whole = 0;
    if (!readInteger(at, int64_t(spec.low), int64_t(spec.high), whole))
      return false;
    value = double(whole);
    return true;
  }
  std::string expected =
      "a number " + shortest(spec.low) + ".." + shortest(spec.high);
  std::optional<double> number = at.node->number();
  if (number && spec.low <= *number && *number <= spec.high) {
    value = *number;
    return true;
  }
  fault(at, "expected " + expected + ", found " + at.node->describe());
  return false;
}

void NetworkReader::readOption(const OptionSpec &spec, const JsonAt &layer,
                               Draft &draft) {
  auto &values = draft.layer.options.emplace_back();
  size_t count = spec.kind == OptionKind::Pair ? 2 : 1;
  bool isGiven = with(layer, spec.key, [&](const JsonAt &at) {
    double value = 0;
    switch (spec.kind) {
    case OptionKind::Flag:
      if (expect(at, Kind::Bool, "true or false"))
        values.push_back(at.node->boolean);
      return;
    case OptionKind::Word: {
      if (!expect(at, Kind::String, "a word"))
        return;
      const auto *word = llvm::find(spec.words, at.node->string);
      if (word == spec.words.end())
        return fault(at, unknownWord(spec.key, at.node->string,
                                     {spec.words.begin(), spec.words.end()}));
      values.push_back(double(word - spec.words.begin()));
      return;
    }
    case OptionKind::List: {
      Sizes sizes;
      if (readSizes(at, int64_t(spec.low), sizes))
        values.assign(sizes.begin(), sizes.end());
      if (sizes.empty() && at.node->kind == Kind::Array)
        fault(at, "expected at least one size, found none");
      return;
    }
    case OptionKind::Pair:
      if (at.node->kind == Kind::Array) {
        if (at.node->items.size() != 2)
          return fault(at, "expected [height, width], found " +
                               Twine(at.node->items.size()) + " numbers");
        for (size_t i = 0; i < 2; ++i)
          if (readNumber(spec, at.element(i), value))
            values.push_back(value);
        return;
      }
      [[fallthrough]];
    case OptionKind::Count:
    case OptionKind::Number:
      if (readNumber(spec, at, value))
        values.assign(count, value);
      return;
    }
  });
  if (isGiven)
    return;
  if (spec.fallback)
    values.assign(count, *spec.fallback);
  else if (spec.isRequired)
    fault(layer, "missing key '" + spec.key + "', " + spec.meaning);
}
