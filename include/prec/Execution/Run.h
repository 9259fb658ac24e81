// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A call whose arguments and results are files.
//
// Arguments: a named file goes to the argument of that name; then the archive
// of weights fills arguments by name; the other files fill what is left in the
// signature's order. Outputs: the results, then the memref arguments, which the
// function may have written.
#ifndef PREC_EXECUTION_RUN_H
#define PREC_EXECUTION_RUN_H

#include "prec/Execution/Engine.h"
#include "prec/Execution/Signature.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir::prec {

/// What `[NAME=]x.npy` says; a name has no slash.
struct NamedFile {
  std::string name; ///< empty: by position
  std::string path;
  static NamedFile parse(llvm::StringRef text);
};

/// Reads all arguments. `weights` is an .npz file or empty. Errors: what the
/// readers find, a name the function does not have or that is given twice, too
/// few or too many files; shapes are checked by the call.
llvm::Expected<std::vector<Tensor>>
readArguments(const Signature &signature, llvm::ArrayRef<NamedFile> inputs,
              llvm::StringRef weights);

/// Writes the outputs that are asked for; without any, prints all on `out`.
/// Errors: what the writer finds, a name that no output has, more files than
/// outputs.
llvm::Error writeOutputs(const Signature &signature,
                         llvm::ArrayRef<Tensor> results,
                         llvm::ArrayRef<Tensor> arguments,
                         llvm::ArrayRef<NamedFile> outputs,
                         llvm::raw_ostream &out);

/// Prints type and elements, each with the digits that read back to it.
void print(llvm::raw_ostream &out, llvm::StringRef name, const Tensor &tensor);

/// What `--print-timing=FILE` writes:
/// {"phases": {name: seconds}, "compile_seconds", "run_seconds", "cache_hit",
/// "peak_bytes"}; the last is the most that all arrays and temporaries took at
/// one time.
struct Timing {
  /// In order; compile_seconds is their sum.
  std::vector<std::pair<std::string, double>> phases;
  std::vector<double> runSeconds;
  bool cacheHit = false;
  uint64_t peakBytes = 0;

  /// Appends the engine's phases and takes over its cache_hit.
  void add(const EngineReport &report);
};
std::string toJson(const Timing &timing);

} // namespace mlir::prec

#endif // PREC_EXECUTION_RUN_H
