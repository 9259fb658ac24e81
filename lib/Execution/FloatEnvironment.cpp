// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One control register on each machine.
#include "prec/Execution/FloatEnvironment.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#error "the floating-point control register of this machine is not known"
#endif

using namespace mlir::prec;

uint64_t FloatEnvironment::read() {
#if defined(__x86_64__)
  return _mm_getcsr();
#else
  uint64_t word;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  return word;
#endif
}

void FloatEnvironment::write(uint64_t word) {
#if defined(__x86_64__)
  _mm_setcsr(unsigned(word));
#else
  asm volatile("msr fpcr, %0" : : "r"(word));
#endif
}

uint64_t FloatEnvironment::standard() {
#if defined(__x86_64__)
  return 0x1f80; // all exceptions masked, all other bits clear
#else
  return 0;
#endif
}

FloatEnvironment::FloatEnvironment() : saved(read()) { write(standard()); }
FloatEnvironment::~FloatEnvironment() { write(saved); }
