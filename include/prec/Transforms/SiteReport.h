// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of sites: which value is rounded how, and which rule said so.
#ifndef PREC_TRANSFORMS_SITEREPORT_H
#define PREC_TRANSFORMS_SITEREPORT_H

#include "prec/IR/PrecDialect.h"
#include "prec/Policy/Policy.h"

namespace mlir::prec {

/// One row for each site that a rule covers or keeps.
struct SiteReport {
  struct Row {
    int64_t number;
    std::string entry, phase, scope, op, role, granularity, format, mode;
    std::string status; ///< rounded, exempt, kept, narrow
    std::string origin; ///< of the deciding rule; empty if there is none
    std::vector<std::string> otherMatches;
    std::string location; ///< file:line:column, or the name of the location
  };
  std::vector<Row> rows;

  /// Sorts by number.
  void sort();
  /// An aligned table; empty cells are "-".
  void printText(llvm::raw_ostream &os) const;
  /// The deciding rule and the others that match, as they were written.
  /// Fails if no row has that number.
  LogicalResult explain(int64_t number, llvm::raw_ostream &os) const;
};

/// "file.mlir:3:5", or what is most telling of a fused or named location.
std::string describe(Location location);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_SITEREPORT_H
