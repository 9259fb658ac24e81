// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which buffers of compiled code live at one time, and which of them when most
// bytes do.
//
// Code made by prec-track-buffers calls prec_buffer_live after each allocation
// and prec_buffer_dead before each release. They count into the LiveBuffers of
// which a Recording lives in their thread; without one they do nothing.
//
// Bytes are those that the program asked for, without what the allocator
// (Buffers.h) rounds them up to. Buffers of arguments belong to the caller and
// are no part of the peak; those of results are.
#ifndef PREC_EXECUTION_LIVEBUFFERS_H
#define PREC_EXECUTION_LIVEBUFFERS_H

#include "prec/Execution/Tensor.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlir::prec {

class LiveBuffers {
public:
  struct Buffer {
    std::string owner, shape; ///< "forward conv1", "128x32x28x28xf32"
    uint64_t bytes = 0;
  };
  struct Entry {
    std::string name;
    uint64_t calls = 0;
    /// The most of all calls.
    uint64_t peakBytes = 0, argumentBytes = 0, resultBytes = 0;
    /// What lived at the first peak, large ones first.
    std::vector<Buffer> atPeak;
  };
  const std::vector<Entry> &entries() const { return allEntries; }

  class Recording {
  public:
    explicit Recording(LiveBuffers &buffers);
    ~Recording();
    Recording(const Recording &) = delete;

  private:
    LiveBuffers *before;
  };

  /// A call of an entry, from its construction on.
  class Call {
  public:
    Call(llvm::StringRef entry, llvm::ArrayRef<Tensor *> arguments);
    ~Call();
    Call(const Call &) = delete;
    void setResults(llvm::ArrayRef<Tensor> results);

  private:
    LiveBuffers *buffers;
    size_t entry = 0;
  };

  void addSize(int64_t extent) { sizes.push_back(extent); }
  void add(const char *text, int64_t address, int64_t width);
  void remove(int64_t address);

private:
  std::vector<Entry> allEntries;
  size_t current = 0;
  std::vector<int64_t> sizes; // of the next buffer, those not in its text
  llvm::DenseMap<int64_t, Buffer> live;
  uint64_t liveBytes = 0;
};

/// The symbol prec_buffer_size: a size of the next buffer.
void bufferSize(int64_t extent);
/// The symbol prec_buffer_live. `text` is the entry's name, the buffer's owner
/// and its type, "32x?xf32", each with a zero at its end; `width` is the number
/// of bytes of an element.
void bufferLive(const char *text, int64_t address, int64_t width);
/// The symbol prec_buffer_dead.
void bufferDead(int64_t address);

} // namespace mlir::prec

#endif // PREC_EXECUTION_LIVEBUFFERS_H
