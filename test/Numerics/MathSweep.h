// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions over runs of f32 bit patterns, by vectors: ours beside the C
// library's f64 function.
#ifndef PREC_TEST_NUMERICS_MATHSWEEP_H
#define PREC_TEST_NUMERICS_MATHSWEEP_H

#include "prec/Numerics/MathFunctions.h"

#include <span>
#include <vector>

namespace mlir::prec {

/// How far the C library's vector functions may be from the exact result, as a
/// share of it. glibc promises 4 units of the last place, 2^-50; the test looks
/// at samples.
inline constexpr double sweepError = 0x1p-48;
/// Closer to a tie than this, a reference with that error does not decide.
inline constexpr double sweepDoubt = 0x1p-46;

/// Compares the f32 function at `count` bit patterns from `first` on, a
/// multiple of 1024 of them. Appends those where the reference does not decide
/// or says otherwise. `wide` gets the reference at the first pattern, for
/// samples.
using MathSweep = void (*)(MathFunction function, uint32_t first,
                           uint32_t count, std::vector<uint32_t> &open,
                           double &wide);

/// The sweep for this machine; null if it has no AVX-512, or the C library no
/// vector functions.
MathSweep mathSweep();

#ifdef PREC_MATH_SWEEP
void mathSweepAvx512(MathFunction function, uint32_t first, uint32_t count,
                     std::vector<uint32_t> &open, double &wide);
#endif

} // namespace mlir::prec

#endif // PREC_TEST_NUMERICS_MATHSWEEP_H
