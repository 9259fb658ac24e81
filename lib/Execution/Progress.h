// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One line on a terminal that says how far training is.
#ifndef PREC_EXECUTION_PROGRESS_H
#define PREC_EXECUTION_PROGRESS_H

#include "prec/Execution/TrainingLog.h"
#include <chrono>

namespace mlir::prec {

/// Shows itself at most ten times a second, on standard error, and nothing at
/// all if that is no terminal.
class Progress {
public:
  Progress(uint64_t total, bool wanted);
  /// Ends the line.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void show(const TrainingRecord &record);

private:
  using Clock = std::chrono::steady_clock;
  uint64_t total;
  bool active;
  Clock::time_point start, last;
  uint64_t firstStep = 0;
  bool begun = false;
  std::optional<double> testAccuracy, testLoss;
};

} // namespace mlir::prec

#endif // PREC_EXECUTION_PROGRESS_H
