// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of sites: which value is rounded how, and which rule said so.
#ifndef PREC_TRANSFORMS_SITEREPORT_H
#define PREC_TRANSFORMS_SITEREPORT_H

#include "prec/IR/PrecDialect.h"
#include "prec/Policy/PolicyMatcher.h"

namespace mlir::prec {

class Plan;
class RuleBook;
class SiteTable;

/// What is asked of a report.
enum class ReportForm { Text, Json, Csv, Summary };

/// One row for each site; an argument or constant that several rules govern
/// has one for each of them.
struct SiteReport {
  struct Row {
    int64_t number;
    std::string entry, phase, scope, op, role, granularity, format, mode;
    /// What a rule adds to the rounding, as behind a `+` of --round.
    std::string extra;
    /// rounded; exempt: in its format already; kept: by a rule or for want of
    /// one; uncovered: its rule's granularity does not contain it
    std::string status;
    std::string origin; ///< of the deciding rule; empty if there is none
    std::vector<std::string> otherMatches;
    std::string location; ///< file:line:column, or the name of the location
    /// Values in one call; none if a size is dynamic.
    std::optional<int64_t> elements;
    /// Operations in one call; of an operation its body's are part.
    std::optional<int64_t> flops;
    /// Is it inside a linalg operation that has a row of its own?
    bool isInside = false;
    /// Bits of the format, of the carrier if it is not rounded; run-time widths
    /// by their default.
    int bits = 0;
  };
  std::vector<Row> rows;

  /// Adds a function's rows.
  void add(const Plan &plan, const SiteTable &sites, RuleBook &book);

  void print(ReportForm form, llvm::raw_ostream &os) const;

  /// The deciding rule and the others that match, as they were written, of one
  /// site (a number) or of all in a scope (a pattern). Fails if there is none.
  LogicalResult explain(llvm::StringRef which, llvm::raw_ostream &os) const;

  /// The share of its function's operations, 0..1; none if not all are known.
  std::optional<double> flopsShare(const Row &row) const;

private:
  /// An aligned table; empty cells are "-".
  void printText(llvm::raw_ostream &os) const;
  /// An array of objects, one a row; what is not known is null.
  void printJson(llvm::raw_ostream &os) const;
  /// RFC 4180, the same keys as columns.
  void printCsv(llvm::raw_ostream &os) const;
  /// One line a layer: which role has how many bits; at most 80 columns and 24
  /// lines.
  void printSummary(llvm::raw_ostream &os) const;

  /// Of each function; none if one of its sites is not known.
  llvm::StringMap<std::optional<int64_t>> totalFlops;
};

/// Lists the sites that two policies treat differently, one line each.
void printDifference(const SiteReport &a, const SiteReport &b,
                     llvm::raw_ostream &os);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_SITEREPORT_H
