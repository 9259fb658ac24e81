// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The word model of the array loops: each operation is performed on many
// lanes at once, in the compilers' vector types.
//
// What the rounding algorithm asks of a format is decided once for all lanes
// of a word, so a loop over arrays needs no vectoriser and no branch-free text:
// every family and mode runs in vectors.
#ifndef PREC_LIB_NUMERICS_LANES_H
#define PREC_LIB_NUMERICS_LANES_H

#include "prec/Numerics/Word.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace mlir::prec {

/// Words of type T (uint32_t, uint64_t) in vectors of `Target::bytes` bytes. A
/// target is a type of one translation unit, compiled for one instruction set:
/// what it instantiates is shared with no other.
template <class T, class Target> struct LaneOps {
  static constexpr unsigned width = sizeof(T) * 8;
  static constexpr unsigned lanes = Target::bytes / sizeof(T);
  using Real = std::conditional_t<sizeof(T) == 4, float, double>;
  typedef T Vector __attribute__((vector_size(Target::bytes)));
  typedef Real RealVector __attribute__((vector_size(Target::bytes)));
  typedef std::make_signed_t<T> SignedVector
      __attribute__((vector_size(Target::bytes)));
  /// In structures, which all compilers pass alike.
  struct Word {
    Vector v;
  };
  struct Bit {
    decltype(Vector() < Vector()) v;
  };

  Word constant(uint64_t value) const { return {Vector{} + T(value)}; }
  Word add(const Word &a, const Word &b) const { return {a.v + b.v}; }
  Word sub(const Word &a, const Word &b) const { return {a.v - b.v}; }
  Word mul(const Word &a, const Word &b) const { return {a.v * b.v}; }
  Word bitAnd(const Word &a, const Word &b) const { return {a.v & b.v}; }
  Word bitOr(const Word &a, const Word &b) const { return {a.v | b.v}; }
  Word bitXor(const Word &a, const Word &b) const { return {a.v ^ b.v}; }
  Word shl(const Word &a, const Word &amount) const {
    return {a.v << amount.v};
  }
  Word lshr(const Word &a, const Word &amount) const {
    return {a.v >> amount.v};
  }
  Word minimum(const Word &a, const Word &b) const {
    return {a.v < b.v ? a.v : b.v};
  }
  Word maximum(const Word &a, const Word &b) const {
    return {a.v < b.v ? b.v : a.v};
  }
  Bit less(const Word &a, const Word &b) const { return {a.v < b.v}; }
  Bit equal(const Word &a, const Word &b) const { return {a.v == b.v}; }
  Word select(const Bit &bit, const Word &a, const Word &b) const {
    return {bit.v ? a.v : b.v};
  }

  Word carrierAdd(const Word &a, const Word &b) const {
    return {Vector(RealVector(a.v) + RealVector(b.v))};
  }
  Word carrierSub(const Word &a, const Word &b) const {
    return {Vector(RealVector(a.v) - RealVector(b.v))};
  }
  Word carrierMul(const Word &a, const Word &b) const {
    return {Vector(RealVector(a.v) * RealVector(b.v))};
  }
  Word carrierDiv(const Word &a, const Word &b) const {
    return {Vector(RealVector(a.v) / RealVector(b.v))};
  }

  Word carrierMinimum(const Word &a, const Word &b) const {
    const auto x = RealVector(a.v), y = RealVector(b.v);
    return {Vector(x < y ? x : y)};
  }
  Word carrierMaximum(const Word &a, const Word &b) const {
    const auto x = RealVector(a.v), y = RealVector(b.v);
    return {Vector(x > y ? x : y)};
  }

  /// Signed integers are what every instruction set converts.
  Word wholeOf(const Word &a) const
    requires(sizeof(T) == 4)
  {
    return {Vector(__builtin_convertvector(RealVector(a.v), SignedVector))};
  }
  Word carrierOfWhole(const Word &a) const
    requires(sizeof(T) == 4)
  {
    return {Vector(__builtin_convertvector(SignedVector(a.v), RealVector))};
  }

  /// `lanes` elements, of any type of the word's size.
  template <class Element> static Word load(const Element *from) {
    static_assert(sizeof(Element) == sizeof(T));
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
  }
  /// What lies `ahead` elements further, if it is there, will be loaded.
  template <class Element>
  static void prefetch(const Element *from, size_t ahead) {
    __builtin_prefetch(reinterpret_cast<const void *>(
        reinterpret_cast<uintptr_t>(from) + ahead * sizeof(Element)));
  }
  /// One element in each lane.
  template <class Element> static Word splat(const Element *from) {
    static_assert(sizeof(Element) == sizeof(T));
    T word;
    std::memcpy(&word, from, sizeof(word));
    return {Vector{} + word};
  }
  template <class Element> static void store(Element *to, const Word &word) {
    std::memcpy(to, &word, sizeof(word));
  }
  /// first, first + 1, ...
  static Word count(T first) {
    Word word;
    for (unsigned i = 0; i < lanes; ++i)
      word.v[i] = T(i);
    return {word.v + first};
  }
};

/// As many lanes of half the bytes.
template <class Target> struct HalfTarget {
  static constexpr unsigned bytes = Target::bytes / 2;
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_LANES_H
