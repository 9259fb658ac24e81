// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kind of layer as one row: its options, how its sizes follow from its
// inputs, and what it computes.
#ifndef PREC_LIB_IMPORT_LAYERTYPE_H
#define PREC_LIB_IMPORT_LAYERTYPE_H

#include "prec/Import/Network.h"

#include <array>
#include <cmath>
#include <optional>

namespace mlir {
class Value;
}

namespace mlir::prec {

class LayerBuilder;
class LayerChecker;

/// No dimension is larger.
inline constexpr int64_t maxSize = int64_t(1) << 24;
/// No sample and no parameter has more elements.
inline constexpr int64_t maxElements = (int64_t(1) << 31) - 1;

struct OptionSpec {
  enum class Kind {
    Count,  ///< a whole number
    Pair,   ///< a whole number or two of them, [height, width]
    List,   ///< an array of whole numbers
    Number, ///< any number
    Flag,   ///< true or false
    Word    ///< one of `words`; the value is its place among them
  };

  llvm::StringLiteral key;
  llvm::StringLiteral meaning; ///< one line for the schema
  Kind kind = Kind::Count;
  bool isRequired = false;
  /// The value without the key; none: the layer sees that it is missing.
  std::optional<double> fallback = std::nullopt;
  double low = 1, high = double(maxSize);
  llvm::ArrayRef<llvm::StringLiteral> words = {};
};

struct LayerType {
  llvm::StringLiteral name;
  llvm::StringLiteral meaning;
  llvm::ArrayRef<OptionSpec> options;
  llvm::ArrayRef<llvm::StringLiteral> parameters; ///< keys that "init" may have
  unsigned minInputs, maxInputs;
  /// Sets the output's sizes and the parameters, or says what does not fit.
  void (*check)(LayerChecker &);
  /// Makes the operations; null where the layer is refused by `check`.
  Value (*build)(LayerBuilder &);
};

/// All layers that descriptions may have.
llvm::ArrayRef<const LayerType *> layerTypes();

/// Options that several layers have.
inline constexpr OptionSpec epsilonOption = {.key = "epsilon",
                                             .meaning = "added to the variance",
                                             .kind = OptionSpec::Kind::Number,
                                             .fallback = 1e-5,
                                             .low = 0,
                                             .high = 1};
inline constexpr OptionSpec biasOption = {.key = "bias",
                                          .meaning = "whether a bias is added",
                                          .kind = OptionSpec::Kind::Flag,
                                          .fallback = 1,
                                          .low = 0,
                                          .high = 1};

/// What a layer's check sees and sets.
class LayerChecker {
public:
  LayerChecker(Layer &layer, std::vector<std::string> inputNames)
      : layer(layer), inputNames(std::move(inputNames)) {}

  Layer &layer;

  llvm::ArrayRef<int64_t> input(unsigned i = 0) const {
    return layer.inputShapes[i].sizes;
  }
  size_t numInputs() const { return layer.inputShapes.size(); }
  /// "64x7x7 from 'pool2'", for messages.
  std::string describeInput(unsigned i = 0) const;

  /// The first fault stays; its place is the option `key` or the layer.
  void fail(const llvm::Twine &message, llvm::StringRef key = "");
  /// Input 0 has that rank, else a fault: "expected WHAT, found 64x7x7 ...".
  bool expectRank(size_t rank, llvm::StringRef what);

  /// Declares a parameter; `init` is the word it has unless told otherwise.
  void weight(llvm::StringRef key, Sizes sizes, const llvm::Twine &init);
  void state(llvm::StringRef key, Sizes sizes, const llvm::Twine &init);
  void output(Sizes sizes);

  /// What the words of "init" that depend on it mean, for dense and conv.
  int64_t fanIn = 0, fanOut = 0;
  std::string error, errorKey;

private:
  bool checkSizes(llvm::StringRef what, llvm::ArrayRef<int64_t> sizes);

  std::vector<std::string> inputNames;
};

/// A number as text that reads back as the same number.
std::string shortest(double value);

/// PyTorch's initialisation of weights and biases with so many inputs.
inline std::string pytorchUniform(int64_t fanIn) {
  return "uniform:" + shortest(1 / std::sqrt(double(fanIn)));
}

/// Places that a window takes along one dimension; 0 or less: it does not fit.
inline int64_t windowPlaces(int64_t size, int64_t window, int64_t stride,
                            int64_t padding, int64_t dilation = 1) {
  int64_t room = size + 2 * padding - dilation * (window - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

} // namespace mlir::prec

#endif // PREC_LIB_IMPORT_LAYERTYPE_H
