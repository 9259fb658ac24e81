// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The bar, the last loss and accuracy, and the time that is left.
#include "Progress.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace mlir::prec;

Progress::Progress(uint64_t total, bool wanted)
    : total(total), active(wanted && isatty(STDERR_FILENO)),
      start(Clock::now()), last(start) {}

Progress::~Progress() {
  if (active && begun)
    llvm::errs() << "\n";
}

void Progress::show(const TrainingRecord &record) {
  if (!active)
    return;
  uint64_t done = record.step + 1;
  if (!begun)
    firstStep = record.step;
  if (record.testAccuracy)
    testAccuracy = record.testAccuracy;
  if (record.testLoss)
    testLoss = record.testLoss;
  Clock::time_point now = Clock::now();
  if (begun && done != total && now - last < std::chrono::milliseconds(100))
    return;
  begun = true;
  last = now;
  constexpr uint64_t width = 30;
  uint64_t filled = width * done / total;
  double elapsed = std::chrono::duration<double>(now - start).count();
  double left = elapsed / double(done - firstStep) * double(total - done);
  llvm::raw_ostream &out = llvm::errs();
  out << "\r[" << std::string(filled, '#') << std::string(width - filled, '.')
      << "] " << done << "/" << total
      << llvm::format("  loss %.4f", record.loss);
  if (testAccuracy)
    out << llvm::format("  test %.2f%%", 100 * *testAccuracy);
  if (testLoss)
    out << llvm::format("  test %.4f", *testLoss);
  out << llvm::format("  %.0f s left ", left);
  out.flush();
}
