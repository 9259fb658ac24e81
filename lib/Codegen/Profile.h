// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The calls that prec-profile-kernels puts around each kernel.
#ifndef PREC_CODEGEN_PROFILE_H
#define PREC_CODEGEN_PROFILE_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

inline constexpr StringLiteral kProfileBegin = "prec_profile_begin",
                               kProfileEnd = "prec_profile_end";

/// A call that only measures: it touches no memory of the program.
bool isProfileCall(Operation *op);

/// Erases an operation, with the calls around it if it has some.
void eraseProfiled(RewriterBase &rewriter, Operation *op);

} // namespace mlir::prec

#endif // PREC_CODEGEN_PROFILE_H
