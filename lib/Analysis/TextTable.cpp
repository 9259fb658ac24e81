// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tables of text with aligned columns.
#include "prec/Analysis/TextTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir::prec;

std::string mlir::prec::shortened(llvm::StringRef text, size_t width) {
  if (text.size() <= width)
    return text.str();
  return ".." + text.take_back(width < 2 ? 0 : width - 2).str();
}

void TextTable::print(llvm::raw_ostream &os) const {
  if (lines.empty())
    return;
  auto cellOf = [](const std::string &cell) {
    return cell.empty() ? llvm::StringRef("-") : llvm::StringRef(cell);
  };
  std::vector<size_t> widths(lines[0].size());
  for (const auto &line : lines)
    for (auto [cell, width] : llvm::zip_equal(line, widths))
      width = std::max(width, cellOf(cell).size());
  size_t rest = 2 * (widths.size() - 1);
  for (auto [i, width] : llvm::enumerate(widths))
    rest += i == flexible ? 0 : width;
  constexpr size_t least = 8;
  if (maxWidth != SIZE_MAX)
    widths[flexible] = std::min(
        widths[flexible], maxWidth > rest + least ? maxWidth - rest : least);
  for (const auto &line : lines) {
    for (auto [i, cell] : llvm::enumerate(line)) {
      std::string text = i == flexible ? shortened(cellOf(cell), widths[i])
                                       : cellOf(cell).str();
      bool isLast = i + 1 == line.size();
      if (i >= firstNumber)
        os << llvm::right_justify(text, widths[i]);
      else if (isLast)
        os << text;
      else
        os << llvm::left_justify(text, widths[i]);
      os << (isLast ? "" : "  ");
    }
    os << '\n';
  }
}
