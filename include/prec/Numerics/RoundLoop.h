// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// THE loop over arrays: everything is prepared but the elements. Compiled once
// for each instruction set that is worth it; the machine's best one runs. All
// give the same bits.
#ifndef PREC_NUMERICS_ROUNDLOOP_H
#define PREC_NUMERICS_ROUNDLOOP_H

#include "prec/Numerics/RoundParameters.h"
#include "prec/Numerics/RoundingMode.h"

#include <cstddef>
#include <span>
#include <vector>

namespace mlir::prec {

/// One call, for T float or double.
template <class T> struct RoundCall {
  using Word = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

  const T *in;
  T *out; ///< may be `in`
  size_t size;
  const RoundParameters<Word> &parameters;
  RoundingMode mode;
  /// Element i is rounded by the random word h32(key, firstPosition + i).
  uint64_t key = 0;
  uint64_t firstPosition = 0;
  /// Null, or for each `block` elements a number by which an element is
  /// divided, rounded, and multiplied again. The format is a float or a grid.
  const T *scales = nullptr;
  size_t block = 0;
  /// Each scale is 2^s, |s| < the carrier's bias, and a number that is not zero
  /// is not divided to zero. Otherwise scales are finite and not negative, or
  /// NaN, and results have the signs of what they are made of.
  bool scalesArePowers = true;
};

enum class LoopTarget : uint8_t { Portable, Avx2, Avx512 };

/// The loops that this machine can run, the best one last.
const std::vector<LoopTarget> &loopTargets();

/// Rounds with the best loop.
void roundLoop(const RoundCall<float> &call);
void roundLoop(const RoundCall<double> &call);
/// Rounds with the given one, which the machine can run.
void roundLoop(const RoundCall<float> &call, LoopTarget target);
void roundLoop(const RoundCall<double> &call, LoopTarget target);

/// Writes the greatest magnitude of each `block` elements (the last block may
/// be short): infinity or NaN if there is one.
void blockMaxima(std::span<const float> in, size_t block, float *maxima);
void blockMaxima(std::span<const double> in, size_t block, double *maxima);

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDLOOP_H
