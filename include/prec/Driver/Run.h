// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One function of a model on arrays from files: what prec-run does.
#ifndef PREC_DRIVER_RUN_H
#define PREC_DRIVER_RUN_H

#include "prec/Driver/Compile.h"

namespace mlir::prec {

struct RunOptions {
  std::string model;
  /// A public function; empty: the only one.
  std::string entry;
  /// `x.npy` or `NAME=x.npy`. Those without a name go to the arguments that
  /// nothing names, in the order of the signature.
  std::vector<std::string> inputs, outputs;
  /// Arguments by name from an .npz; empty: none.
  std::string weights;
  /// For stochastic rounding and schedules.
  uint32_t step = 0;
  unsigned repeat = 1;
  /// Where the times go, as JSON; empty: nowhere.
  std::string timingFile;
  Policy policy;
  CompileOptions compile;
};

/// Runs; results without an output file are printed to `os`. Memref arguments
/// are in-out and come as outputs behind the results.
llvm::Error runModel(const RunOptions &options, llvm::raw_ostream &os);

/// The defaults of a function's run-time numbers with the step put in.
std::vector<int32_t> contextFor(const Function &function, uint32_t step);

/// Writes the timing as JSON, whole or not at all; an empty path is nowhere.
llvm::Error writeTiming(llvm::StringRef path, Timing timing);

} // namespace mlir::prec

#endif // PREC_DRIVER_RUN_H
