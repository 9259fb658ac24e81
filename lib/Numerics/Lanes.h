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

#include <cstring>

namespace mlir::prec {

/// Words of type T (uint32_t, uint64_t) in `Target::parts` vectors of
/// `Target::bytes` bytes. A target is a type of one translation unit, compiled
/// for one instruction set: what it instantiates is shared with no other.
template <class T, class Target> struct LaneOps {
  static constexpr unsigned width = sizeof(T) * 8;
  static constexpr unsigned parts = Target::parts;
  static constexpr unsigned lanesOfPart = Target::bytes / sizeof(T);
  static constexpr unsigned lanes = lanesOfPart * parts;
  using Real = std::conditional_t<sizeof(T) == 4, float, double>;
  typedef T Part __attribute__((vector_size(Target::bytes)));
  typedef Real RealPart __attribute__((vector_size(Target::bytes)));
  using Truth = decltype(Part() < Part());
  struct Word {
    Part part[parts];
  };
  struct Bit {
    Truth part[parts];
  };

  Word constant(uint64_t value) const {
    return map([&](unsigned) { return Part{} + T(value); });
  }
  Word add(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] + b.part[i]; });
  }
  Word sub(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] - b.part[i]; });
  }
  Word mul(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] * b.part[i]; });
  }
  Word bitAnd(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] & b.part[i]; });
  }
  Word bitOr(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] | b.part[i]; });
  }
  Word bitXor(const Word &a, const Word &b) const {
    return map([&](unsigned i) { return a.part[i] ^ b.part[i]; });
  }
  Word shl(const Word &a, const Word &amount) const {
    return map([&](unsigned i) { return a.part[i] << amount.part[i]; });
  }
  Word lshr(const Word &a, const Word &amount) const {
    return map([&](unsigned i) { return a.part[i] >> amount.part[i]; });
  }
  Word minimum(const Word &a, const Word &b) const {
    return select(less(a, b), a, b);
  }
  Word maximum(const Word &a, const Word &b) const {
    return select(less(a, b), b, a);
  }
  Bit less(const Word &a, const Word &b) const {
    Bit result;
    for (unsigned i = 0; i < parts; ++i)
      result.part[i] = a.part[i] < b.part[i];
    return result;
  }
  Bit equal(const Word &a, const Word &b) const {
    Bit result;
    for (unsigned i = 0; i < parts; ++i)
      result.part[i] = a.part[i] == b.part[i];
    return result;
  }
  Word select(const Bit &bit, const Word &a, const Word &b) const {
    return map([&](unsigned i) { return bit.part[i] ? a.part[i] : b.part[i]; });
  }

  Word carrierSub(const Word &a, const Word &b) const {
    return map(
        [&](unsigned i) { return Part(real(a.part[i]) - real(b.part[i])); });
  }
  Word carrierMul(const Word &a, const Word &b) const {
    return map(
        [&](unsigned i) { return Part(real(a.part[i]) * real(b.part[i])); });
  }
  Word carrierDiv(const Word &a, const Word &b) const {
    return map(
        [&](unsigned i) { return Part(real(a.part[i]) / real(b.part[i])); });
  }

  /// `lanes` elements, of any type of the word's size.
  template <class Element> static Word load(const Element *from) {
    static_assert(sizeof(Element) == sizeof(T));
    Word word;
    std::memcpy(&word, from, sizeof(word));
    return word;
  }
  template <class Element> static void store(Element *to, const Word &word) {
    std::memcpy(to, &word, sizeof(word));
  }
  /// first, first + 1, ...
  static Word count(T first) {
    Word word;
    for (unsigned i = 0; i < lanes; ++i)
      word.part[i / lanesOfPart][i % lanesOfPart] = T(i);
    for (unsigned i = 0; i < parts; ++i)
      word.part[i] += first;
    return word;
  }

private:
  template <class F> static Word map(F f) {
    Word word;
    for (unsigned i = 0; i < parts; ++i)
      word.part[i] = f(i);
    return word;
  }
  static RealPart real(Part word) { return RealPart(word); }
};

/// As many lanes of half the bytes.
template <class Target> struct HalfTarget {
  static constexpr unsigned bytes = Target::bytes / 2, parts = Target::parts;
};

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_LANES_H
