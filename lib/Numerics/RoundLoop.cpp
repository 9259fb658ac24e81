// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loop over arrays for every machine, and the choice of a better one.
#include "RoundLoopTargets.h"

using namespace mlir::prec;

namespace {
/// 128-bit vectors: SSE2, NEON.
struct Portable {
  static constexpr unsigned bytes = 16;
};
} // namespace

const std::vector<LoopTarget> &mlir::prec::loopTargets() {
  static const std::vector<LoopTarget> targets = [] {
    std::vector<LoopTarget> result = {LoopTarget::Portable};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
      result.push_back(LoopTarget::Avx2);
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      result.push_back(LoopTarget::Avx512);
#endif
    return result;
  }();
  return targets;
}

template <class T>
static void runOn(const RoundCall<T> &call, LoopTarget target) {
  switch (target) {
#ifdef __x86_64__
  case LoopTarget::Avx512:
    return roundLoopAvx512(call);
  case LoopTarget::Avx2:
    return roundLoopAvx2(call);
#endif
  default:
    return RoundLoopFor<T, Portable>::run(call);
  }
}

template <class T>
static void maximaOn(std::span<const T> in, size_t block, T *maxima,
                     LoopTarget target) {
  switch (target) {
#ifdef __x86_64__
  case LoopTarget::Avx512:
    return blockMaximaAvx512(in, block, maxima);
  case LoopTarget::Avx2:
    return blockMaximaAvx2(in, block, maxima);
#endif
  default:
    return RoundLoopFor<T, Portable>::maxima(in, block, maxima);
  }
}

void mlir::prec::roundLoop(const RoundCall<float> &call, LoopTarget target) {
  runOn(call, target);
}
void mlir::prec::roundLoop(const RoundCall<double> &call, LoopTarget target) {
  runOn(call, target);
}
void mlir::prec::roundLoop(const RoundCall<float> &call) {
  runOn(call, loopTargets().back());
}
void mlir::prec::roundLoop(const RoundCall<double> &call) {
  runOn(call, loopTargets().back());
}

void mlir::prec::blockMaxima(std::span<const float> in, size_t block,
                             float *maxima) {
  maximaOn(in, block, maxima, loopTargets().back());
}
void mlir::prec::blockMaxima(std::span<const double> in, size_t block,
                             double *maxima) {
  maximaOn(in, block, maxima, loopTargets().back());
}
