// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of layers, and what a layer's check may ask and say.
#include "LayerType.h"
#include "Layers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>

using namespace mlir::prec;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

ArrayRef<const LayerType *> mlir::prec::layerTypes() {
  static const LayerType *const types[] = {
      &denseLayer,      &convLayer,      &maxPoolLayer,   &averagePoolLayer,
      &globalPoolLayer, &batchNormLayer, &layerNormLayer, &dropoutLayer,
      &flattenLayer,    &reshapeLayer,   &transposeLayer, &addLayer,
      &multiplyLayer,   &concatLayer,    &meanLayer,      &lastLayer,
      &embeddingLayer,  &positionLayer,  &attentionLayer, &lstmLayer,
      &reluLayer,       &relu6Layer,     &leakyReluLayer, &hardTanhLayer,
      &sigmoidLayer,    &tanhLayer,      &geluLayer,      &siluLayer,
      &softmaxLayer};
  return types;
}

std::string mlir::prec::str(ArrayRef<int64_t> sizes) {
  if (sizes.empty())
    return "scalar";
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

std::string mlir::prec::shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

ArrayRef<double> Layer::values(StringRef key) const {
  for (auto [spec, value] : llvm::zip_equal(type->options, options))
    if (spec.key == key)
      return value;
  llvm_unreachable("the layer's type has no such option");
}

Sizes Layer::sizes(StringRef key) const {
  return llvm::map_to_vector<4>(values(key),
                                [](double value) { return int64_t(value); });
}

StringRef Layer::word(StringRef key) const {
  for (const OptionSpec &spec : type->options)
    if (spec.key == key)
      return spec.words[count(key)];
  llvm_unreachable("the layer's type has no such option");
}

bool Layer::hasParameter(StringRef key) const {
  return llvm::any_of(parameters, [&](const LayerParameter &parameter) {
    return parameter.key == key;
  });
}

std::string LayerChecker::describeInput(unsigned i) const {
  return str(input(i)) + " from '" + inputNames[i] + "'";
}

void LayerChecker::fail(const Twine &message, StringRef key) {
  if (!error.empty())
    return;
  error = message.str();
  errorKey = key.str();
}

bool LayerChecker::expectRank(size_t rank, StringRef what) {
  if (input().size() == rank)
    return true;
  fail("expected " + what + ", found " + describeInput());
  return false;
}

bool LayerChecker::checkSizes(StringRef what, ArrayRef<int64_t> sizes) {
  int64_t elements = 1;
  for (int64_t size : sizes) {
    if (size < 1 || size > maxSize) {
      fail(what + " would have the sizes " + str(sizes) + "; each must be 1.." +
           Twine(maxSize));
      return false;
    }
    elements *= size; // below 2^31 times 2^24
    if (elements > maxElements) {
      fail(what + " would have the sizes " + str(sizes) + ", more than " +
           Twine(maxElements) + " elements");
      return false;
    }
  }
  return true;
}

void LayerChecker::weight(StringRef key, Sizes sizes, const Twine &init) {
  if (checkSizes(key, sizes))
    layer.parameters.push_back(
        {key.str(), std::move(sizes), /*isState=*/false, init.str()});
}

void LayerChecker::state(StringRef key, Sizes sizes, const Twine &init) {
  if (checkSizes(key, sizes))
    layer.parameters.push_back(
        {key.str(), std::move(sizes), /*isState=*/true, init.str()});
}

void LayerChecker::output(Sizes sizes) {
  if (checkSizes("the result", sizes))
    layer.output = {std::move(sizes), /*isTokens=*/false};
}
