// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The list of external symbols, and those of them that are ours.
#include "prec/Execution/Symbols.h"

#include "prec/Execution/Buffers.h"
#include "prec/Execution/IndexReport.h"
#include "prec/Execution/LiveBuffers.h"
#include "prec/Execution/Profile.h"
#include "prec/Execution/RoundArrayCall.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace mlir::prec;
using llvm::APFloat;
using llvm::StringRef;

//===-- Memory ------------------------------------------------------------===//

static void *zeroedAllocate(size_t count, size_t bytes) {
  size_t total;
  if (__builtin_mul_overflow(count, bytes, &total))
    total = SIZE_MAX; // allocate() ends the process with a message
  void *block = buffers::allocate(total);
  std::memset(block, 0, total);
  return block;
}

static void *alignedAllocate(size_t alignment, size_t bytes) {
  if (alignment <= buffers::kAlignment)
    return buffers::allocate(bytes);
  llvm::errs() << "error: compiled code asks for an alignment of " << alignment
               << " bytes, expected at most " << buffers::kAlignment << "\n";
  std::_Exit(1);
}

/// MLIR's memref.copy of strided memrefs: descriptors are {block, data, offset,
/// sizes, strides}, an unranked one is a rank and a pointer to that.
struct UnrankedMemref {
  int64_t rank;
  int64_t *words;
};
static void copyMemref(int64_t width, const UnrankedMemref *from,
                       const UnrankedMemref *to) {
  int64_t rank = from->rank;
  const int64_t *sizes = from->words + 3;
  const int64_t *fromStrides = sizes + rank, *toStrides = to->words + 3 + rank;
  auto *source =
      reinterpret_cast<const char *>(from->words[1]) + from->words[2] * width;
  auto *target = reinterpret_cast<char *>(to->words[1]) + to->words[2] * width;
  for (int64_t d = 0; d < rank; ++d)
    if (sizes[d] == 0)
      return;
  llvm::SmallVector<int64_t> index(rank, 0);
  for (;;) {
    std::memcpy(target, source, size_t(width));
    int64_t d = rank - 1;
    for (; d >= 0; --d) {
      source += fromStrides[d] * width;
      target += toStrides[d] * width;
      if (++index[d] < sizes[d])
        break;
      source -= index[d] * fromStrides[d] * width;
      target -= index[d] * toStrides[d] * width;
      index[d] = 0;
    }
    if (d < 0)
      return;
  }
}

//===-- Assertions of compiled code ---------------------------------------===//

static int putLine(const char *text) {
  llvm::errs() << "error: " << text << "\n";
  return 0;
}
[[noreturn]] static void stop() {
  llvm::errs() << "error: a run-time check of the compiled code failed\n";
  llvm::errs().flush();
  std::_Exit(1);
}

//===-- Conversions of narrow floats --------------------------------------===//
// A half or bfloat travels in the low 16 bits of a vector register, where these
// functions, compiled without such types, see the low bits of a float.

static float carry(const APFloat &value) {
  return llvm::bit_cast<float>(uint32_t(value.bitcastToAPInt().getZExtValue()));
}
static float narrow(APFloat value, const llvm::fltSemantics &to) {
  bool loses;
  value.convert(to, APFloat::rmNearestTiesToEven, &loses);
  return carry(value);
}
static float floatToHalf(float x) {
  return narrow(APFloat(x), APFloat::IEEEhalf());
}
static float doubleToHalf(double x) {
  return narrow(APFloat(x), APFloat::IEEEhalf());
}
static float floatToBrain(float x) {
  return narrow(APFloat(x), APFloat::BFloat());
}
static float doubleToBrain(double x) {
  return narrow(APFloat(x), APFloat::BFloat());
}
static float halfToFloat(float x) {
  uint32_t bits = llvm::bit_cast<uint32_t>(x) & 0xffff;
  APFloat value(APFloat::IEEEhalf(), llvm::APInt(16, bits));
  bool loses;
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &loses);
  return value.convertToFloat();
}

//===-- The list ----------------------------------------------------------===//

template <typename F> static void *addressOf(F *function) {
  return reinterpret_cast<void *>(function);
}

static void *ownSymbol(StringRef name) {
  struct Row {
    StringRef name;
    void *address;
  };
  static const Row rows[] = {
      {"malloc", addressOf(buffers::allocate)},
      {"free", addressOf(buffers::release)},
      {"calloc", addressOf(zeroedAllocate)},
      {"aligned_alloc", addressOf(alignedAllocate)},
      {"_mlir_memref_to_llvm_alloc", addressOf(buffers::allocate)},
      {"_mlir_memref_to_llvm_aligned_alloc", addressOf(alignedAllocate)},
      {"_mlir_memref_to_llvm_free", addressOf(buffers::release)},
      {"memrefCopy", addressOf(copyMemref)},
      {"_mlir_ciface_memrefCopy", addressOf(copyMemref)},
      {"prec_round_array_f32", addressOf(roundArrayOfCall<float>)},
      {"prec_round_array_f64", addressOf(roundArrayOfCall<double>)},
      {"prec_report_index", addressOf(reportIndex)},
      {"prec_profile_begin", addressOf(profileBegin)},
      {"prec_profile_end", addressOf(profileEnd)},
      {"prec_buffer_size", addressOf(bufferSize)},
      {"prec_buffer_live", addressOf(bufferLive)},
      {"prec_buffer_dead", addressOf(bufferDead)},
      {"puts", addressOf(putLine)},
      {"abort", addressOf(stop)},
      {"__truncsfhf2", addressOf(floatToHalf)},
      {"__truncdfhf2", addressOf(doubleToHalf)},
      {"__extendhfsf2", addressOf(halfToFloat)},
      {"__truncsfbf2", addressOf(floatToBrain)},
      {"__truncdfbf2", addressOf(doubleToBrain)},
  };
  for (const Row &row : rows)
    if (row.name == name)
      return row.address;
  return nullptr;
}

/// Symbols of the C library, in double and, with an f, in float.
static bool isExactFunction(StringRef name) {
  static const llvm::StringSet<> exact = {
      "ceil",      "copysign", "fabs",  "floor",     "fma",  "fmod",  "ldexp",
      "nearbyint", "rint",     "round", "roundeven", "sqrt", "trunc",
  };
  static const llvm::StringSet<> memory = {"memcpy", "memmove", "memset",
                                           "memcmp", "bcmp"};
  if (memory.contains(name) || exact.contains(name))
    return true;
  return name.consume_back("f") && exact.contains(name);
}

void *mlir::prec::resolveSymbol(StringRef name) {
  if (void *address = ownSymbol(name))
    return address;
  if (isExactFunction(name) || name.starts_with("__kmpc_") ||
      name.starts_with("omp_"))
    return dlsym(RTLD_DEFAULT, name.str().c_str());
  return nullptr;
}

llvm::Error mlir::prec::unresolvedSymbol(StringRef name) {
  return llvm::createStringError(
      "the compiled code needs '" + name +
      "', expected only functions whose results are exactly defined (the "
      "host's math library is none)");
}
