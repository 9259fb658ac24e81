// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of machine numbers: the scalar face for folders, tests and arrays.
#ifndef PREC_NUMERICS_ROUND_H
#define PREC_NUMERICS_ROUND_H

#include "prec/Numerics/Format.h"
#include "prec/Numerics/RoundParameters.h"
#include "prec/Numerics/RoundingMode.h"

namespace mlir::prec {

/// A format and a mode, prepared for many values of type T (float or double).
/// Thread-safe: rounding reads only. `runtime` is as makeRoundParameters
/// expects it.
template <class T> class Rounder {
public:
  using Word = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

  Rounder(const Format &format, RoundingMode mode,
          std::span<const Word> runtime = {});
  /// `random` as roundWord reads it; ignored by deterministic modes.
  T operator()(T value, uint32_t random = 0) const;

private:
  RoundParameters<Word> parameters;
  RoundingMode mode;
};

extern template class Rounder<float>;
extern template class Rounder<double>;

/// Rounds one value; the carrier is its type. The format has no `?` and fits
/// the carrier.
inline float round(float value, const Format &format, RoundingMode mode,
                   uint32_t random = 0) {
  return Rounder<float>(format, mode)(value, random);
}
inline double round(double value, const Format &format, RoundingMode mode,
                    uint32_t random = 0) {
  return Rounder<double>(format, mode)(value, random);
}

/// The format's greatest or lowest finite number: the carrier's, rounded toward
/// zero.
double outermost(const Format &format, Carrier carrier, bool isLowest);

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUND_H
