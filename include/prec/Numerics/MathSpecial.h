// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Roots and error functions of an f32 value, evaluated in f64.
//
// erfc(x) = exp(-x^2) G(t) / (1 + 2 x) with t = (x - 3) / (x + 3): one
// polynomial covers 0.83 <= x <= 10.2, beyond which f32 has underflowed; x^2 is
// exact in f64.
#ifndef PREC_NUMERICS_MATHSPECIAL_H
#define PREC_NUMERICS_MATHSPECIAL_H

#include "prec/Numerics/MathExpLog.h"

namespace mlir::prec {

template <MathOps Ops> struct Special : ExpLog<Ops> {
  using Core = MathCore<Ops>;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;
  using ExpLog<Ops>::ExpLog;

  Double sqrt(Double x) { return this->ops.fsqrt(x); }
  Double rsqrt(Double x) { return this->div(this->r(1.0), this->ops.fsqrt(x)); }

  /// First guess by a third of the exponent (within 5 %), then Halley's
  /// iteration, which cubes the error: 2^-4, 2^-13, 2^-40, 2^-53.
  Double cbrt(Double x) {
    auto &ops = this->ops;
    Double a = this->absolute(x);
    // A third of the upper half of the word; multiplication by (2^32 + 2) / 3.
    Word upper = ops.lshr(ops.toWord(a), this->c(32));
    Word third = ops.lshr(ops.mul(upper, this->c(0x55555556)), this->c(32));
    Double y =
        ops.toDouble(ops.shl(ops.add(third, this->c(0x2a9f7893)), this->c(32)));
    for (int step = 0; step < 3; ++step) {
      Double square = this->mul(y, y);
      Double residual = this->fma(this->negate(square), y, a);
      Double slope = this->fma(square, this->add(y, y), a);
      y = this->fma(this->div(residual, slope), y, y);
    }
    y = this->withSign(y, this->signOf(x));
    Bit isRegular =
        ops.less(ops.sub(ops.toWord(a), this->c(1)),
                 this->c(std::bit_cast<uint64_t>(Core::infinity) - 1));
    return this->select(isRegular, y, x);
  }

  /// erf(x) for |x| < 0.84
  Double erfSmall(Double x) {
    Double z = this->mul(x, x);
    Double tail = this->horner(
        z,
        {-0x1.812746b0379e7p-2, 0x1.ce2f21a042c12p-4, -0x1.b82ce31289b42p-6,
         0x1.565bcd0e977bbp-8, -0x1.c02db409d3f1dp-11, 0x1.f9a32841ccb95p-14,
         -0x1.f4d27849395dfp-17, 0x1.b9e842364b964p-20, -0x1.5f7e25e4dd619p-23,
         0x1.fcb1df3204408p-27, -0x1.4c019a47b9532p-30, 0x1.489f6a5a0964ap-34});
    tail = this->fma(z, tail, this->r(0x1.1bdb783cbd2c4p-56));
    return this->fma(x, this->r(0x1.20dd750429b6dp0), this->mul(x, tail));
  }

  /// erfc(a) for 0.83 <= a <= 10.2
  Double erfcBig(Double a) {
    auto [k, q] = this->exponential(this->negate(this->mul(a, a)));
    Double power = this->scale(this->add(q, this->r(1.0)), k);
    Double t =
        this->div(this->sub(a, this->r(3.0)), this->add(a, this->r(3.0)));
    Double series =
        this->horner(t, {0x1.40c522d7e4987p+0,   -0x1.15c084bb9e8f3p-3,
                         -0x1.85a15c58aa615p-5,  0x1.098366a5b46a9p-3,
                         -0x1.e88b803a48890p-4,  0x1.17ca2877f1c43p-4,
                         -0x1.8574c40c1c12bp-6,  0x1.4b884e419d1b2p-9,
                         0x1.ef1bdd8fe770fp-10,  -0x1.98db5076c93bep-11,
                         -0x1.b9129b625387ap-14, 0x1.065a1f23d48e1p-13,
                         0x1.4c31979cdbcd6p-18,  -0x1.51367f56f1fe4p-16,
                         -0x1.899c30d048fe3p-21, 0x1.d166e25797cc2p-19,
                         0x1.816a83a3b8309p-22,  -0x1.440a23a264e38p-21,
                         -0x1.2cfe25776a074p-23, 0x1.60e2b5b23bd4ap-24,
                         0x1.1eec4cf8e33b3p-25});
    Double lower = this->fma(a, this->r(2.0), this->r(1.0));
    return this->mul(this->div(series, lower), power);
  }

  /// erf(a) for 0.83 <= a <= 3.93, where it rounds to 1 in f32: the Chebyshev
  /// series of degree 28 in powers of a - 2.375, which is exact; within 2^-55.
  Double erfBig(Double a) {
    return this->horner(
        this->sub(a, this->r(2.375)),
        {0x1.ff9960f3eb327p-1,   0x1.06918b6355673p-8,   -0x1.37ccd585f5748p-7,
         0x1.c1ec102e35bf8p-7,   -0x1.ae59615f8cbf7p-7,  0x1.11dae4735a875p-7,
         -0x1.982b274be275ap-9,  0x1.0283e0a4b4e8cp-13,  0x1.377c45386d874p-11,
         -0x1.61ec707a9521bp-12, 0x1.cae8180e4ac91p-15,  0x1.0927638c35f5bp-15,
         -0x1.5cf9d8154f226p-16, 0x1.a5ca35aa360ffp-19,  0x1.c215242bbb23fp-20,
         -0x1.edf358a9139dep-21, 0x1.4d0dd047ffdc2p-24,  0x1.56de7d2fa6c99p-24,
         -0x1.f5814d2aa604dp-26, -0x1.66bc96c98cce2p-31, 0x1.92c98b801e688p-29,
         -0x1.484a07743a979p-31, -0x1.1cc12c0031e7cp-33, 0x1.45e5c716e89acp-34,
         -0x1.9041b3de31092p-39, -0x1.4803a1dbaab31p-38, 0x1.a3019fb2895f4p-41,
         0x1.3a1ed07414110p-43,  -0x1.3b300769d318bp-45});
  }

  Double erf(Double x) {
    Double a = this->absolute(x);
    Double big = erfBig(this->clamp(a, 0.83, 3.93));
    big = this->withSign(big, this->signOf(x));
    return this->select(this->less(this->r(0.84), a), big, erfSmall(x));
  }

  Double erfc(Double x) {
    Double a = this->absolute(x);
    Double big = erfcBig(this->clamp(a, 0.83, 10.2));
    big = this->select(this->less(x, this->r(0.0)),
                       this->sub(this->r(2.0), big), big);
    Double small = this->sub(this->r(1.0), erfSmall(x));
    return this->select(this->less(this->r(0.84), a), big, small);
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHSPECIAL_H
