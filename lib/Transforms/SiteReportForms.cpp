// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of sites as text, JSON, CSV, and one line a layer.
#include "prec/Analysis/TextTable.h"
#include "prec/Transforms/SiteReport.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::prec;

static constexpr std::array<StringRef, 16> columns = {
    "site",        "entry",       "phase",  "scope",   "op",     "role",
    "granularity", "format",      "mode",   "extra",   "status", "elements",
    "flops",       "flops_share", "origin", "location"};

using Cells = std::array<std::string, columns.size()>;

static std::string text(std::optional<int64_t> number) {
  return number ? std::to_string(*number) : "";
}

/// In the order of the columns.
static Cells cellsOf(const SiteReport::Row &row, std::optional<double> share) {
  return {std::to_string(row.number),
          row.entry,
          row.phase,
          row.scope,
          row.op,
          row.role,
          row.granularity,
          row.format,
          row.mode,
          row.extra,
          row.status,
          text(row.elements),
          text(row.flops),
          share ? llvm::formatv("{0:f4}", *share).str() : "",
          row.origin,
          row.location};
}

void SiteReport::print(ReportForm form, raw_ostream &os) const {
  switch (form) {
  case ReportForm::Text:
    return printText(os);
  case ReportForm::Json:
    return printJson(os);
  case ReportForm::Csv:
    return printCsv(os);
  case ReportForm::Summary:
    return printSummary(os);
  }
}

void SiteReport::printText(raw_ostream &os) const {
  TextTable table;
  table.lines.emplace_back(columns.begin(), columns.end());
  for (const Row &row : rows) {
    Cells cells = cellsOf(row, flopsShare(row));
    table.lines.emplace_back(cells.begin(), cells.end());
  }
  table.print(os);
}

void SiteReport::printJson(raw_ostream &os) const {
  llvm::json::OStream json(os, /*IndentSize=*/1);
  auto number = [&](StringRef key, auto value) {
    if (value)
      json.attribute(key, *value);
    else
      json.attribute(key, nullptr);
  };
  json.array([&] {
    for (const Row &row : rows)
      json.object([&] {
        Cells cells = cellsOf(row, {});
        json.attribute("site", row.number);
        for (size_t i = 1; i < 11; ++i) {
          // A scope may be empty; a format is there or not.
          bool isMissing = cells[i].empty() && columns[i] != "scope";
          json.attribute(
              columns[i],
              isMissing ? llvm::json::Value(nullptr)
                        : llvm::json::Value(llvm::json::fixUTF8(cells[i])));
        }
        number("elements", row.elements);
        number("flops", row.flops);
        number("flops_share", flopsShare(row));
        json.attribute("origin", llvm::json::fixUTF8(row.origin));
        json.attributeArray("also_matches", [&] {
          for (const std::string &other : row.otherMatches)
            json.value(llvm::json::fixUTF8(other));
        });
        json.attribute("location", llvm::json::fixUTF8(row.location));
      });
  });
  os << '\n';
}

void SiteReport::printCsv(raw_ostream &os) const {
  os << llvm::join(columns, ",") << '\n';
  for (const Row &row : rows) {
    bool isFirst = true;
    for (const std::string &cell : cellsOf(row, flopsShare(row))) {
      os << (isFirst ? "" : ",");
      isFirst = false;
      if (cell.find_first_of(",\"\r\n") == std::string::npos) {
        os << cell;
        continue;
      }
      os << '"';
      for (char c : cell)
        os << (c == '"' ? "\"\"" : StringRef(&c, 1));
      os << '"';
    }
    os << '\n';
  }
}

namespace {
/// The roles of a summary's columns.
struct RoleColumn {
  StringRef role, title;
};
constexpr RoleColumn roleColumns[] = {{"input", "in"},
                                      {"weight", "wt"},
                                      {"activation", "act"},
                                      {"product", "prod"},
                                      {"accumulator", "acc"},
                                      {"gradient", "grad"},
                                      {"weight-gradient", "wgrad"},
                                      {"state", "state"},
                                      {"loss", "loss"}};

struct Layer {
  double share = 0;
  bool isShareKnown = true;
  /// Least and most bits for each column; 0: no such site.
  std::array<std::pair<int, int>, std::size(roleColumns)> bits{};

  void add(unsigned column, int least, int most) {
    auto &[low, high] = bits[column];
    low = low ? std::min(low, least) : least;
    high = std::max(high, most);
  }
};
} // namespace

static StringRef prefixOf(StringRef scope, unsigned segments) {
  size_t end = 0;
  for (unsigned i = 0; i < segments && end != StringRef::npos; ++i)
    end = scope.find('/', i ? end + 1 : 0);
  return scope.take_front(end);
}

void SiteReport::printSummary(raw_ostream &os) const {
  constexpr size_t maxLayers = 20, nameWidth = 20;
  // As many segments of the scopes as leave a screenful.
  llvm::MapVector<StringRef, Layer> layers;
  for (unsigned segments = 8; segments > 0; --segments) {
    layers.clear();
    for (const Row &row : rows) {
      Layer &layer = layers[prefixOf(row.scope, segments)];
      std::optional<double> share = flopsShare(row);
      layer.isShareKnown &= share.has_value();
      if (share && !row.isInside)
        layer.share += *share;
      for (auto [i, column] : llvm::enumerate(roleColumns))
        if (column.role == row.role && row.op != "tensor.empty")
          layer.add(i, row.bits, row.bits);
    }
    if (layers.size() <= maxLayers)
      break;
  }
  os << "bits of inputs, weights, activations, products, accumulators, ...\n"
     << llvm::left_justify("layer", nameWidth) << " flops";
  for (const RoleColumn &column : roleColumns)
    os << llvm::right_justify(column.title, 6);
  os << '\n';
  size_t shown = 0;
  for (auto &[name, layer] : layers) {
    if (shown++ == maxLayers) {
      os << "and " << layers.size() - maxLayers << " more\n";
      break;
    }
    std::string title = shortened(name.empty() ? "(none)" : name, nameWidth);
    os << llvm::left_justify(title, nameWidth)
       << llvm::right_justify(
              layer.isShareKnown
                  ? llvm::formatv("{0:f1}%", layer.share * 100).str()
                  : "?",
              6);
    for (auto [low, high] : layer.bits) {
      std::string cell = high ? std::to_string(low) : "-";
      if (high != low)
        cell += "-" + std::to_string(high);
      os << llvm::right_justify(cell, 6);
    }
    os << '\n';
  }
}
