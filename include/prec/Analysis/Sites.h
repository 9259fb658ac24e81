// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sites of a module: every place where a value can be rounded, with its
// names and the key of its random bits, known before any policy is.
#ifndef PREC_ANALYSIS_SITES_H
#define PREC_ANALYSIS_SITES_H

#include "prec/IR/PrecDialect.h"
#include "prec/Words.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

/// What is read off the IR about one candidate. Scope and phase are inherited
/// from enclosing operations where an operation has none of its own.
struct Candidate {
  int64_t number;    ///< from 0, in program order through the module
  int64_t ordinal;   ///< among the candidates of its entry, phase and scope
  StringRef entry;   ///< function
  StringRef phase;   ///< a phase word
  StringRef scope;   ///< layer path, may be empty
  StringRef op;      ///< operation name, or argument's name
  StringRef role;    ///< a role word, given or derived
  StringRef opClass; ///< contraction, reduction, elementwise, other
  bool isArgument = false;
  StringRef name = {};  ///< of the value, may be empty
  StringRef rules = {}; ///< prec.policy at or around it, may be empty
};

/// What a value is called: an operation's prec.name, else the name of the
/// function's result that it becomes, else that of its location
/// (`loc("name")`); empty if there is none.
StringRef nameOf(Operation *op);
/// The rules that its author wrote at an operation or around it.
StringRef rulesOf(Operation *op);
/// The scope attribute of an operation or of the nearest enclosing one.
StringRef scopeOf(Operation *op);
/// The phase, likewise; the function's, or "forward", if nothing says.
StringRef phaseOf(Operation *op);

/// One of opClassWords: contraction, reduction or elementwise for a linalg
/// operation and what is in its body, elementwise or other for the rest.
StringRef classOf(Operation *op);

/// Gives every candidate of a module its number and key.
///
/// Candidates are, function by function in program order: the arguments that
/// hold carrier values (also memrefs), then each operation that makes carrier
/// values, those in the bodies of linalg operations (named ones too) after the
/// operation itself. Rounding one more of them changes no other's key.
class SiteTable {
public:
  explicit SiteTable(ModuleOp module);

  /// The candidate for an operation, null if it is none.
  const Candidate *lookup(Operation *op) const;
  /// The candidate for an argument of a function.
  const Candidate *lookup(func::FuncOp function, unsigned argument) const;

  /// Lets an operation take the place of another that is about to go.
  void transfer(Operation *from, Operation *to);

  /// The site attribute of a rounding of `candidate` at `granularity`. The
  /// results of one operation have keys of their own.
  static SiteAttr makeSite(MLIRContext *context, const Candidate &candidate,
                           Granularity granularity, unsigned result = 0);

private:
  void addFunction(func::FuncOp function);

  int64_t nextNumber = 0;
  llvm::DenseMap<std::pair<StringRef, StringRef>, int64_t> nextOrdinal;
  llvm::DenseMap<Operation *, Candidate> operations;
  llvm::DenseMap<std::pair<Operation *, unsigned>, Candidate> arguments;
};

} // namespace mlir::prec

#endif // PREC_ANALYSIS_SITES_H
