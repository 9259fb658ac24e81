// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops over arrays, compiled for machines with AVX2.
#include "RoundLoopFor.h"

using namespace mlir::prec;

namespace {
struct Avx2 {
  static constexpr unsigned bytes = 32;
};
} // namespace

void mlir::prec::getRoundLoopsAvx2(RoundLoops<float> &f32,
                                   RoundLoops<double> &f64) {
  f32 = RoundLoopFor<float, Avx2>::loops();
  f64 = RoundLoopFor<double, Avx2>::loops();
}
