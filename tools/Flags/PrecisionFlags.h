// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The precision flags of every tool, bound to LLVM's command line.
#ifndef PREC_TOOLS_FLAGS_PRECISIONFLAGS_H
#define PREC_TOOLS_FLAGS_PRECISIONFLAGS_H

#include "prec/Policy/PolicyBuilder.h"
#include "llvm/Support/CommandLine.h"

#include <memory>

namespace mlir::prec {

/// Registers the flags while it lives: a local of main, made before the command
/// line is parsed.
///
///   PrecisionFlags flags;
///   llvm::cl::ParseCommandLineOptions(argc, argv, "...");
///   if (std::optional<int> code = flags.answerAndStop())
///     return *code;
///   llvm::Expected<Policy> policy = flags.policy();
class PrecisionFlags {
public:
  /// A tool that makes no training step refuses `--loss-scale`, unless it only
  /// prints the policy; files that say one are for other tools too.
  explicit PrecisionFlags(PolicyBuilder::Options options = {},
                          bool makesSteps = false);
  ~PrecisionFlags();
  PrecisionFlags(const PrecisionFlags &) = delete;
  PrecisionFlags &operator=(const PrecisionFlags &) = delete;

  /// The heading of the flags in --help.
  static llvm::cl::OptionCategory &category();

  /// The flags, in the order of the command line, as a policy; empty without
  /// any.
  llvm::Expected<Policy> policy() const;

  /// Serves `--list-formats`, `--describe-format` and `--print-policy`, which
  /// need no model: prints on standard output and gives the exit code. Nothing
  /// if the tool is to go on.
  std::optional<int> answerAndStop() const;

private:
  using TextFlag = llvm::cl::list<std::string>;

  PolicyBuilder::Options options;
  bool makesSteps;
  /// Each may stand more than once; which one counts is the builder's matter.
  std::vector<std::unique_ptr<TextFlag>> texts;
  llvm::cl::opt<bool> listFormats;
  llvm::cl::opt<std::string> describeFormat;
  llvm::cl::opt<bool> printPolicy, strict, keepNarrow, widenNarrow;
};

} // namespace mlir::prec

#endif // PREC_TOOLS_FLAGS_PRECISIONFLAGS_H
