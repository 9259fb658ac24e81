// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code calls to round an array whose elements share a scale.
#ifndef PREC_EXECUTION_ROUNDARRAYCALL_H
#define PREC_EXECUTION_ROUNDARRAYCALL_H

#include <cstdint>

namespace mlir::prec {

/// Rounds the `size` elements at `in` to `out` by RoundArray. `text` is the
/// format's and the mode's text, each with a zero at its end; `key` the call's
/// key in stochastic modes; `lastAxis` and `inner` as RoundArray takes them;
/// `numbers` and `moreNumbers` hold what stands for each `?`, two to a word,
/// the first one low, and zeros where there is none. The arrays are MLIR's
/// one-dimensional memrefs {block, data, offset, size, stride} without offset
/// and with stride 1. T = float is the symbol prec_round_array_f32, double
/// prec_round_array_f64 (prec-call-round-array makes the calls).
template <class T>
void roundArrayOfCall(const char *text, uint64_t key, int64_t lastAxis,
                      int64_t inner, uint64_t numbers, uint64_t moreNumbers,
                      const T *inBlock, const T *in, int64_t inOffset,
                      int64_t size, int64_t inStride, T *outBlock, T *out,
                      int64_t outOffset, int64_t outSize, int64_t outStride);

} // namespace mlir::prec

#endif // PREC_EXECUTION_ROUNDARRAYCALL_H
