// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the flags of a command line to a policy.
#ifndef PREC_POLICY_POLICYBUILDER_H
#define PREC_POLICY_POLICYBUILDER_H

#include "prec/Policy/Policy.h"

namespace mlir::prec {

/// Takes the flags in the order of the command line:
///
///   truncate-mantissa=N truncate-bits=N format=F   the format of everything;
///                                                  the last one wins
///   rounding=M granularity=G                       what rules that do not say
///                                                  otherwise use; last wins
///   round=SELECTOR=F[:M][@G][+ADDITION]            one rule; the addition is
///                                                  feedback, a scale or a
///                                                  gradient
///   sum=[SELECTOR=]ORDER[:fused|:separate]         one rule about sums
///   policy=FILE                                    the rules of a file
///   seed=N random=KIND carrier=C loss-scale=S      last wins
///
/// The format of everything is one rule that is weaker than every
/// `--round` beside it, wherever it stands on the line: the special survives
/// the general. A `--policy` parts the line: its rules win over what stands
/// before it and lose against what stands after it.
///
/// Defaults: truncation rounds toward zero, every other format to
/// nearest-even; granularity is op, for a rule about products or accumulators
/// only it is elementary.
class PolicyBuilder {
public:
  struct Options {
    /// May a number be a list, one run for each (`--truncate-mantissa=1,2,3`)?
    bool allowSweep = false;
  };

  PolicyBuilder() = default;
  explicit PolicyBuilder(Options options) : options(options) {}

  /// The flags' names without dashes, for tools that bind them.
  static llvm::ArrayRef<llvm::StringRef> flagNames();

  /// Fails on an unknown flag and on a bad value: the text names flag and
  /// value, says what was expected and suggests the nearest word.
  llvm::Error apply(llvm::StringRef flag, llvm::StringRef value);
  /// Adds the rules of a policy that was read before, as `policy=` does.
  void append(Policy policy);
  /// The merged policy. Fails if `rounding` or `granularity` was given with
  /// nothing to apply it to. The builder is empty afterwards.
  llvm::Expected<Policy> finish();

private:
  /// A value as the user wrote it: `--rounding=stochastic`.
  template <typename T> struct Flag {
    T value;
    std::string written;
  };
  /// A rule before the defaults are known.
  struct Draft {
    Rule rule;
    bool hasMode = false, hasGranularity = false;
  };
  /// What stands on the line behind one `--policy` and before the next.
  struct Stretch {
    Policy file;
    std::optional<Draft> everything;
    std::vector<Draft> special;
  };

  llvm::Error applyWidth(llvm::StringRef flag, llvm::StringRef value);
  llvm::Error applyRound(llvm::StringRef value);
  llvm::Error applySum(llvm::StringRef value);
  void setEverything(llvm::StringRef written, Action action,
                     std::vector<int32_t> sweep);
  Rule complete(Draft draft) const;

  Options options;
  std::vector<Stretch> stretches = std::vector<Stretch>(1);
  std::optional<Flag<RoundingMode>> mode;
  std::optional<Flag<Granularity>> granularity;
  std::optional<uint32_t> seed;
  std::optional<RandomKind> random;
  std::optional<Carrier> carrier;
  std::optional<LossScaling> lossScale;
  /// The values of a list in the format of everything.
  std::vector<int32_t> sweep;
};

} // namespace mlir::prec

#endif // PREC_POLICY_POLICYBUILDER_H
