// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A policy together with the rules that authors wrote at operations.
#ifndef PREC_TRANSFORMS_RULEBOOK_H
#define PREC_TRANSFORMS_RULEBOOK_H

#include "prec/Policy/PolicyMatcher.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::prec {

/// The rules of a policy, and behind them those of each different
/// `prec.policy`, a list of
///
///   F[:M][@G][+ADDITION]   for the operation and what is in it
///   SELECTOR=F...          the same for some of that
///   sum=ORDER[:fused|:separate]
///
/// parted by `;`. A site sees those written at it, or at the nearest operation
/// around it that has some; arguments and constants see their user's.
class RuleBook {
public:
  explicit RuleBook(const Policy &policy);

  /// Reads the attributes of a module. A bad one is a located error.
  LogicalResult readOverrides(ModuleOp module);

  /// Is there a rule with a gradient? It matches in phases forward and eval
  /// only, since its roundings are there before backward and update are.
  bool hasGradients() const { return !gradientRules.empty(); }
  /// All rules; those of the policy come first.
  const Policy &policy() const { return merged; }
  /// The rule that decides about a site's rounding.
  std::optional<size_t> match(const SiteView &site);
  /// All rules that match, ascending.
  std::vector<size_t> matches(const SiteView &site);
  std::vector<PolicyMatcher::Unmatched> unmatched() const;

private:
  Policy merged;
  PolicyMatcher matcher;
  /// Those with a gradient, and whether they matched.
  llvm::MapVector<size_t, bool> gradientRules;
  /// The rules of each text: first, and one behind the last.
  llvm::StringMap<std::pair<size_t, size_t>> overrides;
};

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_RULEBOOK_H
