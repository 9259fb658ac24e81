// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operations that exactThroughCarrier speaks of: the machine's and MPFR's.
#ifndef PREC_TEST_NUMERICS_OPERATIONS_H
#define PREC_TEST_NUMERICS_OPERATIONS_H

#include "prec/Numerics/DoubleRounding.h"

#include <cmath>
#include <mpfr.h>

namespace mlir::prec::oracle {

using Operation = ExactOperation;
inline constexpr Operation operations[] = {
    Operation::Add, Operation::Multiply, Operation::Divide,
    Operation::SquareRoot, Operation::FusedMultiplyAdd};

template <class T> struct Operands {
  T a, b, c;
};

template <class T> T inCarrier(Operation operation, Operands<T> x) {
  switch (operation) {
  case Operation::Add:
    return x.a + x.b;
  case Operation::Multiply:
    return x.a * x.b;
  case Operation::Divide:
    return x.a / x.b;
  case Operation::SquareRoot:
    return std::sqrt(x.a);
  case Operation::FusedMultiplyAdd:
    return std::fma(x.a, x.b, x.c);
  }
  return 0;
}

/// Three operands in 53 bits, and a result in so many as are asked for.
class MpfrOperation {
public:
  explicit MpfrOperation(mpfr_prec_t bits) {
    mpfr_inits2(53, a, b, c, nullptr);
    mpfr_init2(result, bits);
  }
  ~MpfrOperation() { mpfr_clears(a, b, c, result, nullptr); }
  MpfrOperation(const MpfrOperation &) = delete;
  MpfrOperation &operator=(const MpfrOperation &) = delete;

  template <class T> void setOperands(Operands<T> x) {
    mpfr_set_d(a, x.a, MPFR_RNDN);
    mpfr_set_d(b, x.b, MPFR_RNDN);
    mpfr_set_d(c, x.c, MPFR_RNDN);
  }

  /// On which side of the exact result the one is that `result` has then.
  int apply(Operation operation, mpfr_rnd_t mode) {
    switch (operation) {
    case Operation::Add:
      return mpfr_add(result, a, b, mode);
    case Operation::Multiply:
      return mpfr_mul(result, a, b, mode);
    case Operation::Divide:
      return mpfr_div(result, a, b, mode);
    case Operation::SquareRoot:
      return mpfr_sqrt(result, a, mode);
    case Operation::FusedMultiplyAdd:
      return mpfr_fma(result, a, b, c, mode);
    }
    return 0;
  }

  mpfr_t result;

private:
  mpfr_t a, b, c;
};

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_OPERATIONS_H
