// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of arrays whose elements share a scale.
#ifndef PREC_LIB_NUMERICS_SHAREDSCALE_H
#define PREC_LIB_NUMERICS_SHAREDSCALE_H

#include "prec/Numerics/RoundArray.h"

namespace mlir::prec {

/// One call: everything that the formats with a shared scale read and write.
template <class T> struct SharedRounding {
  const Format &format;
  RoundingMode mode;
  uint64_t key;
  std::span<const T> in;
  std::span<T> out;
  size_t lastAxis;
  RoundArray::Encoded *codes; ///< null if nobody wants them
  /// The position of the first element, to which random words belong.
  size_t base = 0;

  void run();

private:
  /// Notes the code of element `i`, which is `value` in units of its scale.
  void note(size_t i, double value);
  /// The greatest finite magnitude of the array.
  T greatest() const;
  void exponents();
  void twoLevels();
  void bias();
  void maximum();
  void mean();
  /// Notes an element of AdaptivFloat whose least exponent is `least`.
  void noteAdaptive(size_t i, double value, int least);
  template <class Value, class ValueOf, class Round>
  void blocks(ValueOf valueOf, Round round);
};

extern template struct SharedRounding<float>;
extern template struct SharedRounding<double>;

/// The shared exponent of a block whose greatest magnitude is `greatest`: what
/// the rule says minus the exponent of the element's greatest number, within
/// f8e8m0fnu's -127..127, and such that numbers stay below the carrier's
/// infinity.
int sharedExponent(double greatest, const Format &format, Carrier carrier);

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_SHAREDSCALE_H
