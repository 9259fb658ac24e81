// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exponentials and logarithms of an f32 value, evaluated in f64: rounding the
// result to f32 gives the correctly rounded function.
//
// exp: x = k ln2 + r, |r| <= ln2/2, exp(r) by a minimax polynomial (Sollya).
// log: x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt 2), s = f / (2 + f),
// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))) as in FreeBSD's msun; f has 24
// bits here, so f^2/2 is exact.
#ifndef PREC_NUMERICS_MATHEXPLOG_H
#define PREC_NUMERICS_MATHEXPLOG_H

#include "prec/Numerics/MathCore.h"

namespace mlir::prec {

template <MathOps Ops> struct ExpLog : MathCore<Ops> {
  using Core = MathCore<Ops>;
  using Core::Core;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;

  // ln 2 in 40 bits, so that k ln2 is exact, and the rest.
  static constexpr double ln2High = 0x1.62e42fefa4p-1;
  static constexpr double ln2Low = -0x1.8432a1b0e2634p-43;
  static constexpr double inverseLn2 = 0x1.71547652b82fep0;
  static constexpr double inverseLn2Low = 0x1.777d0ffda0d24p-56;

  /// exp(x) = 2^k (1 + q) with q in [-0.3, 0.42]; precondition |x| < 2^20.
  struct Exponential {
    Word k;
    Double q;
  };
  Exponential exponential(Double x) {
    auto k = this->nearestWhole(this->mul(x, this->r(inverseLn2)));
    Double reduced = this->fma(k.number, this->r(-ln2High), x);
    reduced = this->fma(k.number, this->r(-ln2Low), reduced);
    Double tail = this->horner(
        reduced,
        {0x1p-1, 0x1.5555555555557p-3, 0x1.5555555555557p-5,
         0x1.111111111005p-7, 0x1.6c16c16c156a5p-10, 0x1.a01a01ac1e913p-13,
         0x1.a01a01ab9885dp-16, 0x1.71de01aacddadp-19, 0x1.27e4cfaefd041p-22,
         0x1.af4ecf3058f07p-26, 0x1.1f86f0def2ce8p-29});
    return {k.word, this->fma(this->mul(reduced, reduced), tail, reduced)};
  }

  Double exp(Double x) {
    auto [k, q] = exponential(this->clamp(x, -104.0, 89.0));
    return this->scale(this->add(q, this->r(1.0)), k);
  }

  /// 2^r - 1 for |r| <= 1/2
  Double powerTail(Double reduced) {
    Double q = this->horner(
        reduced,
        {0x1.ebfbdff82c58fp-3, 0x1.c6b08d704a0c6p-5, 0x1.3b2ab6fba4d47p-7,
         0x1.5d87fe78a40b5p-10, 0x1.430912f8c283ap-13, 0x1.ffcbfc6d4f817p-17,
         0x1.62c020e773156p-20, 0x1.b524ec89203e8p-24, 0x1.e4d3fd48a95c9p-28,
         0x1.e9eb0b2f9cdd5p-32, 0x1.bdfad0b3c8681p-36});
    Double tail = this->fma(q, reduced, this->r(0x1.abc9e3b39803fp-56));
    return this->fma(reduced, this->r(0x1.62e42fefa39efp-1),
                     this->mul(reduced, tail));
  }

  Double exp2(Double x) {
    Double limited = this->clamp(x, -151.0, 129.0);
    auto k = this->nearestWhole(limited);
    Double reduced = this->sub(limited, k.number); // exact
    Double q = powerTail(reduced);
    return this->scale(this->add(q, this->r(1.0)), k.word);
  }

  /// 2^k (1 + q) - 1 with one rounding after q.
  Double expm1(Double x) {
    auto [k, q] = exponential(this->clamp(x, -104.0, 89.0));
    Double power = this->scale(this->r(1.0), k);
    Double y = this->fma(q, power, this->sub(power, this->r(1.0)));
    // Keeps the sign of zero; tiny x are their own result to f64's precision.
    return this->select(this->less(this->absolute(x), this->r(0x1p-60)), x, y);
  }

  /// x = 2^k (1 + f) for a positive normal x.
  struct Split {
    Double k, f;
  };
  Split split(Double x) {
    auto &ops = this->ops;
    const uint64_t sqrtHalf = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000;
    Word word = ops.toWord(x);
    Word biased = ops.lshr(ops.add(word, this->c(one - sqrtHalf)), this->c(52));
    Word fraction =
        ops.sub(word, ops.shl(ops.sub(biased, this->c(1023)), this->c(52)));
    return {this->sub(this->fromWord(biased), this->r(1023.0)),
            this->sub(ops.toDouble(fraction), this->r(1.0))};
  }

  /// log(1 + f) = f - u.
  Double logTail(Double f) {
    Double s = this->div(f, this->add(f, this->r(2.0)));
    Double z = this->mul(s, s);
    Double series = this->mul(
        z, this->horner(z, {0x1.5555555555555p-1, 0x1.9999999999d59p-2,
                            0x1.249249242ee19p-2, 0x1.c71c725c5f489p-3,
                            0x1.745cdb74eb79bp-3, 0x1.3b215941758abp-3,
                            0x1.0f4a13a977a76p-3, 0x1.1023cab0a251cp-3}));
    Double halfSquare = this->mul(this->mul(f, f), this->r(0.5));
    return this->fma(this->negate(s), this->add(halfSquare, series),
                     halfSquare);
  }

  /// What logarithms give outside the positive finite numbers.
  Double logSpecials(Double x, Double y) {
    y = this->select(this->less(x, this->r(Core::infinity)), y, x);
    y = this->select(this->less(x, this->r(0.0)), this->r(Core::quietNaN), y);
    return this->select(
        this->ops.equal(this->ops.toWord(this->absolute(x)), this->c(0)),
        this->r(-Core::infinity), y);
  }

  Double logOf(Double k, Double f) {
    Double u = this->fma(k, this->r(-ln2Low), logTail(f));
    return this->fma(k, this->r(ln2High), this->sub(f, u));
  }

  Double log(Double x) {
    auto [k, f] = split(x);
    Double y = logOf(k, f);
    return logSpecials(x, y);
  }

  /// (k + (f - u) / ln 2), the product f / ln 2 in two parts.
  Double log2Of(Double k, Double f) {
    Double high = this->mul(f, this->r(inverseLn2));
    Double low = this->fma(f, this->r(inverseLn2), this->negate(high));
    low = this->fma(f, this->r(inverseLn2Low), low);
    low = this->fma(this->negate(logTail(f)), this->r(inverseLn2), low);
    return this->add(k, this->add(high, low));
  }
  Double log2(Double x) {
    auto [k, f] = split(x);
    return logSpecials(x, log2Of(k, f));
  }

  Double log10Of(Double k, Double f) {
    const double inverse = 0x1.bcb7b1526e50ep-2;
    Double high = this->mul(f, this->r(inverse));
    Double low = this->fma(f, this->r(inverse), this->negate(high));
    low = this->fma(f, this->r(0x1.95355baaafad3p-57), low);
    low = this->fma(this->negate(logTail(f)), this->r(inverse), low);
    low = this->fma(k, this->r(-0x1.80433b83b532ap-44), low);
    return this->fma(k, this->r(0x1.34413509f8p-2), this->add(high, low));
  }
  Double log10(Double x) {
    auto [k, f] = split(x);
    Double y = log10Of(k, f);
    return logSpecials(x, y);
  }

  /// f = x itself where 1 + x needs no power of two: then nothing is lost.
  Double log1p(Double x) {
    Double sum = this->add(x, this->r(1.0));
    auto [k, f] = split(sum);
    Bit isOne = this->less(this->absolute(k), this->r(0.5));
    f = this->select(isOne, x, f);
    Double y = logOf(k, f);
    y = this->select(this->less(this->absolute(x), this->r(0x1p-60)), x, y);
    return logSpecials(sum, y);
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHEXPLOG_H
