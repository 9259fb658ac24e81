// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops that are compiled for an instruction set of their own.
#ifndef PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H
#define PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H

#include "prec/Numerics/RoundLoop.h"

namespace mlir::prec {

/// What a target offers, see RoundLoop.h.
template <class T> struct RoundLoops {
  void (*roundLoop)(const RoundCall<T> &);
  size_t (*roundBlocks)(const RoundCall<T> &);
  T (*greatestMagnitude)(std::span<const T>);
  T (*leastMagnitude)(std::span<const T>);
};

void getRoundLoopsAvx2(RoundLoops<float> &f32, RoundLoops<double> &f64);
void getRoundLoopsAvx512(RoundLoops<float> &f32, RoundLoops<double> &f64);

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_ROUNDLOOPTARGETS_H
