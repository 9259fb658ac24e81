// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processor's floating-point state that compiled code is promised.
//
// A guard sets nearest-even, no flush-to-zero, no denormals-are-zero, no traps
// for the thread that makes it, and restores what it found. Pool threads: on
// x86 the OpenMP runtime copies the caller's state into them at each parallel
// region; elsewhere they keep that of the thread which started them, a guarded
// one, since compiled code starts the pool.
#ifndef PREC_EXECUTION_FLOATENVIRONMENT_H
#define PREC_EXECUTION_FLOATENVIRONMENT_H

#include <cstdint>

namespace mlir::prec {

class FloatEnvironment {
public:
  FloatEnvironment();
  ~FloatEnvironment();
  FloatEnvironment(const FloatEnvironment &) = delete;
  FloatEnvironment &operator=(const FloatEnvironment &) = delete;

  /// The control word of this thread: MXCSR on x86, FPCR on aarch64.
  static uint64_t read();
  static void write(uint64_t word);
  /// What compiled code runs with.
  static uint64_t standard();

private:
  uint64_t saved;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_FLOATENVIRONMENT_H
