// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// First values of parameters, and shuffles, from a seed.
//
// Both use the random words of Numerics (mix64, h32) and IEEE arithmetic alone,
// so they are the same on every machine and for any number of threads.
#ifndef PREC_EXECUTION_INITIALISE_H
#define PREC_EXECUTION_INITIALISE_H

#include "prec/Execution/Signature.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::prec {

/// The tensor that an argument's `prec.init` asks for:
///
///   zeros          all 0
///   constant:C     all C
///   uniform:B      uniform in (-B, B)
///   normal:S       normal with mean 0 and standard deviation S
///   orthogonal:G   G times a matrix with orthonormal rows, or columns if there
///                  are more rows; dimension 0 counts the rows (Saxe et al.
///                  2014)
///
/// Behind a random one `:positive=P`, 0 <= P <= 1, keeps the magnitudes and
/// makes a share of exactly round(P n) of the n elements positive, the others
/// negative: those that come first in `shuffled` with the key's low word.
///
/// key = mix64(seed, hash64("init", name), 0). Element i of uniform is
/// (2 u - 1) B with u = (b + 0.5) / 2^53, b the high 53 bits of the words
/// h32(key, 2i), h32(key, 2i+1). Element i of normal is Marsaglia's polar
/// method: attempt t = 0, 1, ... takes the key k = mix64(key, i, t), u and v
/// from h32(k, 0..3) as 2 u - 1 above, until 0 < s = u^2 + v^2 < 1, and gives
/// S u sqrt(-2 ln(s) / s). Orthogonal is normal:1 whose shorter side's vectors
/// are made orthonormal one after the other by modified Gram and Schmidt,
/// twice. All in f64, then rounded to the dtype (f32, f64).
///
/// Errors: no prec.init, another word, a dynamic shape, another dtype.
llvm::Expected<Tensor> initialise(const ValueInfo &value, uint32_t seed);

/// The order of `count` samples in an epoch: Fisher and Yates' shuffle, which
/// for i = count-1 ... 1 swaps i with (w (i+1)) >> 32, w = h32(key, i),
/// key = mix64(seed, hash64("shuffle"), epoch). count is at most 2^32.
std::vector<uint32_t> shuffled(uint64_t count, uint32_t seed, uint64_t epoch);

} // namespace mlir::prec

#endif // PREC_EXECUTION_INITIALISE_H
