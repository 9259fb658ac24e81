// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hyperbolic functions and their inverses of an f32 value, evaluated in f64
// from the pieces of the exponential and the logarithm.
#ifndef PREC_NUMERICS_MATHHYPERBOLIC_H
#define PREC_NUMERICS_MATHHYPERBOLIC_H

#include "prec/Numerics/MathExpLog.h"

namespace mlir::prec {

template <MathOps Ops> struct Hyperbolic : ExpLog<Ops> {
  using Core = MathCore<Ops>;
  using typename Core::Bit;
  using typename Core::Double;
  using typename Core::Word;
  using ExpLog<Ops>::ExpLog;

  /// exp(a) - 1 for a >= 0, NaN stays.
  Double growth(Double a) {
    auto [k, q] = this->exponential(a);
    Double power = this->scale(this->r(1.0), k);
    return this->fma(q, power, this->sub(power, this->r(1.0)));
  }
  Double limited(Double x, double high) {
    return this->atMost(this->absolute(x), high);
  }
  /// Below 2^-30 an odd function with slope 1 is x to far beyond f32.
  Double oddResult(Double x, Double magnitude) {
    Double y = this->withSign(magnitude, this->signOf(x));
    return this->select(this->less(this->absolute(x), this->r(0x1p-60)), x, y);
  }

  /// (t + t / (t + 1)) / 2 with t = exp|x| - 1
  Double sinh(Double x) {
    Double t = growth(limited(x, 100.0));
    Double y = this->add(t, this->div(t, this->add(t, this->r(1.0))));
    return oddResult(x, this->mul(y, this->r(0.5)));
  }

  Double cosh(Double x) {
    auto [k, q] = this->exponential(limited(x, 100.0));
    Double e = this->scale(this->add(q, this->r(1.0)), k);
    Double y = this->add(e, this->div(this->r(1.0), e));
    return this->mul(y, this->r(0.5));
  }

  /// t / (t + 2) with t = exp(2|x|) - 1
  Double tanh(Double x) {
    Double a = limited(x, 20.0);
    Double t = growth(this->add(a, a));
    return oddResult(x, this->div(t, this->add(t, this->r(2.0))));
  }

  /// log(1 + w) for w >= 0 (or NaN) that need not be an f32.
  Double logOnePlus(Double w) {
    Double sum = this->add(w, this->r(1.0));
    Double lost = this->sub(w, this->sub(sum, this->r(1.0)));
    auto [k, f] = this->split(sum);
    Bit isOne = this->less(this->absolute(k), this->r(0.5));
    f = this->select(isOne, w, f);
    Double correction = this->select(isOne, this->r(0.0), this->div(lost, sum));
    Double u = this->sub(this->logTail(f), correction);
    u = this->fma(k, this->r(-this->ln2Low), u);
    return this->fma(k, this->r(this->ln2High), this->sub(f, u));
  }

  /// log(1 + (a + a^2 / (1 + sqrt(a^2 + 1)))), a = |x|
  Double asinh(Double x) {
    Double a = this->absolute(x), one = this->r(1.0);
    Double square = this->mul(a, a); // exact
    Double root = this->ops.fsqrt(this->add(square, one));
    Double w = this->add(a, this->div(square, this->add(one, root)));
    Double y = oddResult(x, logOnePlus(w));
    return this->select(this->less(a, this->r(Core::infinity)), y, x);
  }

  /// log(1 + (t + sqrt(2 t + t^2))), t = x - 1; NaN for x < 1 from the root.
  Double acosh(Double x) {
    Double t = this->sub(x, this->r(1.0));
    Double root = this->ops.fsqrt(this->mul(t, this->add(x, this->r(1.0))));
    Double y = logOnePlus(this->add(t, root));
    y = this->select(this->less(x, this->r(Core::infinity)), y, x);
    return this->select(this->less(x, this->r(1.0)), this->r(Core::quietNaN),
                        y);
  }

  /// log(1 + 2a / (1 - a)) / 2, a = |x|
  Double atanh(Double x) {
    Double a = this->absolute(x), one = this->r(1.0);
    Double w = this->div(this->add(a, a), this->sub(one, a));
    Double y = this->mul(logOnePlus(w), this->r(0.5));
    y = this->select(this->less(a, one), y, this->r(Core::infinity));
    y = oddResult(x, y);
    y = this->select(this->less(one, a), this->r(Core::quietNaN), y);
    return this->select(this->less(a, this->r(Core::infinity)), y,
                        this->r(Core::quietNaN));
  }
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHHYPERBOLIC_H
