// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code may call outside itself.
//
// Everything on this list has one exactly defined result: memory (by our
// allocator, Buffers.h), copying, the OpenMP runtime, our rounding of arrays
// that share a scale (RoundArrayCall.h), reports that no result depends on
// (IndexReport.h, Profile.h, LiveBuffers.h), and the functions whose result
// IEEE 754 or integer arithmetic fixes (fma, sqrt, floor, conversions of narrow
// floats, ...). The host's exp, log, sin, ... are not on it: their bits differ
// from machine to machine, so a program that calls them is refused.
#ifndef PREC_EXECUTION_SYMBOLS_H
#define PREC_EXECUTION_SYMBOLS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mlir::prec {

/// The address of a symbol, or null if it is not on the list.
void *resolveSymbol(llvm::StringRef name);

/// The error for a symbol that is not.
llvm::Error unresolvedSymbol(llvm::StringRef name);

} // namespace mlir::prec

#endif // PREC_EXECUTION_SYMBOLS_H
