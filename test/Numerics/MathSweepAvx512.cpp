// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sweep on AVX-512: the product's text on vectors of doubles beside the
// vector functions of glibc's libmvec.
#include "prec/Numerics/Word.h"

#include <array>
#include <bit>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// The steps must not remain calls.
#ifdef __clang__
#pragma clang attribute push(__attribute__((always_inline)),                   \
                             apply_to = function)
#endif
#include "../../lib/Numerics/Lanes.h"
#include "prec/Numerics/MathFunctions.h"

using namespace mlir::prec;

namespace {
struct Target {
  static constexpr unsigned bytes = 128; // two registers: steps overlap
};
constexpr unsigned lanes = Target::bytes / 8;

/// The word model of math functions on lanes.
struct MathLanes : LaneOps<uint64_t, Target> {
  using Vector = RealVector;
  typedef float Narrow __attribute__((vector_size(Target::bytes / 2)));
  struct Double {
    Vector v;
  };
  struct Single {
    Narrow v;
  };
  Double real(double value) const { return {Vector{} + value}; }
  Double fadd(Double a, Double b) const { return {a.v + b.v}; }
  Double fsub(Double a, Double b) const { return {a.v - b.v}; }
  Double fmul(Double a, Double b) const { return {a.v * b.v}; }
  Double fdiv(Double a, Double b) const { return {a.v / b.v}; }
  Double fma(Double a, Double b, Double c) const {
    for (unsigned i = 0; i < lanes; ++i)
      a.v[i] = __builtin_fma(a.v[i], b.v[i], c.v[i]);
    return a;
  }
  Double fsqrt(Double a) const {
    for (unsigned i = 0; i < lanes; ++i)
      a.v[i] = __builtin_sqrt(a.v[i]);
    return a;
  }
  Bit fless(Double a, Double b) const { return {a.v < b.v}; }
  Double fselect(Bit bit, Double a, Double b) const {
    return {bit.v ? a.v : b.v};
  }
  Word toWord(Double a) const { return {LaneOps::Vector(a.v)}; }
  Double toDouble(Word a) const { return {Vector(a.v)}; }
  Double extend(Single a) const {
    return {__builtin_convertvector(a.v, Vector)};
  }
  Single truncate(Double a) const {
    return {__builtin_convertvector(a.v, Narrow)};
  }
};
} // namespace
#ifdef __clang__
#pragma clang attribute pop
#endif

#include "MathSweep.h"

typedef double Octet __attribute__((vector_size(64)));

#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  extern "C" Octet _ZGVeN8v_##word(Octet);
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION

// What libmvec lacks are IEEE's own operations.
extern "C" Octet _ZGVeN8v_sqrt(Octet x) {
  for (unsigned i = 0; i < 8; ++i)
    x[i] = __builtin_sqrt(x[i]);
  return x;
}
extern "C" Octet _ZGVeN8v_rsqrt(Octet x) {
  Octet root = 1 / _ZGVeN8v_sqrt(x);
  return x == 0 ? 1 / x : root;
}

/// Where a function is NaN by its definition the C library is slow: it is asked
/// for another argument there.
struct Domain {
  double least, greatest, inside;
};
static constexpr Domain domainOf(MathFunction function) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (function) {
  case MathFunction::Acos:
  case MathFunction::Asin:
  case MathFunction::Atanh:
    return {-1, 1, 0};
  case MathFunction::Acosh:
    return {1, infinity, 1};
  case MathFunction::Log1p:
    return {-1, infinity, 0};
  case MathFunction::Log:
  case MathFunction::Log2:
  case MathFunction::Log10:
  case MathFunction::Rsqrt:
  case MathFunction::Sqrt:
    return {0, infinity, 1};
  default:
    return {-infinity, infinity, 0};
  }
}

template <MathFunction function, Octet (*reference)(Octet)>
static void sweep(uint32_t first, uint32_t count, std::vector<uint32_t> &open,
                  double &wide) {
  typedef uint32_t Patterns
      __attribute__((vector_size(sizeof(MathLanes::Narrow))));
  Patterns patterns;
  for (unsigned i = 0; i < lanes; ++i)
    patterns[i] = first + i;
  for (uint32_t done = 0; done < count; done += lanes, patterns += lanes) {
    MathLanes ops;
    MathLanes::Single x = {std::bit_cast<MathLanes::Narrow>(patterns)};
    constexpr Domain domain = domainOf(function);
    MathLanes::Vector wanted, extended = ops.extend(x).v;
    auto isOutside = (extended < domain.least) | (extended > domain.greatest);
    extended = isOutside ? MathLanes::Vector{} + domain.inside : extended;
    for (unsigned half = 0; half < 2; ++half) {
      Octet part;
      std::memcpy(&part, reinterpret_cast<char *>(&extended) + half * 64, 64);
      part = reference(part);
      std::memcpy(reinterpret_cast<char *>(&wanted) + half * 64, &part, 64);
    }
    wanted = isOutside ? MathLanes::Vector{} +
                             std::numeric_limits<double>::quiet_NaN()
                       : wanted;
    if (done == 0)
      wide = wanted[0];
    auto low = ops.truncate({wanted * (1 - sweepDoubt)});
    auto high = ops.truncate({wanted * (1 + sweepDoubt)});
    auto got = evaluateMathF32(ops, function, x);
    auto differs = (Patterns(got.v) != Patterns(low.v)) |
                   (Patterns(got.v) != Patterns(high.v));
    auto isNaN = [](auto v) { return ((v < 0) == 0) & ((v >= 0) == 0); };
    differs &= ~(isNaN(got.v) & isNaN(low.v));
    bool any = false;
    for (unsigned i = 0; i < lanes; ++i)
      any |= differs[i] != 0;
    for (unsigned i = 0; any && i < lanes; ++i)
      if (differs[i])
        open.push_back(patterns[i]);
  }
}

void mlir::prec::mathSweepAvx512(MathFunction function, uint32_t first,
                                 uint32_t count, std::vector<uint32_t> &open,
                                 double &wide) {
  switch (function) {
#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  case MathFunction::kind:                                                     \
    return sweep<MathFunction::kind, _ZGVeN8v_##word>(first, count, open, wide);
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  }
}
