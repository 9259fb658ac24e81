// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run says of itself when it is asked: times of its kernels, memory.
#ifndef PREC_DRIVER_OBSERVE_H
#define PREC_DRIVER_OBSERVE_H

#include "prec/Driver/Compile.h"
#include "prec/Execution/Files.h"
#include "prec/Execution/LiveBuffers.h"
#include "prec/Execution/Profile.h"

#include <memory>

namespace mlir::prec {

/// What a processor and its memory can do, by short measured loops.
struct MachinePeak {
  /// Floating-point operations a second, an fma two, of all threads together.
  double flops32 = 0, flops64 = 0;
  /// Bytes a second, read and written, of one thread that copies.
  double bytes = 0;
  unsigned vectorBits = 0, threads = 1;
};
/// Compiles and runs loops of independent fmas as wide as the vectors that
/// kernels have, and copies blocks larger than caches: 0.2 s. Errors: as
/// Engine::create.
llvm::Expected<MachinePeak> measurePeak(const EngineOptions &options);

/// All kernels by time, for each entry, at most 100 columns wide.
std::string profileTable(const Profile &profile, const MachinePeak &peak);
/// A trace file of chrome://tracing and Perfetto.
std::string profileTrace(const Profile &profile, const MachinePeak &peak);
/// Peaks, and the largest buffers there.
std::string memoryTable(const LiveBuffers &buffers);

/// Lives while calls of compiled code are to be observed, in their thread.
class Observation {
public:
  /// Errors: the file cannot be written.
  static llvm::Expected<Observation> begin(const ObserveOptions &options);
  /// Writes what was seen: tables to `os`, the profile to its file, whole or
  /// not at all.
  llvm::Error finish(const EngineOptions &engine, llvm::raw_ostream &os);

private:
  struct State;
  explicit Observation(std::shared_ptr<State> state)
      : state(std::move(state)) {}
  std::shared_ptr<State> state;
};

} // namespace mlir::prec

#endif // PREC_DRIVER_OBSERVE_H
