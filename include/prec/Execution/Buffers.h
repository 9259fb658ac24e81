// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The allocator behind every tensor and every temporary of compiled code.
//
// Idea: a training step allocates the same few sizes again and again. The C
// library maps big blocks anew each time, and the kernel clears every page of
// them; here a released block waits in a list of its size class and is handed
// out again, already mapped. Blocks are aligned to 64 bytes, a cache line and
// the widest vector.
//
// Cost: allocate and release are a lock and a list operation. Sizes are rounded
// up to a class (four classes an octave), so at most a fifth of a block is
// unused. At most as many bytes wait as were ever in use at one time, or
// 64 MiB; beyond that smaller blocks make room for larger ones.
//
// Threads: every function may be called from any thread at any time.
#ifndef PREC_EXECUTION_BUFFERS_H
#define PREC_EXECUTION_BUFFERS_H

#include <cstddef>
#include <cstdint>

namespace mlir::prec::buffers {

/// Every block is aligned to this many bytes.
inline constexpr size_t kAlignment = 64;

/// A block of at least `bytes` bytes with any content; never null, also for 0.
/// When memory is exhausted the process ends with a message and exit code 1:
/// compiled code has no way to report it.
void *allocate(size_t bytes);

/// Returns a block of allocate(); null is allowed. A pointer that allocate()
/// did not give, or that was released before, ends the process with a message.
void release(void *block);

/// Gives all waiting blocks back to the system.
void trim();

/// Switches reuse on (the default) or off, to measure what it is worth.
void setReuse(bool on);

struct Statistics {
  uint64_t liveBlocks = 0;   ///< blocks in use
  uint64_t liveBytes = 0;    ///< bytes in use, headers and rounding included
  uint64_t waitingBytes = 0; ///< bytes that wait for reuse
  uint64_t peakBytes = 0;    ///< largest liveBytes so far
  uint64_t systemCalls = 0;  ///< blocks that came from the system so far
};
Statistics statistics();

} // namespace mlir::prec::buffers

#endif // PREC_EXECUTION_BUFFERS_H
