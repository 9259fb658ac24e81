// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is to be rounded where, decided before anything is changed.
#ifndef PREC_TRANSFORMS_PLAN_H
#define PREC_TRANSFORMS_PLAN_H

#include "prec/Analysis/Operations.h"
#include "prec/Analysis/Sites.h"
#include "prec/Transforms/RuleBook.h"
#include "prec/Transforms/Summation.h"

#include "llvm/ADT/MapVector.h"

namespace mlir::prec {

/// Is it a part of an argument that a loop over parts of a batch takes? Samples
/// are rounded in their part.
bool isPart(Operation *op);

/// The roundings of a value that rules with a gradient inserted before its
/// function was differentiated. Those of an argument may be of its parts in a
/// loop over parts of a batch, or of what the loop carries instead of it.
SmallVector<RoundOp> insertedRounds(Value value);

/// What a policy may look at about a candidate itself.
SiteView viewOf(const Candidate &candidate);

/// Decides, for one function and one policy, which values are rounded.
///
/// A value is covered if the rule that decides about its site has a granularity
/// whose set contains it. A covered value is in its rule's format: either it is
/// rounded, or it is exempt, because it is closed under the format and all it
/// is made from is in the same format already.
class Plan {
public:
  /// A rounding of an operation's results (or, in a linalg operation on
  /// buffers, of its outputs).
  struct Definition {
    Operation *op;
    size_t rule;
    bool isExempt;
    /// Was it inserted before the function was differentiated?
    bool isInserted = false;
  };
  /// A rounding of an argument, a part of it or a constant, for those of its
  /// uses that one rule governs.
  struct Entry {
    Value value;
    const Candidate *candidate;
    size_t rule;
    bool isExempt;
    SmallVector<OpOperand *> uses;
    /// What the policy was asked about the first of them.
    SiteView view;
    /// The rounding, if it was inserted before the function was
    /// differentiated.
    RoundOp inserted = {};
  };
  /// Uses of an argument that a `keep` rule or no rule leaves unrounded.
  struct KeptEntry {
    Value value;
    const Candidate *candidate;
    SiteView view;
  };

  /// An operation about whose sum a rule says something.
  struct Sum {
    linalg::LinalgOp op;
    SumSpec spec;
    /// The rule that says the order.
    std::optional<size_t> ruleOfOrder;
  };

  Plan(func::FuncOp function, const SiteTable &sites, RuleBook &book)
      : entry(function), sites(sites), policy(book.policy()), book(book) {}

  /// Makes the plan. Operations that make floats and cannot be rounded where a
  /// rule covers them are located errors.
  LogicalResult make();

  func::FuncOp function() const { return entry; }

  ArrayRef<Definition> definitions() const { return allDefinitions; }
  ArrayRef<Entry> entries() const { return allEntries; }
  /// Operations that a `keep` rule or no rule leaves unrounded.
  ArrayRef<Operation *> kept() const { return allKept; }
  ArrayRef<KeptEntry> keptEntries() const { return allKeptEntries; }
  ArrayRef<Sum> sums() const { return allSums; }
  /// Operations whose rule's granularity does not contain them.
  ArrayRef<Operation *> uncovered() const { return allUncovered; }
  /// Narrow results that stay as their author wrote them.
  ArrayRef<Operation *> keptNarrow() const { return allNarrow; }

  /// The rule for an operation's own site, if there is one that rounds.
  std::optional<size_t> ruleFor(Operation *op) const;

private:
  std::optional<size_t> match(const SiteView &view) const;
  /// What the policy is asked about a use of an argument or constant; none if
  /// the use does not read the value.
  std::optional<SiteView> viewOfUse(Value value, OpOperand &use) const;
  std::optional<size_t> ruleForUse(Value value, OpOperand &use) const;
  /// The rule of a rounding that was inserted before the function was
  /// differentiated.
  std::optional<size_t> ruleOfInserted(RoundOp round) const;
  bool covers(const Action &action, Operation *op) const;
  bool crosses(Operation *op, Granularity granularity) const;

  /// The format that a value is known to be in; null if none, `any` for values
  /// that are nothing in particular (tensor.empty).
  struct State;
  State stateOf(Value value) const;
  State stateAtUse(OpOperand &use) const;
  State bodyState(linalg::LinalgOp op, unsigned output) const;
  bool isExempt(Operation *op, const Action &action) const;

  LogicalResult addOperation(Operation *op);
  void addSum(linalg::LinalgOp op);
  void addEntries(Value value, const Candidate *candidate);

  mutable func::FuncOp entry;
  const SiteTable &sites;
  const Policy &policy;
  RuleBook &book;
  SmallVector<Definition> allDefinitions;
  SmallVector<Entry> allEntries;
  SmallVector<Sum> allSums;
  SmallVector<KeptEntry> allKeptEntries;
  SmallVector<Operation *> allKept, allUncovered, allNarrow;
  mutable llvm::DenseSet<Value> inProgress;
};

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_PLAN_H
