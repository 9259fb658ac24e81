// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arrays with one scale.
//
// Each format prepares a stretch of elements in a buffer, rounds it by the loop
// that elementwise formats take, and finishes it. A stretch fits the first
// level of the cache, so memory is read once and written once.
#include "SharedScale.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

template <class T> void SharedRounding<T>::note(size_t i, double value) {
  if (codes)
    codes->codes[i] = encode(value, format.element(), carrierOf<T>());
}

template <class T> T SharedRounding<T>::greatest() const {
  T most = greatestMagnitude(in);
  if (std::isfinite(most))
    return most;
  most = 0;
  for (T x : in)
    if (std::isfinite(x))
      most = std::max(most, std::fabs(x));
  return most;
}

/// Elements at a time of which a rare one needs more.
static constexpr size_t few = 64;

/// R-ADAPTIVE (Tambe et al. 2020): the greatest exponent is the array's; the
/// code of exponent 0 and fraction 0 is zero, so the least number is
/// 2^least (1 + 2^-m), and zero its neighbour.
template <class T> void SharedRounding<T>::bias() {
  const int binades = 1 << format.exponentBits, m = format.fractionBits;
  const int lowest = std::numeric_limits<T>::min_exponent - 1;
  const auto most = double(greatest());
  int top = most == 0 ? lowest : std::ilogb(most);
  top = std::max(top, lowest + binades - 1);
  const int least = top - (binades - 1);
  const double step = std::ldexp(1.0, -m);
  const double smallest = std::ldexp(1 + step, least);
  const auto lowestNumber = T(smallest), highest = T(std::ldexp(2 - step, top));
  if (codes)
    codes->scales.push_back(least);
  if (most == 0) {
    std::fill(out.begin(), out.end(), T(0));
    return;
  }
  // What is not below the smallest number: the carrier's, with a largest one.
  auto normal = parametersOf<T>(Format::mantissa(m));
  normal.largest = std::bit_cast<typename RoundCall<T>::Word>(highest);
  normal.facts.isBounded = true;
  normal.facts.format.overflow = Format::Overflow::Saturate;
  normal.facts.format.nans = Format::NaNs::No;
  normal.facts.format.hasNegativeZero = false;
  const auto place = parametersOf<double>(Format::integer(2, true));
  T given[stretch]; // `out` may be `in`
  double places[few];
  for (size_t first = 0; first < in.size(); first += stretch) {
    const size_t count = std::min(stretch, in.size() - first);
    std::span<const T> from = in.subspan(first, count);
    const std::span<T> to = out.subspan(first, count);
    const bool hasSmall = leastMagnitude(from) < lowestNumber;
    if (hasSmall) {
      std::copy(from.begin(), from.end(), given);
      from = {given, count};
    }
    roundLoop(RoundCall<T>{from.data(), to.data(), count, normal, mode, key,
                           base + first});
    for (size_t at = 0; hasSmall && at < count; at += few) {
      const auto some = from.subspan(at, std::min(few, count - at));
      if (leastMagnitude(some) >= lowestNumber)
        continue;
      for (size_t i = 0; i < some.size(); ++i)
        places[i] = double(some[i]) / smallest;
      roundLoop(RoundCall<double>{places, places, some.size(), place, mode, key,
                                  base + first + at});
      for (size_t i = 0; i < some.size(); ++i)
        if (std::fabs(some[i]) < lowestNumber)
          to[at + i] = T(places[i] * smallest) + T(0); // no negative zero
    }
    for (size_t i = 0; codes && i < count; ++i)
      noteAdaptive(first + i, double(to[i]), least);
  }
}

template <class T>
void SharedRounding<T>::noteAdaptive(size_t i, double value, int least) {
  const int m = format.fractionBits;
  uint64_t code = 0;
  if (value != 0) {
    int e = std::ilogb(value);
    code = (uint64_t(e - least) << m) +
           uint64_t(std::ldexp(std::ldexp(std::fabs(value), -e) - 1, m)) +
           (uint64_t(value < 0) << (format.exponentBits + m));
  }
  codes->codes[i] = code;
}

/// R-MAXIMUM: integers whose scale is the greatest magnitude / greatest code.
template <class T> void SharedRounding<T>::maximum() {
  Format scaled = format.element();
  const T least = std::ldexp(T(1), std::numeric_limits<T>::min_exponent / 2);
  T scale = greatest() / T(format.high);
  scaled.scale = double(std::max(scale, least));
  roundLoop(RoundCall<T>{in.data(), out.data(), in.size(),
                         parametersOf<T>(scaled), mode, key, base});
  if (!codes)
    return;
  codes->scales.push_back(scaled.scale);
  for (size_t i = 0; i < in.size(); ++i)
    codes->codes[i] = encode(double(out[i]), scaled, carrierOf<T>());
}

/// R-MEAN: the sign times the mean magnitude of the finite elements, summed in
/// f64 in order.
template <class T> void SharedRounding<T>::mean() {
  double sum = 0;
  size_t count = 0;
  for (T x : in)
    if (std::isfinite(x)) {
      sum += std::fabs(double(x));
      ++count;
    }
  const T scale = count ? T(sum / double(count)) : 0;
  const T divisor = scale > 0 ? scale : 1;
  if (codes)
    codes->scales.push_back(double(scale));
  const auto parameters = parametersOf<T>(format.element());
  T units[stretch];
  for (size_t first = 0; first < in.size(); first += stretch) {
    const size_t size = std::min(stretch, in.size() - first);
    for (size_t i = 0; i < size; ++i)
      units[i] = in[first + i] / divisor;
    roundLoop(
        RoundCall<T>{units, units, size, parameters, mode, key, base + first});
    for (size_t i = 0; i < size; ++i)
      out[first + i] = scale == 0 ? 0 : units[i] * scale;
    for (size_t i = 0; codes && i < size; ++i)
      note(first + i, double(units[i]));
  }
}

template <class T> void SharedRounding<T>::run() {
  switch (format.sharing) {
  case Format::Sharing::Exponent:
    return exponents();
  case Format::Sharing::TwoLevel:
    return twoLevels();
  case Format::Sharing::Bias:
    return bias();
  case Format::Sharing::Maximum:
    return maximum();
  case Format::Sharing::Mean:
    return mean();
  case Format::Sharing::None:
    break;
  }
}

template struct mlir::prec::SharedRounding<float>;
template struct mlir::prec::SharedRounding<double>;
