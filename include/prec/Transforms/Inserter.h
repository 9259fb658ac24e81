// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Carries a plan out on one function.
#ifndef PREC_TRANSFORMS_INSERTER_H
#define PREC_TRANSFORMS_INSERTER_H

#include "prec/IR/Bufferization.h"
#include "prec/Transforms/Feedback.h"
#include "prec/Transforms/Plan.h"
#include "prec/Transforms/RandomWords.h"
#include "prec/Transforms/ScaleRounds.h"

namespace mlir::prec {

/// Inserts the roundings of a plan. Keys, run-time parameters and the
/// roundings of arguments stand at the function's entry, all others behind the
/// operation they round.
class Inserter {
public:
  Inserter(func::FuncOp function, const SiteTable &sites, const Policy &policy);

  LogicalResult insert(const Plan::Entry &entry);
  LogicalResult insert(const Plan::Definition &definition);
  /// Roundings of the buffer arguments that the function writes, at its end,
  /// for rules whose granularity does not cover the writes themselves. To be
  /// called after all entries.
  LogicalResult finish();

  /// The roundings that were inserted for rules with feedback.
  ArrayRef<FeedbackRound> feedback() const { return feedbackRounds; }
  /// ... for rules with a scale.
  ArrayRef<ScaledRound> scaled() const { return scaledRounds; }

  /// The run-time numbers of these names, real ones as two words.
  SmallVector<Value> numbersOf(ArrayRef<std::string> names,
                               ArrayRef<Action::RuntimeNumber> numbers);

private:
  RoundSpec specFor(const Action &action, SiteAttr site);
  FailureOr<Value> roundValue(OpBuilder &builder, Value value, Operation *op,
                              const Rule &rule, SiteAttr site,
                              SiteAttr accumulator);
  FailureOr<Value> randomFor(OpBuilder &builder, Value value, Operation *op,
                             const RoundingMode &mode, SiteAttr site,
                             SiteAttr accumulator, ValueRange parameters);
  ScaledRound scaledRound(RoundOp round, const Rule &rule);
  LogicalResult nameInserted(RoundOp round, Operation *op, SiteAttr site);
  LogicalResult insertConstant(const Plan::Entry &entry, const Rule &rule,
                               SiteAttr site);
  LogicalResult insertBuffer(const Plan::Entry &entry, const Rule &rule,
                             SiteAttr site);
  LogicalResult roundBufferOutputs(const Plan::Definition &definition,
                                   const Rule &rule,
                                   const Candidate &candidate);

  func::FuncOp function;
  const SiteTable &sites;
  const Policy &policy;
  RandomWords words;
  /// The first operation of the function as it was: entries go before it.
  Operation *anchor;
  llvm::StringMap<Value> parameters;
  llvm::DenseMap<Value, size_t> writtenBuffers;
  SmallVector<FeedbackRound> feedbackRounds;
  SmallVector<ScaledRound> scaledRounds;
};

/// Is the buffer, or a view of it, written anywhere? Uses that are not known to
/// read only count as writes.
bool isWritten(Value buffer);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_INSERTER_H
