// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions of an f64 value: the same steps as for f32 where they carry,
// with f64's range. Not correctly rounded; the largest errors measured stand in
// docs/numerics.md. The same bits on every machine.
#ifndef PREC_NUMERICS_MATHWIDE_H
#define PREC_NUMERICS_MATHWIDE_H

#include "prec/Numerics/MathHyperbolic.h"
#include "prec/Numerics/MathSpecial.h"
#include "prec/Numerics/MathTrig.h"

#include <array>
#include <vector>

namespace mlir::prec {

template <MathOps Ops> struct Wide : Hyperbolic<Ops> {
  using Core = MathCore<Ops>;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;
  using typename ExpLog<Ops>::Split;
  using Hyperbolic<Ops>::Hyperbolic;

  /// x 2^k for any result, |k| < 2^12: two factors, so that the only rounding
  /// is that of a subnormal result. Of a factor's exponent `scale` takes the
  /// lowest 12 bits, those of k / 2 if k's bits above are shifted in.
  Double scaleFar(Double x, Word k) {
    auto &ops = this->ops;
    Word half = ops.lshr(k, this->c(1));
    Double first = this->mul(x, this->scale(this->r(1.0), half));
    return this->mul(first, this->scale(this->r(1.0), ops.sub(k, half)));
  }
  Word less1(Word k) { return this->ops.sub(k, this->c(1)); }

  Double exp(Double x) {
    auto [k, q] = this->exponential(this->clamp(x, -746.0, 710.0));
    return scaleFar(this->add(q, this->r(1.0)), k);
  }

  Double exp2(Double x) {
    Double limited = this->clamp(x, -1076.0, 1025.0);
    auto k = this->nearestWhole(limited);
    Double y =
        this->add(this->powerTail(this->sub(limited, k.number)), this->r(1.0));
    return scaleFar(y, k.word);
  }

  /// Half of exp(x) - 1, which does not overflow before it must.
  Double halfGrowth(Double x) {
    auto [k, q] = this->exponential(this->clamp(x, -60.0, 710.0));
    Double power = this->scale(this->r(1.0), less1(k));
    return this->fma(q, power, this->sub(power, this->r(0.5)));
  }

  Double expm1(Double x) {
    Double half = halfGrowth(x);
    return this->select(this->less(this->absolute(x), this->r(0x1p-60)), x,
                        this->add(half, half));
  }

  /// As `split`, for subnormal x too.
  Split splitAny(Double x) {
    Bit subnormal = this->less(x, this->r(0x1p-1022));
    auto [k, f] =
        this->split(this->select(subnormal, this->mul(x, this->r(0x1p54)), x));
    return {this->select(subnormal, this->sub(k, this->r(54.0)), k), f};
  }

  Double log(Double x) {
    auto [k, f] = splitAny(x);
    return this->logSpecials(x, this->logOf(k, f));
  }
  Double log2(Double x) {
    auto [k, f] = splitAny(x);
    return this->logSpecials(x, this->log2Of(k, f));
  }
  Double log10(Double x) {
    auto [k, f] = splitAny(x);
    return this->logSpecials(x, this->log10Of(k, f));
  }
  Double log1p(Double x) {
    Double y = this->logOnePlus(x);
    y = this->select(this->less(this->absolute(x), this->r(0x1p-60)), x, y);
    return this->logSpecials(this->add(x, this->r(1.0)), y);
  }

  /// With h = (exp a - 1) / 2: sinh = (2h + 2h / (2h + 1)) / 2
  Double sinh(Double x) {
    Double h = halfGrowth(this->absolute(x));
    Double y =
        this->add(h, this->div(h, this->fma(h, this->r(2.0), this->r(1.0))));
    return this->oddResult(x, farGrowth(x, y));
  }
  /// exp(a) / 2 beyond 40, where 1/2 is lost: exp(a) may overflow, half of it
  /// not, and y may be anything.
  Double farGrowth(Double x, Double y) {
    Double a = this->absolute(x);
    auto [k, q] = this->exponential(this->atMost(a, 711.0));
    Double far = scaleFar(this->add(q, this->r(1.0)), less1(k));
    return this->select(this->less(this->r(40.0), a), far, y);
  }
  Double cosh(Double x) {
    Double a = this->absolute(x);
    auto [k, q] = this->exponential(a);
    Double e = scaleFar(this->add(q, this->r(1.0)), k);
    Double y = this->add(e, this->div(this->r(1.0), e));
    return farGrowth(x, this->mul(y, this->r(0.5)));
  }
  Double tanh(Double x) {
    Double h = halfGrowth(this->mul(this->absolute(x), this->r(2.0)));
    return this->oddResult(x, this->div(h, this->add(h, this->r(1.0))));
  }

  /// Beyond 2^30 log(2a), so that a^2 need not exist.
  Double asinh(Double x) {
    Double a = this->absolute(x);
    Double near = Hyperbolic<Ops>::asinh(x);
    auto [k, f] = this->split(a);
    Double far = this->withSign(this->logOf(this->add(k, this->r(1.0)), f),
                                this->signOf(x));
    Double y = this->select(this->less(this->r(0x1p30), a), far, near);
    return this->select(this->less(a, this->r(Core::infinity)), y, x);
  }
  Double acosh(Double x) {
    Double near = Hyperbolic<Ops>::acosh(x);
    auto [k, f] = this->split(x);
    Double far = this->logOf(this->add(k, this->r(1.0)), f);
    Double y = this->select(this->less(this->r(0x1p30), x), far, near);
    return this->select(this->less(x, this->r(Core::infinity)), y, x);
  }
  Double atanh(Double x) { return Hyperbolic<Ops>::atanh(x); }

  Double sqrt(Double x) { return this->ops.fsqrt(x); }
  Double rsqrt(Double x) { return Special<Ops>(this->ops).rsqrt(x); }
  /// Subnormal numbers are scaled up, the largest down: no cube overflows.
  Double cbrt(Double x) {
    Double a = this->absolute(x), one = this->r(1.0);
    Bit small = this->less(a, this->r(0x1p-1000));
    Bit large = this->less(this->r(0x1p1000), a);
    auto choose = [&](double ifSmall, double ifLarge) {
      return this->select(small, this->r(ifSmall),
                          this->select(large, this->r(ifLarge), one));
    };
    Double y =
        Special<Ops>(this->ops).cbrt(this->mul(x, choose(0x1p60, 0x1p-60)));
    return this->mul(y, choose(0x1p-20, 0x1p20));
  }

  Double asin(Double x) { return Trig<Ops>(this->ops).asin(x); }
  Double acos(Double x) { return Trig<Ops>(this->ops).acos(x); }
  Double atan(Double x) { return Trig<Ops>(this->ops).atan(x); }

  /// |x| below 2^78 for the windows: |x| = y 2^(25 skip), and the pieces of
  /// 2/pi (25 bits each) before `skip` give multiples of 4 quadrants. The eight
  /// that follow are selected bit by bit of `skip`; y in two halves makes each
  /// product exact.
  typename Trig<Ops>::Reduced reduceFar(Double x) {
    auto &ops = this->ops;
    Trig<Ops> trig(ops);
    static constexpr std::array<double, 46> pieces = {
        21361414, 28915984, 11096033, 7699743,  10918840, 3594405,  13409825,
        26231294, 10667863, 24833813, 17676579, 14918692, 28990464, 26364858,
        17098953, 1900061,  30816610, 10919163, 21238191, 22211508, 9477427,
        18614701, 3129120,  20550102, 7538342,  15192690, 2292829,  31429251,
        23330578, 33552257, 13371383, 19861899, 11801818, 8238297,  32930110,
        11574132, 32032748, 27760634, 18266771, 29018091, 30139126, 15998183,
        29119124, 19834559, 23852579, 31676226};
    Word exponent = ops.lshr(ops.toWord(x), this->c(52));
    // floor((exponent - 1023 - 54) / 25) by multiplication, 0 if negative.
    Word above = ops.sub(ops.maximum(exponent, this->c(1077)), this->c(1077));
    Word skip = ops.lshr(ops.mul(above, this->c(5243)), this->c(17));
    Word down = ops.mul(skip, this->c(25));
    Double y = ops.toDouble(ops.sub(ops.toWord(x), ops.shl(down, this->c(52))));

    std::vector<Double> window;
    for (double piece : pieces)
      window.push_back(this->r(piece));
    for (unsigned bit = 6; bit-- > 0;) {
      Bit set = trig.bitOf(skip, bit);
      size_t count = std::min<size_t>(window.size(), 8 + (1u << bit) - 1);
      for (size_t i = 0; i < count; ++i) {
        size_t from = i + (size_t(1) << bit);
        window[i] = this->select(
            set, from < window.size() ? window[from] : this->r(0.0), window[i]);
      }
      window.resize(count, this->r(0.0));
    }
    Double upper =
        ops.toDouble(ops.bitAnd(ops.toWord(y), this->c(~uint64_t(0x7ffffff))));
    Double lower = this->sub(y, upper);
    typename Trig<Ops>::Quadrants total = {this->r(0.0), this->r(0.0),
                                           this->r(0.0)};
    double weight = 1;
    for (size_t i = 0; i < 8; ++i) {
      weight *= 0x1p-25;
      Double piece = this->mul(window[i], this->r(weight));
      trig.accumulate(total, this->mul(upper, piece), /*inThree=*/true);
      trig.accumulate(total, this->mul(lower, piece), /*inThree=*/true);
    }
    return trig.finish(total);
  }
  /// Odd functions of slope 1 are x below 2^-60.
  Double near0(Double x, Double y) {
    return this->select(this->less(this->absolute(x), this->r(0x1p-60)), x, y);
  }
  Double sin(Double x) {
    return near0(x,
                 Trig<Ops>(this->ops).sinOf(x, reduceFar(this->absolute(x))));
  }
  Double cos(Double x) {
    return Trig<Ops>(this->ops).cosOf(x, reduceFar(this->absolute(x)));
  }
  Double tan(Double x) {
    return near0(x,
                 Trig<Ops>(this->ops).tanOf(x, reduceFar(this->absolute(x))));
  }

  /// exp(-a^2) with a^2 in two parts.
  Double erfcFar(Double a) {
    Double square = this->mul(a, a);
    Double rest = this->fma(a, a, this->negate(square));
    auto [k, q] = this->exponential(this->negate(square));
    Double power = this->add(q, this->r(1.0));
    power = this->sub(power, this->mul(power, rest));
    Double t =
        this->div(this->sub(a, this->r(3.0)), this->add(a, this->r(3.0)));
    Double series =
        this->horner(t, {0x1.40c522d7e4987p+0,   -0x1.15c084bb9e8f3p-3,
                         -0x1.85a15c58aa615p-5,  0x1.098366a5b46b3p-3,
                         -0x1.e88b803a488b2p-4,  0x1.17ca2877f1675p-4,
                         -0x1.8574c40c1b431p-6,  0x1.4b884e432a19cp-9,
                         0x1.ef1bdd8fe9bdcp-10,  -0x1.98db50eb43a2cp-11,
                         -0x1.b9129c964ae69p-14, 0x1.065a33b578672p-13,
                         0x1.4c32fa1bee912p-18,  -0x1.513b120d59a4cp-16,
                         -0x1.89fee645d10d9p-21, 0x1.d20cca01fba6dp-19,
                         0x1.8559b3685ae3ap-22,  -0x1.4b63f235d05d7p-21,
                         -0x1.446ab979343bcp-23, 0x1.c2aef5463fae1p-24,
                         0x1.b691933bc06f9p-25,  -0x1.459992f2736e9p-26,
                         -0x1.9cfe88c0a3f5fp-27, 0x1.4d86e163ac570p-28});
    Double lower = this->fma(a, this->r(2.0), this->r(1.0));
    return scaleFar(this->mul(this->div(series, lower), power), k);
  }
  Double erf(Double x) {
    Double a = this->absolute(x);
    Double big = erfcFar(this->clamp(a, 0.83, 27.3));
    big = this->withSign(this->sub(this->r(1.0), big), this->signOf(x));
    return this->select(this->less(this->r(0.84), a), big,
                        Special<Ops>(this->ops).erfSmall(x));
  }
  Double erfc(Double x) {
    Double a = this->absolute(x);
    Double big = erfcFar(this->clamp(a, 0.83, 27.3));
    big = this->select(this->less(x, this->r(0.0)),
                       this->sub(this->r(2.0), big), big);
    Double small = this->sub(this->r(1.0), Special<Ops>(this->ops).erfSmall(x));
    return this->select(this->less(this->r(0.84), a), big, small);
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHWIDE_H
