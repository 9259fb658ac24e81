// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions of two arguments (M-TWO), evaluated in f64: pow and atan2. Not
// correctly rounded; the largest errors measured stand in docs/numerics.md. The
// same bits on every machine.
#ifndef PREC_NUMERICS_MATHBINARY_H
#define PREC_NUMERICS_MATHBINARY_H

#include "prec/Numerics/MathWide.h"

namespace mlir::prec {

template <MathOps Ops> struct Binary : Wide<Ops> {
  using Core = MathCore<Ops>;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;
  using Wide<Ops>::Wide;

  Bit isZero(Double x) {
    return this->ops.equal(this->ops.toWord(this->absolute(x)), this->c(0));
  }
  /// NaN where the condition holds; `x` is one already or has the NaN.
  Double unlessNaN(Double x, Double y) {
    const uint64_t infinity = 0x7ff0000000000000;
    Word magnitude = this->ops.toWord(this->absolute(x));
    return this->select(this->ops.less(this->c(infinity), magnitude),
                        this->r(Core::quietNaN), y);
  }

  /// The angle of |y| / |x|, from pi where x has a sign; signs and quotients
  /// 0/0, infinity/infinity as C has them (Annex F).
  Double atan2(Double y, Double x) {
    Double a = this->absolute(y), b = this->absolute(x);
    Double quotient = this->div(a, b), one = this->r(1.0);
    quotient =
        this->select(this->ops.equal(this->ops.toWord(a), this->ops.toWord(b)),
                     this->select(isZero(y), this->r(0.0), one), quotient);
    Trig<Ops> trig(this->ops);
    Double angle = trig.atan(quotient);
    Double rest = this->sub(this->r(2 * trig.halfPi),
                            this->sub(angle, this->r(2 * trig.halfPiLow)));
    Bit isLeft = this->ops.equal(this->signOf(x), this->c(Core::signBit));
    angle = this->withSign(this->select(isLeft, rest, angle), this->signOf(y));
    return unlessNaN(y, angle); // that of another x has gone through
  }

  /// A number as the sum of two.
  struct Pair {
    Double high, low;
  };

  /// log x for a positive finite x, to 2^-61.9 of the result: with
  /// s = f / (2 + f), z = s^2, it is k ln 2 + 2 s (1 + z / 3 + z^2 (1/5 +
  /// ...)), where s, z and z / 3 are pairs.
  Pair logPair(Double x) {
    auto [k, f] = this->splitAny(x);
    Double two = this->r(2.0), below = this->add(f, two);
    Double belowLow = this->sub(f, this->sub(below, two));
    Double s = this->div(f, below);
    Double left = this->fma(this->negate(s), below, f);
    Double sLow = this->div(this->fma(this->negate(s), belowLow, left), below);
    Double z = this->mul(s, s);
    Double zLow = this->fma(s, s, this->negate(z));
    zLow = this->fma(this->mul(s, two), sLow, zLow);
    Double tail = this->horner(
        z, {1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17,
            1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25, 1.0 / 27, 1.0 / 29});
    // 1/3 in two parts.
    const double third = 0x1.5555555555555p-2, thirdLow = 0x1.5555555555555p-56;
    Double u = this->mul(z, this->r(third));
    Double uLow = this->fma(z, this->r(third), this->negate(u));
    uLow = this->fma(z, this->r(thirdLow), uLow);
    uLow = this->fma(zLow, this->r(third), uLow);
    uLow = this->fma(this->mul(z, z), tail, uLow);
    // 2 s + 2 s u
    Double s2 = this->mul(s, two), s2Low = this->mul(sLow, two);
    Double product = this->mul(s2, u);
    Double productLow = this->fma(s2, u, this->negate(product));
    productLow = this->fma(s2, uLow, productLow);
    productLow = this->fma(s2Low, u, productLow);
    Trig<Ops> trig(this->ops);
    auto first = trig.fastSum(s2, product);
    Double low = this->add(first.error, this->add(s2Low, productLow));
    auto sum = trig.fastSum(this->mul(k, this->r(this->ln2High)), first.sum);
    low = this->add(sum.error, this->fma(k, this->r(this->ln2Low), low));
    auto result = trig.fastSum(sum.sum, low);
    return {result.sum, result.error};
  }

  /// |x|^y by a logarithm in two parts.
  Double magnitudePower(Double a, Double y) {
    auto [high, low] = logPair(a);
    high = this->logSpecials(a, high);
    Double p = this->mul(y, high);
    Double rest = this->fma(y, high, this->negate(p));
    rest = this->fma(y, low, rest);
    Bit isNear = this->less(this->absolute(p), this->r(800.0));
    rest = this->select(isNear, rest, this->r(0.0));
    auto [k, q] = this->exponential(this->clamp(p, -746.0, 710.0));
    Double power = this->fma(rest, this->add(q, this->r(1.0)), q);
    return this->scaleFar(this->add(power, this->r(1.0)), k);
  }

  /// exp(y log |x|): enough for arguments and a result of f32.
  Double magnitudePowerF32(Double a, Double y) {
    return this->exp(this->mul(y, this->log(a)));
  }

  Double pow(Double x, Double y) {
    return powerSpecials(x, y, magnitudePower(this->absolute(x), y));
  }
  Double powF32(Double x, Double y) {
    return powerSpecials(x, y, magnitudePowerF32(this->absolute(x), y));
  }

  /// What IEEE 754 says of zeros, infinities and signs (C, F.10.4.4).
  Double powerSpecials(Double x, Double y, Double power) {
    auto &ops = this->ops;
    Double one = this->r(1.0), a = this->absolute(x);
    Word bits = ops.toWord(this->absolute(y)),
         exponent = ops.lshr(bits, this->c(52));
    // Bits of y below 1; numbers from 2^53 on are even.
    Word below = ops.sub(this->c(1075), ops.minimum(exponent, this->c(1075)));
    below = ops.minimum(below, this->c(63));
    Word fraction =
        ops.select(ops.less(exponent, this->c(1023)), this->c(~uint64_t(0)),
                   ops.sub(ops.shl(this->c(1), below), this->c(1)));
    Bit isWhole = ops.equal(ops.bitAnd(bits, fraction), this->c(0));
    Bit isHuge = ops.less(this->c(1075), exponent);
    Word odd = ops.bitAnd(ops.lshr(bits, below), this->c(1));
    odd = ops.select(isHuge, this->c(0), ops.select(isWhole, odd, this->c(0)));

    // +-1 to any power that is not NaN has magnitude 1, infinite ones too.
    power = this->select(ops.equal(ops.toWord(a), ops.toWord(one)), one, power);
    power = unlessNaN(y, power);
    // A negative x (or -0) needs a whole y; an odd one keeps the sign.
    Word sign = ops.bitAnd(this->signOf(x), ops.sub(this->c(0), odd));
    power = this->withSign(power, sign);
    Double undefined = this->select(isWhole, power, this->r(Core::quietNaN));
    undefined =
        this->select(this->less(a, this->r(Core::infinity)), undefined, power);
    power = this->select(this->less(x, this->r(0.0)), undefined, power);
    power = this->select(isZero(y), one, power);
    return this->select(ops.equal(ops.toWord(x), ops.toWord(one)), one, power);
  }
};

/// The machine face.
float evaluateAtan2(float y, float x);
double evaluateAtan2(double y, double x);
float evaluatePower(float x, float y);
double evaluatePower(double x, double y);

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHBINARY_H
