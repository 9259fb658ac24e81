// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays for formats that share a scale.
#ifndef PREC_TEST_NUMERICS_SHAREDVALUES_H
#define PREC_TEST_NUMERICS_SHAREDVALUES_H

#include "Inputs.h"

#include <gtest/gtest.h>

namespace mlir::prec::oracle {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// Of those that are finite.
template <class T> double greatestOf(std::span<const T> values) {
  double most = 0;
  for (T x : values)
    if (std::isfinite(x))
      most = std::max(most, std::fabs(double(x)));
  return most;
}

/// Numbers over `range` binades below 2^top, zeros; specials in the middle.
template <class T>
std::vector<T> values(size_t size, int top, int range, bool hasSpecials) {
  Words words(size + unsigned(range));
  std::vector<T> result;
  for (size_t i = 0; i < size; ++i) {
    double x = std::ldexp(1 + double(words() >> 12) * 0x1p-52,
                          top - 1 - int(words() % unsigned(range)));
    if (words() % 8 == 0)
      x = words() & 1 ? 0 : std::ldexp(double(words() % 16), top - 4);
    result.push_back(T(words() & 1 ? x : -x));
  }
  if (hasSpecials)
    for (size_t i = size / 2; i < size; i += 97)
      result[i] = T(i % 3 == 0 ? infinity : i % 3 == 1 ? -infinity : NAN);
  return result;
}

using Carriers = testing::Types<float, double>;

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_SHAREDVALUES_H
