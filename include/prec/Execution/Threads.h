// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many threads the parallel loops of compiled code use.
#ifndef PREC_EXECUTION_THREADS_H
#define PREC_EXECUTION_THREADS_H

namespace mlir::prec {

/// The number that `--threads=N` stands for: N, or for 0 all cores that this
/// process may use.
unsigned resolveThreads(unsigned threads);

/// Sets the number for parallel loops that this thread starts, and restores
/// what was set before.
class ThreadCount {
public:
  explicit ThreadCount(unsigned threads);
  ~ThreadCount();
  ThreadCount(const ThreadCount &) = delete;
  ThreadCount &operator=(const ThreadCount &) = delete;

private:
  int saved;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_THREADS_H
