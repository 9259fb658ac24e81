// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of arrays whose elements share a scale.
#ifndef PREC_LIB_NUMERICS_SHAREDSCALE_H
#define PREC_LIB_NUMERICS_SHAREDSCALE_H

#include "prec/Numerics/RoundArray.h"
#include "prec/Numerics/RoundLoop.h"

namespace mlir::prec {

/// As many elements as buffers in the first level of the cache may have.
inline constexpr size_t stretch = 1024;

template <class T> constexpr Carrier carrierOf() {
  return sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
}

template <class T> auto parametersOf(const Format &format) {
  MachineOps<typename RoundCall<T>::Word> ops;
  return makeRoundParameters(ops, format, carrierOf<T>());
}

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
  /// Rounds by fast(first, size), which says how many elements of whole blocks
  /// it cared for, and by slow(first, size) the block that it left.
  template <class Fast, class Slow> void eachBlock(Fast fast, Slow slow) const;
  void roundWide(size_t first, size_t size, double scale);
  void makeNaN(size_t first, size_t size);
};

extern template struct SharedRounding<float>;
extern template struct SharedRounding<double>;

} // namespace mlir::prec

#endif // PREC_LIB_NUMERICS_SHAREDSCALE_H
