// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A flag that a signal handler sets.
#include "prec/Execution/Interrupt.h"

using namespace mlir::prec;

static volatile std::sig_atomic_t flag = 0;

InterruptGuard::InterruptGuard() {
  flag = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) { flag = 1; };
  // The handler serves once, and reads and writes that it met go on.
  action.sa_flags = int(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, &oldInterrupt);
  sigaction(SIGTERM, &action, &oldTerminate);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &oldInterrupt, nullptr);
  sigaction(SIGTERM, &oldTerminate, nullptr);
}

bool InterruptGuard::requested() { return flag != 0; }
