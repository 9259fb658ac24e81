// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The JSON Schema of descriptions (draft 2020-12), from the table of layers.
#include "NetworkReader.h"
#include "prec/LossKind.h"

using namespace mlir::prec;
using llvm::StringRef;
using OptionKind = OptionSpec::Kind;

static JsonNode text(StringRef words) { return JsonNode::of(words); }

static JsonNode typed(StringRef type) {
  JsonNode node = JsonNode::object();
  node.set("type", JsonNode::of(type));
  return node;
}

static JsonNode reference(StringRef name) {
  JsonNode node = JsonNode::object();
  node.set("$ref", JsonNode::of(("#/$defs/" + name).str()));
  return node;
}

static JsonNode arrayOf(JsonNode items, int64_t low, int64_t high) {
  JsonNode node = typed("array");
  node.set("items", std::move(items));
  node.set("minItems", JsonNode::of(low));
  node.set("maxItems", JsonNode::of(high));
  return node;
}

template <typename Words> static JsonNode oneOf(const Words &words) {
  JsonNode list = JsonNode::array();
  for (StringRef word : words)
    list.items.push_back(JsonNode::of(word));
  JsonNode node = JsonNode::object();
  node.set("enum", std::move(list));
  return node;
}

static JsonNode number(double value) {
  if (value == double(int64_t(value)))
    return JsonNode::of(int64_t(value));
  JsonNode node;
  node.kind = JsonNode::Kind::Real;
  node.string = shortest(value);
  return node;
}

static JsonNode bounded(StringRef type, double low, double high) {
  JsonNode node = typed(type);
  node.set("minimum", number(low));
  node.set("maximum", number(high));
  return node;
}

/// An object with these properties and no others.
static JsonNode closed(JsonNode properties,
                       llvm::ArrayRef<StringRef> required) {
  JsonNode node = typed("object");
  node.set("properties", std::move(properties));
  JsonNode names = JsonNode::array();
  for (StringRef name : required)
    names.items.push_back(JsonNode::of(name));
  node.set("required", std::move(names));
  node.set("additionalProperties", JsonNode::ofBool(false));
  return node;
}

static JsonNode option(const OptionSpec &spec) {
  JsonNode whole = bounded("integer", spec.low, spec.high);
  JsonNode node;
  switch (spec.kind) {
  case OptionKind::Count:
    node = whole;
    break;
  case OptionKind::Pair: {
    JsonNode forms = JsonNode::array();
    forms.items = {whole, arrayOf(whole, 2, 2)};
    node = JsonNode::object();
    node.set("anyOf", std::move(forms));
    break;
  }
  case OptionKind::List:
    node = arrayOf(whole, 1, maxRank);
    break;
  case OptionKind::Number:
    node = bounded("number", spec.low, spec.high);
    break;
  case OptionKind::Flag:
    node = typed("boolean");
    break;
  case OptionKind::Word:
    node = oneOf(spec.words);
    break;
  }
  node.set("description", JsonNode::of(spec.meaning));
  if (!spec.fallback)
    return node;
  JsonNode fallback = number(*spec.fallback);
  if (spec.kind == OptionKind::Flag)
    fallback = JsonNode::ofBool(*spec.fallback != 0);
  if (spec.kind == OptionKind::Word)
    fallback = JsonNode::of(spec.words[size_t(*spec.fallback)]);
  node.set("default", std::move(fallback));
  return node;
}

template <typename Keys> static JsonNode inits(const Keys &keys) {
  JsonNode properties = JsonNode::object();
  for (StringRef key : keys)
    properties.set(key, reference("init"));
  return closed(std::move(properties), {});
}

static JsonNode layer(const LayerType &type) {
  JsonNode properties = JsonNode::object();
  JsonNode kind = JsonNode::object();
  kind.set("const", JsonNode::of(type.name));
  properties.set("type", std::move(kind));
  properties.set("name", reference("name"));
  properties.set("inputs",
                 arrayOf(reference("name"), type.minInputs, type.maxInputs));
  llvm::SmallVector<StringRef> required = {"type"};
  for (const OptionSpec &spec : type.options) {
    properties.set(spec.key, option(spec));
    if (spec.isRequired)
      required.push_back(spec.key);
  }
  if (!type.parameters.empty())
    properties.set("init", inits(type.parameters));
  if (type.minInputs > 1)
    required.push_back("inputs");
  JsonNode node = closed(std::move(properties), required);
  node.set("description", JsonNode::of(type.meaning));
  return node;
}

static JsonNode pattern(StringRef expression) {
  JsonNode node = typed("string");
  node.set("pattern", JsonNode::of(expression));
  return node;
}

static JsonNode input() {
  JsonNode properties = JsonNode::object();
  properties.set("sizes", reference("sizes"));
  properties.set("type", oneOf(std::array<StringRef, 2>{"f32", "i32"}));
  JsonNode forms = JsonNode::array();
  forms.items = {reference("sizes"), closed(std::move(properties), {"sizes"})};
  JsonNode node = JsonNode::object();
  node.set("anyOf", std::move(forms));
  return node;
}

static JsonNode definitions() {
  JsonNode defs = JsonNode::object();
  defs.set("name", pattern("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"));
  defs.set("sizes", arrayOf(bounded("integer", 1, maxSize), 0, maxRank));
  defs.set("input", input());
  defs.set("init",
           pattern("^(pytorch|zeros|constant:[^:]+|((glorot|he|lecun)-(normal|"
                   "uniform)|(normal|uniform|orthogonal):[^:]+|orthogonal)(:"
                   "positive=[^:]+)?)$"));
  JsonNode layers = JsonNode::array();
  for (const LayerType *type : layerTypes())
    if (type->build) {
      defs.set(type->name, layer(*type));
      layers.items.push_back(reference(type->name));
    }
  JsonNode any = JsonNode::object();
  any.set("oneOf", std::move(layers));
  defs.set("layer", std::move(any));
  return defs;
}

std::string mlir::prec::networkSchema() {
  JsonNode properties = JsonNode::object();
  properties.set("$schema", typed("string"));
  JsonNode version = JsonNode::object();
  version.set("const", JsonNode::of(int64_t(1)));
  properties.set("version", std::move(version));
  properties.set("name", reference("name"));
  properties.set("about", typed("string"));
  properties.set("input", reference("input"));
  JsonNode inputs = typed("object");
  inputs.set("additionalProperties", reference("input"));
  inputs.set("minProperties", JsonNode::of(int64_t(1)));
  properties.set("inputs", std::move(inputs));
  properties.set("init", inits(std::array<StringRef, 2>{"weight", "bias"}));
  properties.set("layers", arrayOf(reference("layer"), 1, maxLayers));
  properties.set("output", reference("name"));
  properties.set("loss", oneOf(lossNames));
  JsonNode body = closed(std::move(properties), {"version", "layers"});
  JsonNode root = JsonNode::object();
  root.set("$schema", text("https://json-schema.org/draft/2020-12/schema"));
  root.set("title", text("a network for prec-translate --import-json"));
  for (auto [key, item] : llvm::zip_equal(body.keys, body.items))
    root.set(key, item);
  JsonNode forms = JsonNode::array();
  for (StringRef key : {StringRef("input"), StringRef("inputs")}) {
    JsonNode names = JsonNode::array(), form = JsonNode::object();
    names.items.push_back(text(key));
    form.set("required", std::move(names));
    forms.items.push_back(std::move(form));
  }
  root.set("oneOf", std::move(forms));
  root.set("$defs", definitions());
  return printJson(root);
}
