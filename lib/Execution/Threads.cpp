// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// OpenMP's own functions; its header is no part of every compiler.
#include "prec/Execution/Threads.h"

using namespace mlir::prec;

extern "C" {
void omp_set_num_threads(int threads); // NOLINT(readability-identifier-naming)
int omp_get_max_threads();             // NOLINT(readability-identifier-naming)
int omp_get_num_procs();               // NOLINT(readability-identifier-naming)
}

unsigned mlir::prec::resolveThreads(unsigned threads) {
  return threads ? threads : unsigned(omp_get_num_procs());
}

ThreadCount::ThreadCount(unsigned threads) : saved(omp_get_max_threads()) {
  omp_set_num_threads(int(resolveThreads(threads)));
}

ThreadCount::~ThreadCount() { omp_set_num_threads(saved); }
