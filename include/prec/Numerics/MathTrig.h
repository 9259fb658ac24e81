// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trigonometric functions and their inverses of an f32 value, evaluated in f64.
//
// Reduction: 2/pi is cut into eight pieces of at most 28 bits, so x times a
// piece is exact, and whole multiples of 4 quadrants can be taken off each
// product without error; the remainders are summed in two parts. This holds for
// every finite f32, needs neither branch nor table, and leaves x - k pi/2 in
// two parts (Cody and Waite's idea with Payne and Hanek's reach).
#ifndef PREC_NUMERICS_MATHTRIG_H
#define PREC_NUMERICS_MATHTRIG_H

#include "prec/Numerics/MathCore.h"

namespace mlir::prec {

template <MathOps Ops> struct Trig : MathCore<Ops> {
  using Core = MathCore<Ops>;
  using Core::Core;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;

  static constexpr double halfPi = 0x1.921fb54442d18p0;
  static constexpr double halfPiLow = 0x1.1a62633145c07p-54;

  /// a + b = sum + error exactly (Knuth).
  struct Sum {
    Double sum, error;
  };
  Sum twoSum(Double a, Double b) {
    Double sum = this->add(a, b);
    Double other = this->sub(sum, a);
    Double error =
        this->add(this->sub(a, this->sub(sum, other)), this->sub(b, other));
    return {sum, error};
  }

  /// The same for |a| >= |b|, and where the sum is a number (Dekker).
  Sum fastSum(Double a, Double b) {
    Double sum = this->add(a, b);
    return {sum, this->sub(b, this->sub(sum, a))};
  }

  /// |x| = quadrant pi/2 + (high + low), |high| <= pi/4.
  struct Reduced {
    Word quadrant;
    Double high, low;
  };
  Reduced reduce(Double x) {
    Quadrants total = {this->r(0.0), this->r(0.0), this->r(0.0)};
    for (double piece : {0x1.45f306cp-1, 0x1.c9c882ap-29, 0x1.4fe13a8p-59,
                         0x1.f47d4dp-86, 0x1.bb81b6cp-113, 0x1.4acc9ep-143,
                         0x1.0e4107cp-170, 0x1.ca2c756p-197})
      accumulate(total, this->mul(x, this->r(piece)));
    return finish(total);
  }

  /// A number of quadrants in two parts; f64 arguments need a third.
  struct Quadrants {
    Double sum, low, lowest;
  };
  /// Adds an exact product of at most 52 bits, less a multiple of 4.
  void accumulate(Quadrants &total, Double product, bool inThree = false) {
    Double fours = this->nearestWhole(this->mul(product, this->r(0.25))).number;
    Double rest = this->fma(fours, this->r(-4.0), product);
    // From 2^53 on a product of 52 bits is a multiple of 4, and so is the rest
    // of what `nearestWhole` makes of it. Where a rest is greater than the sum
    // it has at most 52 bits, of which the last is not above the sum's.
    auto [sum, error] = fastSum(total.sum, rest);
    total.sum = sum;
    if (!inThree) {
      total.low = this->add(total.low, error);
      return;
    }
    auto [low, lost] = twoSum(total.low, error);
    total.low = low;
    total.lowest = this->add(total.lowest, lost);
  }
  Reduced finish(const Quadrants &total) {
    auto whole = this->nearestWhole(total.sum);
    Double part = this->sub(total.sum, whole.number); // exact
    auto [high, lost] = twoSum(part, total.low);
    Double low = this->add(lost, total.lowest);
    Double radians = this->mul(high, this->r(halfPi));
    Double error = this->fma(high, this->r(halfPi), this->negate(radians));
    error = this->fma(high, this->r(halfPiLow), error);
    error = this->fma(low, this->r(halfPi), error);
    return {whole.word, radians, error};
  }

  /// sin(high + low) = high + (high^3 S(high^2) + low)
  Double sine(const Reduced &a) {
    Double z = this->mul(a.high, a.high);
    Double series = this->horner(
        z, {-0x1.5555555555555p-3, 0x1.111111111101fp-7, -0x1.a01a019fe8deep-13,
            0x1.71de3a10d916p-19, -0x1.ae63f902ad1d3p-26, 0x1.60e6892b06572p-33,
            -0x1.8db88c6495cf6p-41});
    return this->add(a.high, this->fma(this->mul(a.high, z), series, a.low));
  }

  /// 1 - z/2 in two parts, then z^2 C(z) - high low
  Double cosine(const Reduced &a) {
    Double z = this->mul(a.high, a.high);
    Double series = this->horner(
        z, {0x1.5555555555555p-5, -0x1.6c16c16c16a34p-10, 0x1.a01a019fb8533p-16,
            -0x1.27e4faefdb92p-22, 0x1.1eecd784cc84cp-29,
            -0x1.92a873df377e8p-37, 0x1.35bb93662ceeap-45});
    Double half = this->mul(z, this->r(0.5));
    Double first = this->sub(this->r(1.0), half);
    Double error = this->sub(this->sub(this->r(1.0), first), half);
    Double tail = this->fma(this->negate(a.high), a.low,
                            this->fma(this->mul(z, z), series, error));
    return this->add(first, tail);
  }

  Bit bitOf(Word word, unsigned at) {
    auto &ops = this->ops;
    return ops.equal(ops.bitAnd(ops.lshr(word, this->c(at)), this->c(1)),
                     this->c(1));
  }
  Word signBitOf(Word word, unsigned at) {
    return this->ops.bitAnd(this->ops.shl(word, this->c(63 - at)),
                            this->c(Core::signBit));
  }
  Double unlessInfinite(Double x, Double y) {
    return this->select(this->less(this->absolute(x), this->r(Core::infinity)),
                        y, this->r(Core::quietNaN));
  }

  /// The functions of x from |x| reduced.
  Double sinOf(Double x, const Reduced &a) {
    Double y = this->select(bitOf(a.quadrant, 0), cosine(a), sine(a));
    y = this->withSign(y, signBitOf(a.quadrant, 1));
    return unlessInfinite(x, this->withSign(y, this->signOf(x)));
  }
  Double cosOf(Double x, const Reduced &a) {
    Double y = this->select(bitOf(a.quadrant, 0), sine(a), cosine(a));
    Word next = this->ops.add(a.quadrant, this->c(1));
    return unlessInfinite(x, this->withSign(y, signBitOf(next, 1)));
  }
  Double tanOf(Double x, const Reduced &a) {
    Double s = sine(a), k = cosine(a);
    Bit odd = bitOf(a.quadrant, 0);
    Double y = this->div(this->select(odd, k, s), this->select(odd, s, k));
    y = this->withSign(y, signBitOf(a.quadrant, 0));
    return unlessInfinite(x, this->withSign(y, this->signOf(x)));
  }

  Double sin(Double x) { return sinOf(x, reduce(this->absolute(x))); }
  Double cos(Double x) { return cosOf(x, reduce(this->absolute(x))); }
  Double tan(Double x) { return tanOf(x, reduce(this->absolute(x))); }

  /// asin(x) - x for |x| <= 1/2
  Double arcsineTail(Double x) {
    Double z = this->mul(x, x);
    Double series = this->horner(
        z, {0x1.5555555555556p-3, 0x1.3333333332dc8p-4, 0x1.6db6db6e442c2p-5,
            0x1.f1c71c1478c99p-6, 0x1.6e8bb30e1ec7fp-6, 0x1.1c4d1a728320cp-6,
            0x1.c9d1fdde00adcp-7, 0x1.780afde12367ep-7, 0x1.52eb7188854b3p-7,
            0x1.603756a56843cp-8, 0x1.20a9f27100c9ep-6, -0x1.f17000ec61ef6p-7,
            0x1.dabba237cce46p-6});
    return this->mul(this->mul(x, z), series);
  }
  /// sqrt((1 - a) / 2), a >= 1/2: asin(a) = pi/2 - 2 asin of this. NaN for a
  /// > 1.
  Double halfAngle(Double a) {
    return this->ops.fsqrt(this->mul(this->sub(this->r(1.0), a), this->r(0.5)));
  }

  Double asin(Double x) {
    Double a = this->absolute(x);
    Bit small = this->less(a, this->r(0.5));
    Double t = this->select(small, a, halfAngle(a));
    Double tail = arcsineTail(t);
    Double big = this->sub(this->r(halfPiLow), this->mul(this->r(2.0), tail));
    big = this->add(this->fma(t, this->r(-2.0), this->r(halfPi)), big);
    Double y = this->select(small, this->add(t, tail), big);
    return this->withSign(y, this->signOf(x));
  }

  Double acos(Double x) {
    Double a = this->absolute(x);
    Bit small = this->less(a, this->r(0.5));
    Double t = this->select(small, a, halfAngle(a));
    Double tail = arcsineTail(t);
    Double angle = this->add(t, tail);
    Word sign = this->signOf(x);
    // |x| < 1/2: pi/2 - asin x; else 2 asin t, or pi minus that.
    Double middle =
        this->sub(this->r(halfPi),
                  this->sub(this->withSign(angle, sign), this->r(halfPiLow)));
    Double twice = this->mul(this->r(2.0), angle);
    Double left = this->sub(this->r(2 * halfPi),
                            this->sub(twice, this->r(2 * halfPiLow)));
    Double right = this->select(this->less(x, this->r(0.0)), left, twice);
    return this->select(small, middle, right);
  }

  /// |x| > tan(3 pi/8): pi/2 + atan(-1/x); > tan(pi/8): pi/4 +
  /// atan((x-1)/(x+1))
  Double atan(Double x) {
    Double a = this->absolute(x), one = this->r(1.0);
    Bit big = this->less(this->r(0x1.3504f333f9de6p1), a);
    Bit middle = this->less(this->r(0x1.a827999fcef32p-2), a);
    Double upper = this->select(big, this->r(-1.0), this->sub(a, one));
    Double lower = this->select(big, a, this->add(a, one));
    Double base = this->select(big, this->r(halfPi), this->r(halfPi / 2));
    Double baseLow =
        this->select(big, this->r(halfPiLow), this->r(halfPiLow / 2));
    Double t = this->select(middle, this->div(upper, lower), a);
    Double z = this->mul(t, t);
    Double series = this->horner(
        z, {-0x1.5555555555555p-2, 0x1.9999999999806p-3, -0x1.249249248096ap-3,
            0x1.c71c71bb91e86p-4, -0x1.745d1529076f4p-4, 0x1.3b1373db5240bp-4,
            -0x1.110c7f7906d52p-4, 0x1.e16c288e36f6p-5, -0x1.ab1ba6a5cf68cp-5,
            0x1.6de087bb328b9p-5, -0x1.0473585749557p-5, 0x1.6ace5e78f7a4cp-7,
            0x1.19113ad711e7dp-8});
    Double tail = this->mul(this->mul(t, z), series);
    Double y = this->select(
        middle, this->add(base, this->add(t, this->add(tail, baseLow))),
        this->add(t, tail));
    return this->withSign(y, this->signOf(x));
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHTRIG_H
