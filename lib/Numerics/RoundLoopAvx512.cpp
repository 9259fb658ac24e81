// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays, compiled for machines with AVX-512.
#include "RoundLoopTargets.h"

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

void mlir::prec::roundLoopAvx512(const RoundCall<float> &call) {
  RoundLoopFor<float, Avx512>::run(call);
}
void mlir::prec::roundLoopAvx512(const RoundCall<double> &call) {
  RoundLoopFor<double, Avx512>::run(call);
}
void mlir::prec::blockMaximaAvx512(std::span<const float> in, size_t block,
                                   float *maxima) {
  RoundLoopFor<float, Avx512>::maxima(in, block, maxima);
}
void mlir::prec::blockMaximaAvx512(std::span<const double> in, size_t block,
                                   double *maxima) {
  RoundLoopFor<double, Avx512>::maxima(in, block, maxima);
}
