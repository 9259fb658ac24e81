// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays, compiled for machines with AVX2.
#include "RoundLoopTargets.h"

using namespace mlir::prec;

namespace {
struct Avx2 {
  static constexpr unsigned bytes = 32;
};
} // namespace

void mlir::prec::roundLoopAvx2(const RoundCall<float> &call) {
  RoundLoopFor<float, Avx2>::run(call);
}
void mlir::prec::roundLoopAvx2(const RoundCall<double> &call) {
  RoundLoopFor<double, Avx2>::run(call);
}
void mlir::prec::blockMaximaAvx2(std::span<const float> in, size_t block,
                                 float *maxima) {
  RoundLoopFor<float, Avx2>::maxima(in, block, maxima);
}
void mlir::prec::blockMaximaAvx2(std::span<const double> in, size_t block,
                                 double *maxima) {
  RoundLoopFor<double, Avx2>::maxima(in, block, maxima);
}
