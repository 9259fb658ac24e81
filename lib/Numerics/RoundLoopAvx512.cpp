// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops over arrays, compiled for machines with AVX-512.
#include "RoundLoopFor.h"

using namespace mlir::prec;

namespace {
struct Avx512 {
#ifdef __clang__ // two registers a word: g++ takes those apart
  static constexpr unsigned bytes = 128;
#else
  static constexpr unsigned bytes = 64;
#endif
};
} // namespace

void mlir::prec::getRoundLoopsAvx512(RoundLoops<float> &f32,
                                     RoundLoops<double> &f64) {
  f32 = RoundLoopFor<float, Avx512>::loops();
  f64 = RoundLoopFor<double, Avx512>::loops();
}
