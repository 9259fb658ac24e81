// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Calls f(a, b) of two f32 matrices in a process without a C library: sizes,
// run-time numbers and operands come from the standard input, the result goes
// to the standard output.
#include <stddef.h>
#include <stdint.h>

typedef struct {
  float *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
} Matrix;

void _mlir_ciface_f(Matrix *, Matrix *, Matrix *, const int32_t *);

static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}

enum { READ = 63, WRITE = 64, EXIT = 93 };

static void all(long number, long file, void *bytes, size_t count) {
  for (char *at = bytes; count;) {
    long done = call(number, file, (long)at, (long)count);
    if (done <= 0)
      call(EXIT, 2, 0, 0);
    at += done;
    count -= (size_t)done;
  }
}

static char memory[64 << 20] __attribute__((aligned(64)));
static size_t used;

void *_mlir_memref_to_llvm_aligned_alloc(size_t alignment, size_t bytes) {
  (void)alignment; // 64 at most
  void *block = memory + used;
  used += (bytes + 63) / 64 * 64;
  if (used > sizeof memory)
    call(EXIT, 3, 0, 0);
  return block;
}

void _mlir_memref_to_llvm_free(void *block) { (void)block; }

void *memcpy(void *to, const void *from, size_t count) {
  for (size_t i = 0; i < count; ++i)
    ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *to, int value, size_t count) {
  for (size_t i = 0; i < count; ++i)
    ((volatile char *)to)[i] = (char)value;
  return to;
}

static Matrix take(int64_t rows, int64_t columns) {
  size_t bytes = (size_t)(rows * columns) * sizeof(float);
  float *elements = _mlir_memref_to_llvm_aligned_alloc(64, bytes);
  all(READ, 0, elements, bytes);
  return (Matrix){elements, elements, 0, {rows, columns}, {columns, 1}};
}

void _start(void) {
  int32_t head[16]; // rows of a, columns of a, columns of b; run-time numbers
  all(READ, 0, head, sizeof head);
  Matrix a = take(head[0], head[1]), b = take(head[1], head[2]), result;
  _mlir_ciface_f(&result, &a, &b, head + 3);
  size_t count = (size_t)(result.sizes[0] * result.sizes[1]);
  all(WRITE, 1, result.aligned + result.offset, count * sizeof(float));
  call(EXIT, 0, 0, 0);
}
