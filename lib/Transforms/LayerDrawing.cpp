// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's layers as a picture: text in the DOT language of graphviz.
#include "prec/Transforms/LayerDrawing.h"
#include "prec/Analysis/LayerGraph.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <climits>
#include <map>
#include <set>

using namespace mlir;
using namespace mlir::prec;

namespace {
/// Layers of at most so many bits, and their colour; the fewer the stronger.
struct Colour {
  int bits;
  StringRef fill;
};
constexpr Colour colours[] = {{4, "#f4a582"},  {8, "#fddbc7"},
                              {12, "#fee8c8"}, {16, "#fff7bc"},
                              {24, "#e0f3db"}, {INT_MAX, "#ffffff"}};

/// Fewest and most bits of a layer's values, by entry, phase and scope.
using LayerBits =
    std::map<std::tuple<StringRef, StringRef, StringRef>, std::pair<int, int>>;
} // namespace

/// The text between the quotes.
static std::string escaped(StringRef text) {
  std::string result;
  for (char c : llvm::json::fixUTF8(text))
    switch (c) {
    case '"':
      result += "\\\"";
      break;
    case '\\': // also begins \N, \G, \l
      result += "\\\\";
      break;
    case '&': // begins an entity: &lt;
      result += "&amp;";
      break;
    case '\n':
      result += "\\\\n";
      break;
    default:
      if (static_cast<unsigned char>(c) < 32 || c == 127)
        result += llvm::formatv("\\\\x{0:x-2}", unsigned(c)).str();
      else
        result += c;
    }
  return result;
}

std::string mlir::prec::dotString(StringRef text) {
  return '"' + escaped(text) + '"';
}

static LayerBits bitsOf(const SiteReport &report) {
  LayerBits all;
  for (const SiteReport::Row &row : report.rows) {
    if (row.isInside || row.op == "arith.constant" || row.op == "tensor.empty")
      continue;
    auto [it, isNew] =
        all.try_emplace({row.entry, row.phase, row.scope}, row.bits, row.bits);
    auto &[least, most] = it->second;
    least = std::min(least, row.bits);
    most = std::max(most, row.bits);
  }
  return all;
}

namespace {
/// Draws one function.
class Drawer {
public:
  Drawer(const LayerGraph &graph, unsigned number, const LayerBits &bits,
         raw_ostream &os)
      : graph(graph), prefix("f" + std::to_string(number)), bits(bits), os(os) {
  }

  void draw() {
    os << "  subgraph cluster_" << prefix
       << " {\n    label=" << dotString("@" + graph.function.getName().str())
       << ";\n";
    llvm::SetVector<StringRef> phases;
    for (const LayerGraph::Node &node : graph.nodes)
      if (!node.isEmpty())
        phases.insert(node.phase);
    for (auto [i, phase] : llvm::enumerate(phases)) {
      bool isFramed = phases.size() > 1;
      if (isFramed)
        os << "    subgraph cluster_" << prefix << "_" << i
           << " {\n    label=" << dotString(phase) << ";\n";
      for (auto [n, node] : llvm::enumerate(graph.nodes))
        if (node.phase == phase && !node.isEmpty())
          drawNode(node, n);
      if (isFramed)
        os << "    }\n";
    }
    for (const LayerGraph::Edge &edge : graph.edges)
      drawEdge(edge);
    os << "  }\n";
  }

private:
  void drawNode(const LayerGraph::Node &node, unsigned number) {
    os << "    " << prefix << "_n" << number << " [label=\""
       << (node.scope.empty() ? "(none)" : escaped(node.scope));
    if (node.parameters)
      os << "\\n" << node.parameters << " parameters";
    auto it = bits.find({graph.function.getName(), node.phase, node.scope});
    if (it != bits.end()) {
      auto [least, most] = it->second;
      os << "\\n" << least;
      if (most != least)
        os << ".." << most;
      os << " bits";
    }
    os << '"';
    if (it != bits.end())
      for (const Colour &colour : colours)
        if (it->second.first <= colour.bits) {
          os << ", fillcolor=" << dotString(colour.fill);
          break;
        }
    os << "];\n";
  }

  /// The node of an argument; empty for weights, which are part of a layer.
  std::string argumentNode(BlockArgument argument) {
    unsigned number = argument.getArgNumber();
    auto role =
        graph.function.getArgAttrOfType<StringAttr>(number, roleAttrName);
    if (role && role.getValue() == "weight")
      return "";
    std::string node = prefix + "_a" + std::to_string(number);
    if (drawn.insert(node).second) {
      auto name =
          graph.function.getArgAttrOfType<StringAttr>(number, nameAttrName);
      drawEnd(node, name ? name.getValue().str()
                         : "argument " + std::to_string(number));
    }
    return node;
  }

  void drawEnd(StringRef node, StringRef name) {
    os << "    " << node << " [shape=ellipse, label=" << dotString(name)
       << "];\n";
  }

  void drawArrow(StringRef from, StringRef to, Value value) {
    os << "    " << from << " -> " << to
       << " [label=" << dotString(shapeText(value.getType())) << "];\n";
  }

  void drawEdge(const LayerGraph::Edge &edge) {
    std::string from = edge.from == LayerGraph::outside
                           ? argumentNode(cast<BlockArgument>(edge.value))
                           : prefix + "_n" + std::to_string(edge.from);
    if (from.empty())
      return;
    if (edge.to != LayerGraph::outside)
      return drawArrow(from, prefix + "_n" + std::to_string(edge.to),
                       edge.value);
    for (OpOperand &use : edge.value.getUses()) {
      if (!isa<func::ReturnOp>(use.getOwner()))
        continue;
      unsigned number = use.getOperandNumber();
      std::string node = prefix + "_r" + std::to_string(number);
      auto name =
          graph.function.getResultAttrOfType<StringAttr>(number, nameAttrName);
      drawEnd(node, name ? name.getValue().str()
                         : "result " + std::to_string(number));
      drawArrow(from, node, edge.value);
    }
  }

  const LayerGraph &graph;
  std::string prefix;
  const LayerBits &bits;
  raw_ostream &os;
  std::set<std::string> drawn;
};
} // namespace

void mlir::prec::drawLayers(ModuleOp module, const SiteReport *report,
                            raw_ostream &os) {
  LayerBits bits = report ? bitsOf(*report) : LayerBits();
  SiteTable sites(module);
  os << "digraph model {\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", "
        "fontname=\"Helvetica\"];\n"
        "  edge [fontname=\"Helvetica\", fontsize=10];\n"
        "  graph [fontname=\"Helvetica\"];\n";
  unsigned number = 0;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      Drawer(LayerGraph(function, sites), number++, bits, os).draw();
  os << "}\n";
}
