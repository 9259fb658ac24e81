// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A reduction as 16 interleaved partial results, joined by a fixed tree.
//
//   element k -> partial k mod 16      p[i] = c(p[i], p[i+h]), h = 8, 4, 2, 1
//
//        elements  16 q + l            lanes l = 0..15, chunks q ascend
//        remainder                     the last K mod 16 elements, lanes 0..
//        tree, then the initial value
//
// Each becomes a linalg.generic: the lanes are a parallel dimension of 16,
// which is one vector register on the widest machines and several on others.
#ifndef PREC_CODEGEN_PARTIALRESULTS_H
#define PREC_CODEGEN_PARTIALRESULTS_H

#include "prec/Analysis/Contraction.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::prec {

/// How many interleaved partial results a reduction has.
inline constexpr int64_t numPartials = 16;

/// Builds the reduction `op` (on tensors, one result, the form that
/// prec-fix-order checks) in that order; a given `dot` is a contraction without
/// parallel dimensions. Returns the value of its result.
Value buildPartialResults(RewriterBase &rewriter, linalg::GenericOp op,
                          const std::optional<Contraction> &dot);

} // namespace mlir::prec

#endif // PREC_CODEGEN_PARTIALRESULTS_H
