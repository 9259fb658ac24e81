// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Text of the table of sites.
#include "prec/Transforms/SiteReport.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::prec;

std::string mlir::prec::describe(Location location) {
  return llvm::TypeSwitch<LocationAttr, std::string>(location)
      .Case([](FileLineColLoc loc) {
        return llvm::formatv("{0}:{1}:{2}", loc.getFilename().getValue(),
                             loc.getLine(), loc.getColumn())
            .str();
      })
      .Case([](NameLoc loc) { return loc.getName().str(); })
      .Case([](FusedLoc loc) {
        return loc.getLocations().empty() ? std::string()
                                          : describe(loc.getLocations()[0]);
      })
      .Case([](CallSiteLoc loc) { return describe(loc.getCallee()); })
      .Default([](LocationAttr) { return std::string(); });
}

void SiteReport::sort() {
  llvm::sort(rows, [](const Row &a, const Row &b) {
    return std::tie(a.number, a.origin) < std::tie(b.number, b.origin);
  });
}

void SiteReport::printText(raw_ostream &os) const {
  using Line = std::array<std::string, 11>;
  std::vector<Line> lines = {{"site", "entry", "phase", "scope", "op", "role",
                              "granularity", "format", "mode", "status",
                              "location"}};
  for (const Row &row : rows)
    lines.push_back({std::to_string(row.number), row.entry, row.phase,
                     row.scope, row.op, row.role, row.granularity, row.format,
                     row.mode, row.status, row.location});
  std::array<size_t, 11> widths{};
  for (Line &line : lines)
    for (auto [cell, width] : llvm::zip(line, widths)) {
      if (cell.empty())
        cell = "-";
      width = std::max(width, cell.size());
    }
  for (const Line &line : lines) {
    for (size_t i = 0; i + 1 < line.size(); ++i)
      os << llvm::left_justify(line[i], widths[i] + 2);
    os << line.back() << '\n';
  }
}

LogicalResult SiteReport::explain(int64_t number, raw_ostream &os) const {
  bool found = false;
  for (const Row &row : rows) {
    if (row.number != number)
      continue;
    found = true;
    os << "site " << number << ": " << row.op << ", role " << row.role
       << ", phase " << row.phase << ", scope \"" << row.scope << "\", "
       << row.status << '\n';
    os << "  decided by: " << (row.origin.empty() ? "no rule" : row.origin)
       << '\n';
    for (const std::string &other : row.otherMatches)
      os << "  also matches: " << other << '\n';
  }
  return success(found);
}
