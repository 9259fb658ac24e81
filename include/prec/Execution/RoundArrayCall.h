// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What compiled code calls to round an array whose elements share a scale.
#ifndef PREC_EXECUTION_ROUNDARRAYCALL_H
#define PREC_EXECUTION_ROUNDARRAYCALL_H

#include <cstdint>

namespace mlir::prec {

/// An unranked memref as MLIR's C interface passes it: words = {block, data,
/// offset, sizes, strides}, here always contiguous.
struct ArrayOfCall {
  int64_t rank;
  const int64_t *words;
};

/// Rounds `in` to `out` by RoundArray. `text` is the format's and the mode's
/// text, each with a zero at its end; `key` the call's key in stochastic modes.
/// T = float is the symbol prec_round_array_f32, double prec_round_array_f64
/// (the pass prec-call-round-array makes the calls).
template <class T>
void roundArrayOfCall(const char *text, uint64_t key, const ArrayOfCall *in,
                      const ArrayOfCall *out);

} // namespace mlir::prec

#endif // PREC_EXECUTION_ROUNDARRAYCALL_H
