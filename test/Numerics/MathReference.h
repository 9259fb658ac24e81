// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The math functions of the C library and of MPFR, by our table's names.
#ifndef PREC_TEST_NUMERICS_MATHREFERENCE_H
#define PREC_TEST_NUMERICS_MATHREFERENCE_H

#include "prec/Numerics/MathFunctions.h"

#include <cmath>
#include <limits>
#include <mpfr.h>
#include <string>
#include <vector>

namespace mlir::prec::oracle {

using MpfrFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
struct Reference {
  double (*wide)(double);
  MpfrFunction exact;
};

// The table's word for it, in both libraries' spelling. MPFR gives +infinity
// for -0, IEEE's rSqrt the sign of zero.
inline double rsqrt(double x) {
  return x == 0 ? std::copysign(std::numeric_limits<double>::infinity(), x)
                : 1 / std::sqrt(x);
}
inline int mpfr_rsqrt(mpfr_ptr result, mpfr_srcptr x, mpfr_rnd_t mode) {
  int inexact = mpfr_rec_sqrt(result, x, mode);
  if (mpfr_zero_p(x))
    mpfr_copysign(result, result, x, mode);
  return inexact;
}

inline Reference referenceOf(MathFunction function) {
  switch (function) {
#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  case MathFunction::kind:                                                     \
    return {[](double x) -> double { return word(x); }, mpfr_##word};
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  }
  return {};
}

inline std::vector<MathFunction> allFunctions() {
  return {
#define PREC_MATH_FUNCTION(kind, word, evaluator) MathFunction::kind,
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  };
}

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_MATHREFERENCE_H
