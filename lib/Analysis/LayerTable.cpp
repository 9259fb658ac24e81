// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The layers of a model as a table.
#include "prec/Analysis/LayerTable.h"
#include "prec/Analysis/LayerGraph.h"
#include "prec/Analysis/TextTable.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::prec;

static constexpr size_t outputWidth = 18, tableWidth = 80;

/// The first output, and how many more there are.
static std::string outputText(const LayerGraph::Node &node) {
  if (node.outputs.empty())
    return "";
  std::string text = shapeText(node.outputs[0].getType());
  std::string more = node.outputs.size() == 1
                         ? ""
                         : " +" + std::to_string(node.outputs.size() - 1);
  return shortened(text, outputWidth - more.size()) + more;
}

static std::vector<std::string> lineOf(StringRef name, StringRef output,
                                       const LayerGraph::Node &node) {
  auto number = [](int64_t n) {
    return n == INT64_MAX ? std::string("too many") : std::to_string(n);
  };
  return {name.str(),
          output.str(),
          number(node.operations),
          number(node.parameters),
          number(node.multiplyAdds),
          number(node.sites)};
}

static void add(LayerGraph::Node &sum, const LayerGraph::Node &node) {
  for (int64_t LayerGraph::Node::*field :
       {&LayerGraph::Node::operations, &LayerGraph::Node::parameters,
        &LayerGraph::Node::multiplyAdds, &LayerGraph::Node::sites})
    if (llvm::AddOverflow(sum.*field, node.*field, sum.*field))
      sum.*field = INT64_MAX;
}

static void print(const LayerGraph &graph, raw_ostream &os) {
  func::FuncOp function = graph.function;
  llvm::SetVector<StringRef> phases;
  phases.insert(phaseOf(function));
  for (const LayerGraph::Node &node : graph.nodes)
    if (!node.isEmpty())
      phases.insert(node.phase);
  LayerGraph::Node all = graph.arguments;
  for (StringRef phase : phases) {
    os << '@' << function.getName() << ", " << phase << '\n';
    TextTable table{
        {{"layer", "output", "ops", "parameters", "multiply-adds", "sites"}},
        /*firstNumber=*/2,
        /*flexible=*/0,
        tableWidth};
    LayerGraph::Node sum;
    if (phase == phases.front() && function.getNumArguments()) {
      table.lines.push_back(lineOf("(arguments)", "", graph.arguments));
      sum = graph.arguments;
    }
    for (const LayerGraph::Node &node : graph.nodes) {
      if (node.phase != phase || node.isEmpty())
        continue;
      table.lines.push_back(lineOf(node.scope.empty() ? "(none)" : node.scope,
                                   outputText(node), node));
      add(sum, node);
      add(all, node);
    }
    table.lines.push_back(lineOf("total", "", sum));
    table.print(os);
  }
  if (phases.size() > 1)
    os << '@' << function.getName() << ", all phases: " << all.parameters
       << " parameters, " << all.multiplyAdds << " multiply-adds, " << all.sites
       << " sites\n";
  if (graph.hasUnknownSizes)
    os << "multiply-adds are counted with 1 for each size that is not known\n";
}

void mlir::prec::printLayerTables(ModuleOp module, raw_ostream &os) {
  SiteTable sites(module);
  bool isFirst = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    os << (isFirst ? "" : "\n");
    isFirst = false;
    print(LayerGraph(function, sites), os);
  }
}
