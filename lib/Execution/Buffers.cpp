// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Size-class lists of aligned blocks behind one lock.
#include "prec/Execution/Buffers.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdlib>
#include <mutex>
#include <sys/mman.h>

using namespace mlir::prec;

namespace {

constexpr uint64_t kLive = 0x7072656362756601, kFree = 0x7072656362756602;

/// Stands in front of each block and takes one alignment unit.
struct alignas(buffers::kAlignment) Header {
  uint64_t state;
  uint32_t sizeClass;
  size_t bytes; // of the whole block, this header included
  Header *next;
};

// Class 4*k + q holds blocks of (4+q) * 2^(k+4) bytes: 64, 80, ..., 128, ...
constexpr unsigned kClasses = 4 * 56;

unsigned classOf(size_t bytes) {
  unsigned octave = llvm::Log2_64(bytes) - 6;
  size_t unit = size_t(1) << (octave + 4);
  return 4 * octave + unsigned(llvm::divideCeil(bytes, unit)) - 4;
}

size_t bytesOf(unsigned sizeClass) {
  size_t bytes = size_t(4 + sizeClass % 4) << (sizeClass / 4 + 4);
  return llvm::alignTo(bytes, buffers::kAlignment);
}

/// So many bytes may wait however few were ever in use.
constexpr uint64_t kAlwaysKept = 64 << 20;

struct Pool {
  std::mutex lock;
  std::array<Header *, kClasses> lists = {};
  buffers::Statistics counts;
  bool reuse = true;
};

/// Never destroyed: compiled code and static tensors may outlive any order.
Pool &pool() {
  static Pool *instance = new Pool;
  return *instance;
}

[[noreturn]] void fail(const llvm::Twine &message) {
  llvm::errs() << "error: " << message << "\n";
  llvm::errs().flush();
  std::_Exit(1);
}

/// Frees waiting blocks of the classes below `end`, small ones first, until at
/// most `limit` bytes wait; the caller holds the lock.
void freeDownTo(Pool &p, uint64_t limit, unsigned end = kClasses) {
  for (Header *&head : llvm::MutableArrayRef<Header *>(p.lists).take_front(end))
    while (head && p.counts.waitingBytes > limit) {
      Header *block = head;
      head = block->next;
      p.counts.waitingBytes -= block->bytes;
      std::free(block);
    }
}

/// Large blocks ask for huge pages: kernels that walk through many rows of a
/// tensor would miss in the translation of addresses otherwise.
Header *allocateBlock(size_t bytes) {
  constexpr size_t hugePage = 2 << 20;
  bool isLarge = bytes >= 2 * hugePage;
  void *block = nullptr;
  // aligned_alloc would want whole multiples of the alignment.
  if (posix_memalign(&block, isLarge ? hugePage : buffers::kAlignment, bytes) !=
      0)
    return nullptr;
#ifdef MADV_HUGEPAGE
  if (isLarge) // a wish: nothing depends on it
    (void)madvise(block, llvm::alignDown(bytes, hugePage), MADV_HUGEPAGE);
#endif
  return static_cast<Header *>(block);
}

} // namespace

void *buffers::allocate(size_t bytes) {
  if (bytes > (size_t(1) << 46))
    fail("out of memory: " + llvm::Twine(bytes) + " bytes asked for");
  unsigned sizeClass = classOf(bytes + sizeof(Header));
  size_t total = bytesOf(sizeClass);
  Pool &p = pool();
  std::lock_guard<std::mutex> guard(p.lock);
  Header *block = p.lists[sizeClass];
  if (block) {
    p.lists[sizeClass] = block->next;
    p.counts.waitingBytes -= total;
  } else {
    block = allocateBlock(total);
    if (!block) {
      freeDownTo(p, 0);
      block = allocateBlock(total);
    }
    if (!block)
      fail("out of memory: " + llvm::Twine(bytes) + " bytes asked for, " +
           llvm::Twine(p.counts.liveBytes) + " in use");
    ++p.counts.systemCalls;
  }
  *block = {kLive, sizeClass, total, nullptr};
  ++p.counts.liveBlocks;
  p.counts.liveBytes += total;
  p.counts.peakBytes = std::max(p.counts.peakBytes, p.counts.liveBytes);
  return block + 1;
}

void buffers::release(void *pointer) {
  if (!pointer)
    return;
  Header *block = static_cast<Header *>(pointer) - 1;
  Pool &p = pool();
  std::lock_guard<std::mutex> guard(p.lock);
  if (block->state != kLive)
    fail(block->state == kFree
             ? "a buffer was released twice"
             : "a buffer was released that the allocator did not give");
  block->state = kFree;
  --p.counts.liveBlocks;
  p.counts.liveBytes -= block->bytes;
  // Smaller blocks, which are cheap to get again, make room for larger ones.
  uint64_t limit = std::max(p.counts.peakBytes, kAlwaysKept) - block->bytes;
  if (p.reuse)
    freeDownTo(p, limit, block->sizeClass);
  if (!p.reuse || p.counts.waitingBytes > limit) {
    std::free(block);
    return;
  }
  block->next = p.lists[block->sizeClass];
  p.lists[block->sizeClass] = block;
  p.counts.waitingBytes += block->bytes;
}

void buffers::trim() {
  Pool &p = pool();
  std::lock_guard<std::mutex> guard(p.lock);
  freeDownTo(p, 0);
}

void buffers::setReuse(bool on) {
  Pool &p = pool();
  std::lock_guard<std::mutex> guard(p.lock);
  p.reuse = on;
  if (!on)
    freeDownTo(p, 0);
}

buffers::Statistics buffers::statistics() {
  Pool &p = pool();
  std::lock_guard<std::mutex> guard(p.lock);
  return p.counts;
}
