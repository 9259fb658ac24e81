// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks with a shared exponent or scale, and arrays with one scale.
#include "SharedScale.h"
#include "prec/Numerics/Rounding.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

int mlir::prec::sharedExponent(double greatest, const Format &format,
                               Carrier carrier) {
  if (greatest == 0)
    return -127;
  int exponent = std::ilogb(greatest);
  double significand = std::ldexp(greatest, -exponent);
  switch (format.scaleRule) {
  case Format::ScaleRule::Floor:
    break;
  case Format::ScaleRule::Ceil:
    exponent += significand > 1;
    break;
  case Format::ScaleRule::Round: // sqrt(2) is no double: no tie
    exponent += significand * significand > 2;
    break;
  case Format::ScaleRule::Even: {
    Format element = format.element();
    int fraction =
        element.isGrid() ? element.gridFractionBits() : element.fractionBits;
    exponent = std::ilogb(round(greatest, Format::mantissa(fraction),
                                RoundingMode::Kind::NearestEven));
    break;
  }
  }
  // The element's own greatest exponent.
  Format element = format.element();
  int top = 0;
  if (!element.isGrid())
    top = (1 << (element.exponentBits - 1)) - 1 + !element.reservesLastExponent;
  exponent = std::min(exponent, layoutOf(carrier).bias());
  return std::clamp(exponent - top, -127, 127);
}

template <class T> void SharedRounding<T>::note(size_t i, double value) {
  if (codes)
    codes->codes[i] = encode(value, format.element(),
                             sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
}

template <class T> double SharedRounding<T>::greatest() const {
  double result = 0;
  for (T x : in)
    if (std::isfinite(x))
      result = std::max(result, std::fabs(double(x)));
  return result;
}

/// Calls each(begin, end) for the blocks of every row; the last one of a row
/// may be short.
template <class T>
template <class Each>
void SharedRounding<T>::blocks(Each each) {
  auto size = size_t(format.block);
  for (size_t row = 0; row < in.size(); row += lastAxis)
    for (size_t begin = 0; begin < lastAxis; begin += size)
      each(row + begin, row + std::min(begin + size, lastAxis));
}

template <class T>
void SharedRounding<T>::exponentBlock(size_t begin, size_t end) {
  double most = 0;
  bool isFinite = true;
  for (size_t i = begin; i < end; ++i) {
    isFinite &= bool(std::isfinite(in[i]));
    most = std::max(most, std::fabs(double(in[i])));
  }
  if (!isFinite) { // R-BLOCK: the scale is NaN
    if (codes)
      codes->scales.push_back(255);
    for (size_t i = begin; i < end; ++i) {
      out[i] = std::numeric_limits<T>::quiet_NaN();
      if (codes)
        note(i, format.nans == Format::NaNs::Yes ? double(out[i]) : 0);
    }
    return;
  }
  int exponent = sharedExponent(most, format,
                                sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
  if (codes)
    codes->scales.push_back(exponent + 127);
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  MachineOps<uint64_t> ops;
  const auto shift = static_cast<uint64_t>(int64_t(exponent));
  auto parameters = shiftedParameters(
      ops, makeRoundParameters(ops, element, Carrier::F64), shift);
  for (size_t i = begin; i < end; ++i) {
    double rounded = std::bit_cast<double>(
        roundWord(ops, std::bit_cast<uint64_t>(double(in[i])), parameters, mode,
                  uint64_t(random(i))));
    out[i] = T(rounded);
    note(i, std::ldexp(rounded, -exponent));
  }
}

template <class T> void SharedRounding<T>::exponents() {
  blocks([&](size_t begin, size_t end) { exponentBlock(begin, end); });
}

/// R-NVFP4: the array's scale g is its greatest magnitude / (448 * 6) in f32;
/// a block's scale is its greatest magnitude / 6 / g, rounded to f8e4m3fn; an
/// element is x / (scale * g), rounded to f4e2m1fn.
template <class T> void SharedRounding<T>::twoLevels() {
  constexpr Format scaleFormat = Format::finiteWithNaN(4, 3);
  float global = float(greatest() / 2688);
  if (!(global >= std::numeric_limits<float>::min()))
    global = 1;
  if (!std::isfinite(global))
    global = std::numeric_limits<float>::max();
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  Format saturating = scaleFormat;
  saturating.overflow = Format::Overflow::Saturate;
  Rounder<T> rounder(element, mode);
  blocks([&](size_t begin, size_t end) {
    T most = 0;
    bool isFinite = true;
    for (size_t i = begin; i < end; ++i) {
      isFinite &= bool(std::isfinite(in[i]));
      most = std::max(most, std::fabs(in[i]));
    }
    T local = round(T(most / 6 / T(global)), saturating, RoundingMode());
    if (codes)
      codes->scales.push_back(
          isFinite ? double(encode(double(local), scaleFormat, Carrier::F64))
                   : 127);
    T scale = local * T(global);
    for (size_t i = begin; i < end; ++i) {
      T inUnits = isFinite && scale > 0 ? rounder(in[i] / scale, random(i)) : 0;
      if (inUnits == 0)
        inUnits = std::copysign(T(0), in[i]);
      out[i] = isFinite ? inUnits * scale : std::numeric_limits<T>::quiet_NaN();
      note(i, isFinite ? double(inUnits) : 0);
    }
  });
  if (codes)
    codes->scales.insert(codes->scales.begin(), double(global));
}

/// R-ADAPTIVE (Tambe et al. 2020): the greatest exponent is the array's; the
/// code of exponent 0 and fraction 0 is zero, so the least number is
/// 2^least (1 + 2^-m), and zero its neighbour.
template <class T> void SharedRounding<T>::bias() {
  const int binades = 1 << format.exponentBits, m = format.fractionBits;
  const int lowest = std::numeric_limits<T>::min_exponent - 1;
  double most = greatest();
  int top = most == 0 ? lowest : std::ilogb(most);
  top = std::max(top, lowest + binades - 1);
  const int least = top - (binades - 1);
  const double step = std::ldexp(1.0, -m);
  const double smallest = std::ldexp(1 + step, least);
  const double largest = std::ldexp(2 - step, top);
  Rounder<double> normal(Format::mantissa(m), mode);
  Rounder<double> place(Format::integer(2, true), mode);
  if (codes)
    codes->scales.push_back(least);
  for (size_t i = 0; i < in.size(); ++i) {
    double x = double(in[i]), magnitude = std::fabs(x), result = 0;
    if (std::isnan(x) || most == 0)
      result = 0;
    else if (magnitude < smallest)
      result = place(x / smallest, random(i)) * smallest;
    else if (std::isinf(x))
      result = std::copysign(largest, x);
    else
      result = std::clamp(normal(x, random(i)), -largest, largest);
    out[i] = T(result);
    if (codes) {
      uint64_t code = 0;
      if (result != 0) {
        int e = std::ilogb(result);
        code = (uint64_t(e - least) << m) +
               uint64_t(std::ldexp(std::ldexp(std::fabs(result), -e) - 1, m)) +
               (uint64_t(result < 0) << (format.exponentBits + m));
      }
      codes->codes[i] = code;
    }
  }
}

/// R-MAXIMUM: integers whose scale is the greatest magnitude / greatest code.
template <class T> void SharedRounding<T>::maximum() {
  Format scaled = format.element();
  const T least = std::ldexp(T(1), std::numeric_limits<T>::min_exponent / 2);
  T scale = T(greatest()) / T(format.high);
  scaled.scale = double(std::max(scale, least));
  Rounder<T> rounder(scaled, mode);
  if (codes)
    codes->scales.push_back(scaled.scale);
  for (size_t i = 0; i < in.size(); ++i) {
    out[i] = rounder(in[i], random(i));
    if (codes)
      codes->codes[i] = encode(double(out[i]), scaled,
                               sizeof(T) == 4 ? Carrier::F32 : Carrier::F64);
  }
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
  T scale = count ? T(sum / double(count)) : 0;
  Rounder<T> rounder(format.element(), mode);
  if (codes)
    codes->scales.push_back(double(scale));
  for (size_t i = 0; i < in.size(); ++i) {
    T sign = rounder(scale > 0 ? in[i] / scale : in[i], random(i));
    note(i, double(sign));
    out[i] = scale == 0 ? 0 : sign * scale;
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
