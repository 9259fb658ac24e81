// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Policy::match for many sites: the same answers, faster.
#ifndef PREC_POLICY_POLICYMATCHER_H
#define PREC_POLICY_POLICYMATCHER_H

#include "prec/Policy/Policy.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace mlir::prec {

/// Decides as Policy::match does. Sites share scopes, operations, roles, so the
/// tests of all rules are made once for each different string of a field; a
/// site's outcomes are the union of those of its strings, and sites with equal
/// outcomes share their decision. 10,000 sites and 500 rules take some 20 ms.
///
/// It remembers what it saw: not for several threads at once. The policy must
/// outlive it and stay as it is.
class PolicyMatcher {
public:
  explicit PolicyMatcher(const Policy &policy);

  /// The rule that decides about the site.
  std::optional<size_t> match(const SiteView &site);
  /// All rules that match, ascending.
  const std::vector<size_t> &matches(const SiteView &site);

  /// A rule that matched none of the sites that were asked about.
  struct Unmatched {
    size_t rule;
    /// What comes near: similar names, or the site that all but one part of
    /// the selector match.
    std::string nearMisses;
  };
  std::vector<Unmatched> unmatched() const;

private:
  using Bits = std::vector<uint64_t>;
  /// A selector whose tests are numbers of bits.
  struct Expression {
    Selector::Kind kind;
    unsigned test = 0;
    std::vector<Expression> operands;

    bool holds(const Bits &outcomes) const;
  };
  /// A pattern, and its bit in the outcomes.
  struct Test {
    const Glob *glob;
    unsigned bit;
  };
  static constexpr size_t numColumns = 7;
  /// The tests that look at one field, and their outcomes for each string.
  struct Column {
    std::vector<Test> tests;
    llvm::StringMap<Bits> outcomes;
  };
  /// What is known about the sites with equal outcomes.
  struct Decision {
    std::vector<size_t> rules;
    /// The fields of the first such site, in the order of the columns.
    std::array<std::string, numColumns> example;
  };

  Expression compile(const Selector &selector);
  void unite(Bits &outcomes, Column &column, llvm::StringRef text) const;
  const Decision &decide(const SiteView &site);
  std::string nearMisses(const Selector &selector,
                         const Expression &expression) const;
  std::string similarNames(const Selector &test) const;
  bool holdsSomewhere(const Expression &expression) const;

  const Policy &policy;
  std::vector<Expression> rules;
  /// In the order of Selector::Field, after Word, which looks at three.
  Column columns[numColumns];
  std::map<std::pair<Selector::Field, std::string>, unsigned> testNumbers;
  std::map<Bits, Decision> decisions;
};

} // namespace mlir::prec

#endif // PREC_POLICY_POLICYMATCHER_H
