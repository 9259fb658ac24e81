// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may be computed again rather than kept until it is used.
#ifndef PREC_CODEGEN_RECOMPUTE_H
#define PREC_CODEGEN_RECOMPUTE_H

#include "llvm/Support/CommandLine.h"

namespace mlir::prec {

enum class Recompute {
  None,  ///< everything is kept
  Cheap, ///< operations without a sum and of few instructions
  All,   ///< any operation on tensors
};

/// Their words, for flags of tools and options of passes.
inline llvm::cl::ValuesClass recomputeValues() {
  return llvm::cl::values(
      clEnumValN(Recompute::None, "none", "nothing"),
      clEnumValN(Recompute::Cheap, "cheap",
                 "operations without a sum, of few instructions (default)"),
      clEnumValN(Recompute::All, "all", "any operation on tensors"));
}

} // namespace mlir::prec

#endif // PREC_CODEGEN_RECOMPUTE_H
