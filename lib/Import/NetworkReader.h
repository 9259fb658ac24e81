// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reader of descriptions: first each layer by itself, then the graph.
#ifndef PREC_LIB_IMPORT_NETWORKREADER_H
#define PREC_LIB_IMPORT_NETWORKREADER_H

#include "LayerType.h"
#include "prec/Json/JsonReader.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::prec {

/// Larger texts are refused before they are parsed.
inline constexpr size_t maxNetworkBytes = size_t(1) << 20;
inline constexpr size_t maxLayers = 4096;
/// Sizes of one value.
inline constexpr size_t maxRank = 6;

/// The keys of a description and of every layer.
std::vector<std::string_view> networkKeys();
std::vector<std::string_view> layerKeys(const LayerType &type);

class NetworkReader : JsonReader {
public:
  explicit NetworkReader(const JsonSource &source) : JsonReader(source) {}

  llvm::Expected<Network> read(const JsonNode &root);

private:
  /// The initialisations that a description gives, by the parameter's key.
  using Inits = llvm::StringMap<JsonAt>;
  /// A layer as it stands in the file.
  struct Draft {
    Layer layer;
    JsonAt at;
    std::vector<JsonAt> inputs;
    bool hasInputs = false;
    Inits inits;
    /// Places of its inputs: network inputs, then drafts.
    std::vector<unsigned> sources;
    bool isSound = true; ///< what depends on one that is not is not checked
  };

  // One by one.
  void readRoot(const JsonAt &at);
  void readInputs(const JsonAt &at);
  void readInput(llvm::StringRef name, const JsonAt &at);
  bool readSizes(const JsonAt &at, int64_t low, Sizes &sizes);
  void readLayer(const JsonAt &at);
  void readOption(const OptionSpec &spec, const JsonAt &at, Draft &draft);
  bool readNumber(const OptionSpec &spec, const JsonAt &at, double &value);
  void readInits(const JsonAt &at, const LayerType *type, Inits &inits);
  bool readName(const JsonAt &at, llvm::StringRef what, std::string &name);

  // The graph.
  bool addName(llvm::StringRef name, unsigned value, size_t offset,
               llvm::StringRef pointer);
  void nameLayers();
  std::optional<unsigned> lookUp(const JsonAt &at);
  void connect(unsigned number);
  std::vector<unsigned> order();
  void checkLayer(Draft &draft);
  void initialise(Draft &draft, int64_t fanIn, int64_t fanOut);
  void finish(const JsonAt &root);

  const std::string &nameOf(unsigned value) const;
  const ValueShape &shapeOf(unsigned value) const;

  Network network;
  std::vector<Draft> drafts;
  Inits inits; ///< of the whole network
  llvm::StringMap<unsigned> values;
};

} // namespace mlir::prec

#endif // PREC_LIB_IMPORT_NETWORKREADER_H
