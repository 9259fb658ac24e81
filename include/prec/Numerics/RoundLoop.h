// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// THE loop over arrays: everything is prepared but the elements. Compiled once
// for each instruction set that is worth it; the machine's best one runs. All
// give the same bits.
#ifndef PREC_NUMERICS_ROUNDLOOP_H
#define PREC_NUMERICS_ROUNDLOOP_H

#include "prec/Numerics/BlockScales.h"
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
  /// The elements of a block, and what gives it a scale, if roundBlocks is
  /// called: one of these. The format is a signed float or a grid, and
  /// saturates.
  size_t block = 0;
  const SharedExponent<Word> *exponents = nullptr;
  const TwoLevelScale<Word> *twoLevels = nullptr;
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

/// Divides each element by its block's scale, rounds, and multiplies again; the
/// last block may be short. Ends before the first block whose scale is not
/// ordinary, or one of whose positions has another high word than the first
/// one, and returns the number of elements before it. A shared exponent is
/// ordinary if the block's greatest magnitude is zero or a normal number, and
/// the scale and its inverse are normal numbers; the scale of two levels if the
/// greatest magnitude is zero, or finite and less than 16 times it.
size_t roundBlocks(const RoundCall<float> &call);
size_t roundBlocks(const RoundCall<double> &call);
size_t roundBlocks(const RoundCall<float> &call, LoopTarget target);
size_t roundBlocks(const RoundCall<double> &call, LoopTarget target);

/// The greatest magnitude: infinity or NaN if there is one.
float greatestMagnitude(std::span<const float> in);
double greatestMagnitude(std::span<const double> in);
/// The least magnitude that is not zero: infinity if there is none.
float leastMagnitude(std::span<const float> in);
double leastMagnitude(std::span<const double> in);

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDLOOP_H
