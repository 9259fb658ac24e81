// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tables of text with aligned columns.
#ifndef PREC_ANALYSIS_TEXTTABLE_H
#define PREC_ANALYSIS_TEXTTABLE_H

#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace mlir::prec {

/// Lines of equal length, the first of them the titles; two spaces between
/// columns.
struct TextTable {
  std::vector<std::vector<std::string>> lines;
  /// The columns from here on are numbers and end at the right.
  size_t firstNumber = SIZE_MAX;
  /// Cells of this column lose their beginning ("..rest") until a line has at
  /// most `maxWidth` characters.
  size_t flexible = 0, maxWidth = SIZE_MAX;

  /// An empty cell is printed as "-".
  void print(llvm::raw_ostream &os) const;
};

/// The end of a text, behind "..", if it has more than `width` characters.
std::string shortened(llvm::StringRef text, size_t width);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_TEXTTABLE_H
