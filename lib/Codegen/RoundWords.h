// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words of a rounding's format and run-time numbers as arith operations.
#ifndef PREC_LIB_CODEGEN_ROUNDWORDS_H
#define PREC_LIB_CODEGEN_ROUNDWORDS_H

#include "prec/Codegen/ArithOps.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/RoundParameters.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::prec {

using RoundWords = RoundParameters<ArithOps::Word>;

/// Where `ops` emits; constants if no number is known at run time only. The
/// width of `ops` is that of the carrier.
RoundWords roundWordsOf(ArithOps &ops, RoundOp round);

/// Something that is computed of them, such as an exponent, or a fact.
using WordOf = llvm::function_ref<ArithOps::Word(ArithOps &, RoundWords &)>;
using BitOf = llvm::function_ref<ArithOps::Bit(ArithOps &, RoundWords &)>;

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_ROUNDWORDS_H
