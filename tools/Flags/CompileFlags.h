// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The flags of every tool that compiles and runs: threads, target, cache,
// times.
#ifndef PREC_TOOLS_FLAGS_COMPILEFLAGS_H
#define PREC_TOOLS_FLAGS_COMPILEFLAGS_H

#include "prec/Driver/Compile.h"
#include "llvm/Support/CommandLine.h"

namespace mlir::prec {

/// Registers the flags while it lives: a local of main, made before the command
/// line is parsed.
class CompileFlags {
public:
  CompileFlags();

  /// The heading of the flags in --help.
  static llvm::cl::OptionCategory &category();

  CompileOptions options() const;
  /// Where the times go; empty: nowhere.
  std::string timingFile() const { return timing; }

private:
  llvm::cl::opt<unsigned> threads;
  llvm::cl::opt<int> optLevel;
  llvm::cl::opt<std::string> cpu, cacheDirectory, timing, profile;
  llvm::cl::opt<bool> memory, noCache, plain;
  llvm::cl::opt<Recompute> recompute;
};

} // namespace mlir::prec

#endif // PREC_TOOLS_FLAGS_COMPILEFLAGS_H
