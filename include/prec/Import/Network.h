// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A network as it was described, checked: layers in an order in which they can
// be computed, every size known, every parameter listed.
#ifndef PREC_IMPORT_NETWORK_H
#define PREC_IMPORT_NETWORK_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::prec {

struct LayerType;
struct OptionSpec;

/// Sizes of one sample or of a parameter; the batch is never among them.
using Sizes = llvm::SmallVector<int64_t, 4>;

/// "64x7x7", for messages; "scalar" without sizes.
std::string str(llvm::ArrayRef<int64_t> sizes);

/// What flows between layers: a tensor a sample, of f32 or of i32 tokens.
struct ValueShape {
  Sizes sizes;
  bool isTokens = false;

  bool operator==(const ValueShape &) const = default;
};

/// A tensor that the network is given beside its inputs.
struct LayerParameter {
  std::string key; ///< "weight"; its full name is "LAYER.weight"
  Sizes sizes;
  bool isState = false; ///< changed by running, not by its gradient
  std::string init;     ///< a word of `prec.init` (docs/import.md)
};

/// A layer with its options, inputs and sizes.
struct Layer {
  const LayerType *type = nullptr;
  std::string name; ///< also the scope of its operations
  unsigned line = 0, column = 0;
  /// Where its inputs come from: below `Network::inputs.size()` an input of
  /// the network, else that many more than the number of a layer.
  std::vector<unsigned> inputs;
  std::vector<ValueShape> inputShapes;
  ValueShape output;
  std::vector<LayerParameter> parameters;
  /// Parallel to the type's options; empty: not given and without default.
  std::vector<llvm::SmallVector<double, 2>> options;

  bool has(llvm::StringRef key) const { return !values(key).empty(); }
  double number(llvm::StringRef key) const { return values(key).front(); }
  int64_t count(llvm::StringRef key) const { return int64_t(number(key)); }
  bool flag(llvm::StringRef key) const { return number(key) != 0; }
  /// A list; a pair was completed when it was read.
  Sizes sizes(llvm::StringRef key) const;
  /// One of the words of the option.
  llvm::StringRef word(llvm::StringRef key) const;
  bool hasParameter(llvm::StringRef key) const;

private:
  llvm::ArrayRef<double> values(llvm::StringRef key) const;
};

struct Network {
  struct Input {
    std::string name;
    ValueShape shape;
  };

  std::string name; ///< may be empty
  std::string file; ///< where it was read, for locations
  std::vector<Input> inputs;
  std::vector<Layer> layers; ///< each after those it uses
  unsigned output = 0;       ///< as in Layer::inputs
  std::string loss;          ///< empty: the description has none

  const ValueShape &shapeOf(unsigned value) const {
    return value < inputs.size() ? inputs[value].shape
                                 : layers[value - inputs.size()].output;
  }
  const std::string &nameOf(unsigned value) const {
    return value < inputs.size() ? inputs[value].name
                                 : layers[value - inputs.size()].name;
  }
};

/// Reads a description (docs/import.md). The error is one line a fault,
/// `NAME:LINE:COLUMN: /json/pointer: what was found, what was expected`.
llvm::Expected<Network> readNetwork(llvm::StringRef text, llvm::StringRef name);

/// Reads a builtin by its name, else a file; `-` is standard input.
llvm::Expected<Network> readNetworkFile(llvm::StringRef pathOrName);

/// The text that readNetworkFile reads.
llvm::Expected<std::string> readDescription(llvm::StringRef pathOrName);

/// A description that is part of the program: a file of models/.
struct BuiltinNetwork {
  llvm::StringLiteral name, text;
};
llvm::ArrayRef<BuiltinNetwork> builtinNetworks();

/// The JSON Schema of descriptions, made from the table of layers.
std::string networkSchema();

} // namespace mlir::prec

#endif // PREC_IMPORT_NETWORK_H
