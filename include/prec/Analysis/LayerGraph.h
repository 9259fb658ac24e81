// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A function as a graph of layers: what has one scope and phase is one node.
#ifndef PREC_ANALYSIS_LAYERGRAPH_H
#define PREC_ANALYSIS_LAYERGRAPH_H

#include "prec/Analysis/Sites.h"

#include "llvm/ADT/SetVector.h"

namespace mlir::prec {

/// The layers of a function in the order in which they begin, and the values
/// that go from one to another. Constants, sizes (of type index) and tensors
/// without contents (tensor.empty) are no such values: each layer may have its
/// own. What is stored into a buffer is not followed: its edge comes from where
/// the buffer was made.
struct LayerGraph {
  struct Node {
    StringRef phase, scope;
    /// Operations that make or move numbers, each linalg operation with its
    /// body as one.
    int64_t operations = 0;
    /// Elements of the weights, counted at the layer that is the first to use
    /// them: arguments and constants of role weight.
    int64_t parameters = 0;
    /// Counted with 1 for each size that is not static; none if they are more
    /// than can be counted.
    int64_t multiplyAdds = 0;
    int64_t sites = 0; ///< without constants that are no numbers (StartValue.h)
    /// Values that other layers use or the function returns.
    llvm::SetVector<Value> outputs;

    bool hasInputs = false;

    /// Nothing but sizes and constants of them are made here.
    bool isEmpty() const {
      return !operations && !parameters && !sites && !hasInputs;
    }
  };
  /// No node: arguments come from there, results go there.
  static constexpr unsigned outside = ~0U;
  struct Edge {
    Value value;
    unsigned from, to;
  };

  LayerGraph(func::FuncOp function, const SiteTable &sites);

  /// Its operations have no const members.
  mutable func::FuncOp function;
  std::vector<Node> nodes;
  /// Each value at most once between two nodes. Those from outside are the
  /// arguments.
  std::vector<Edge> edges;
  /// Sites of the arguments, and weights that no layer uses.
  Node arguments;
  /// Some size of a contraction is not static.
  bool hasUnknownSizes = false;
};

/// "?x32x28x28"; with the element type behind it unless that is f32: "8xi64".
std::string shapeText(Type type);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_LAYERGRAPH_H
