// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The loops over arrays for every machine, and the choice of better ones.
#include "RoundLoopFor.h"

#include <tuple>

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

/// Of f32 and f64.
static auto getLoops(LoopTarget target) {
  std::tuple<RoundLoops<float>, RoundLoops<double>> loops = {
      RoundLoopFor<float, Portable>::loops(),
      RoundLoopFor<double, Portable>::loops()};
  auto &[f32, f64] = loops;
#ifdef __x86_64__
  if (target == LoopTarget::Avx2)
    getRoundLoopsAvx2(f32, f64);
  if (target == LoopTarget::Avx512)
    getRoundLoopsAvx512(f32, f64);
#endif
  return loops;
}
template <class T> static RoundLoops<T> loopsOn(LoopTarget target) {
  return std::get<RoundLoops<T>>(getLoops(target));
}
template <class T> static const RoundLoops<T> &bestLoops() {
  static const RoundLoops<T> loops = loopsOn<T>(loopTargets().back());
  return loops;
}

void mlir::prec::roundLoop(const RoundCall<float> &call, LoopTarget target) {
  loopsOn<float>(target).roundLoop(call);
}
void mlir::prec::roundLoop(const RoundCall<double> &call, LoopTarget target) {
  loopsOn<double>(target).roundLoop(call);
}
void mlir::prec::roundLoop(const RoundCall<float> &call) {
  bestLoops<float>().roundLoop(call);
}
void mlir::prec::roundLoop(const RoundCall<double> &call) {
  bestLoops<double>().roundLoop(call);
}

size_t mlir::prec::roundBlocks(const RoundCall<float> &call,
                               LoopTarget target) {
  return loopsOn<float>(target).roundBlocks(call);
}
size_t mlir::prec::roundBlocks(const RoundCall<double> &call,
                               LoopTarget target) {
  return loopsOn<double>(target).roundBlocks(call);
}
size_t mlir::prec::roundBlocks(const RoundCall<float> &call) {
  return bestLoops<float>().roundBlocks(call);
}
size_t mlir::prec::roundBlocks(const RoundCall<double> &call) {
  return bestLoops<double>().roundBlocks(call);
}

float mlir::prec::greatestMagnitude(std::span<const float> in) {
  return bestLoops<float>().greatestMagnitude(in);
}
double mlir::prec::greatestMagnitude(std::span<const double> in) {
  return bestLoops<double>().greatestMagnitude(in);
}
float mlir::prec::leastMagnitude(std::span<const float> in) {
  return bestLoops<float>().leastMagnitude(in);
}
double mlir::prec::leastMagnitude(std::span<const double> in) {
  return bestLoops<double>().leastMagnitude(in);
}
