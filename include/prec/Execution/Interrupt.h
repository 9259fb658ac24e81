// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ctrl-C as a question that a loop asks, not as an end in the middle of a line.
#ifndef PREC_EXECUTION_INTERRUPT_H
#define PREC_EXECUTION_INTERRUPT_H

#include <csignal>

namespace mlir::prec {

/// While one lives, the first SIGINT or SIGTERM is only remembered; a second
/// one ends the process as usual. One at a time.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

  /// Whether a signal came since the guard was made.
  static bool requested();

private:
  struct sigaction oldInterrupt, oldTerminate;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_INTERRUPT_H
