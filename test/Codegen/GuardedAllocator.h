// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that ends where a page begins which nobody may touch: code that reads
// past the end of an operand dies, also if it drops what it read.
#ifndef PREC_TEST_CODEGEN_GUARDEDALLOCATOR_H
#define PREC_TEST_CODEGEN_GUARDEDALLOCATOR_H

#include <cstddef>
#include <cstdlib>
#include <sys/mman.h>

namespace mlir::prec::test {

template <class T> struct GuardedAllocator {
  using value_type = T;
  GuardedAllocator() = default;
  template <class U> GuardedAllocator(const GuardedAllocator<U> &) {}

  static constexpr size_t page = 4096;
  static size_t pagesOf(size_t count) {
    return (count * sizeof(T) + page - 1) / page;
  }

  T *allocate(size_t count) {
    size_t size = (pagesOf(count) + 1) * page;
    void *all = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
      std::abort();
    char *end = static_cast<char *>(all) + size - page;
    mprotect(end, page, PROT_NONE);
    return reinterpret_cast<T *>(end - count * sizeof(T));
  }
  void deallocate(T *values, size_t count) {
    char *end = reinterpret_cast<char *>(values + count);
    size_t pages = pagesOf(count);
    munmap(end - pages * page, (pages + 1) * page);
  }

  template <class U> bool operator==(const GuardedAllocator<U> &) const {
    return true;
  }
};

} // namespace mlir::prec::test

#endif // PREC_TEST_CODEGEN_GUARDEDALLOCATOR_H
