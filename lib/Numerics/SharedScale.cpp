// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks with a shared exponent or scale, and arrays with one scale.
//
// Each format prepares a stretch of elements in a buffer, rounds it by the loop
// that elementwise formats take, and finishes it. A stretch fits the first
// level of the cache, so memory is read once and written once.
#include "SharedScale.h"
#include "prec/Numerics/RoundLoop.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

static constexpr size_t stretch = 1024;

template <class T> static constexpr Carrier carrierOf() {
  return sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
}

template <class T> static auto parametersOf(const Format &format) {
  MachineOps<typename RoundCall<T>::Word> ops;
  return makeRoundParameters(ops, format, carrierOf<T>());
}

/// The greatest magnitude; infinity or NaN if there is one. Magnitudes compare
/// as their bits do.
template <class T> static T greatestOf(std::span<const T> values) {
  using Signed = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  constexpr Signed magnitude = std::numeric_limits<Signed>::max();
  Signed most = 0;
  for (T x : values)
    most = std::max(most, std::bit_cast<Signed>(x) & magnitude);
  return std::bit_cast<T>(most);
}

/// Is each value zero, or finite and at least `least` in magnitude?
template <class T> static bool liesAbove(std::span<const T> values, T least) {
  using Signed = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  constexpr Signed magnitude = std::numeric_limits<Signed>::max();
  const auto low = std::bit_cast<Signed>(least),
             high = std::bit_cast<Signed>(std::numeric_limits<T>::infinity());
  Signed beside = 0;
  for (T x : values) {
    Signed bits = std::bit_cast<Signed>(x) & magnitude;
    beside |= Signed(bits != 0) & (Signed(bits < low) | Signed(bits >= high));
  }
  return beside == 0;
}

int mlir::prec::sharedExponent(double greatest, const Format &format,
                               Carrier carrier) {
  if (greatest == 0)
    return -127;
  int exponent = std::ilogb(greatest);
  auto significand = [&] { return std::ldexp(greatest, -exponent); };
  switch (format.scaleRule) {
  case Format::ScaleRule::Floor:
    break;
  case Format::ScaleRule::Ceil:
    exponent += significand() > 1;
    break;
  case Format::ScaleRule::Round: // sqrt(2) is no double: no tie
    exponent += significand() * significand() > 2;
    break;
  case Format::ScaleRule::Even: {
    Format element = format.element();
    int fraction =
        element.isGrid() ? element.gridFractionBits() : element.fractionBits;
    // A subnormal of f64 may become zero, which has no exponent.
    exponent = std::max(exponent,
                        std::ilogb(round(greatest, Format::mantissa(fraction),
                                         RoundingMode::Kind::NearestEven)));
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
    codes->codes[i] = encode(value, format.element(), carrierOf<T>());
}

template <class T> T SharedRounding<T>::greatest() const {
  T most = greatestOf(in);
  if (std::isfinite(most))
    return most;
  most = 0;
  for (T x : in)
    if (std::isfinite(x))
      most = std::max(most, std::fabs(x));
  return most;
}

/// For each block of every row valueOf(begin, end), spread over its elements:
/// calls round(first, count, values) for the stretches of the array.
template <class T>
template <class Value, class ValueOf, class Round>
void SharedRounding<T>::blocks(ValueOf valueOf, Round round) {
  auto size = size_t(format.block);
  Value values[stretch];
  size_t first = 0, count = 0;
  for (size_t row = 0; row < in.size(); row += lastAxis)
    for (size_t at = 0; at < lastAxis; at += size) {
      size_t begin = row + at, end = row + std::min(at + size, lastAxis);
      const Value value = valueOf(begin, end);
      for (size_t more; begin < end; begin += more) {
        more = std::min(end - begin, stretch - count);
        std::fill_n(values + count, more, value);
        count += more;
        if (count == stretch) {
          round(first, count, values);
          first += count;
          count = 0;
        }
      }
    }
  round(first, count, values);
}

/// R-BLOCK.
template <class T> void SharedRounding<T>::exponents() {
  constexpr int32_t notFinite = 1 << 20; // the scale is NaN
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  const auto wide = parametersOf<double>(element);
  // Codes are taken from f64, where no scaled number is subnormal.
  const bool mayBeNarrow = !codes && element.whyNotIn(carrierOf<T>()).empty();
  const auto narrow = parametersOf<T>(mayBeNarrow ? element : Format());
  const CarrierLayout carrier = layoutOf(carrierOf<T>());
  const int64_t least = mayBeNarrow ? 2 - int64_t(narrow.leastQuantum) : 1;
  const int64_t most =
      mayBeNarrow
          ? 2 * carrier.bias() - int64_t(narrow.largest >> carrier.fractionBits)
          : 0;

  // Of the shifts of a stretch.
  auto low = int32_t(most), high = int32_t(least), last = int32_t(least);
  auto valueOf = [&](size_t begin, size_t end) -> int32_t {
    T greatest = greatestOf(in.subspan(begin, end - begin));
    int exponent = 0;
    if (std::isfinite(greatest))
      exponent = sharedExponent(double(greatest), format, carrierOf<T>());
    if (codes)
      codes->scales.push_back(std::isfinite(greatest) ? exponent + 127 : 255);
    last = std::isfinite(greatest) ? exponent : notFinite;
    low = std::min(low, last);
    high = std::max(high, last);
    return last;
  };
  auto roundWide = [&](size_t first, size_t count, int32_t *shifts) {
    double units[stretch];
    bool isFinite[stretch];
    for (size_t i = 0; i < count; ++i) {
      isFinite[i] = shifts[i] != notFinite;
      shifts[i] = isFinite[i] ? shifts[i] : 0;
      units[i] = isFinite[i] ? double(in[first + i]) : 0;
    }
    roundLoop(RoundCall<double>{units, units, count, wide, mode, key,
                                base + first, shifts});
    for (size_t i = 0; i < count; ++i) {
      out[first + i] =
          isFinite[i] ? T(units[i]) : std::numeric_limits<T>::quiet_NaN();
      if (isFinite[i])
        note(first + i, std::ldexp(units[i], -shifts[i]));
      else
        note(first + i, format.nans == Format::NaNs::Yes
                            ? std::numeric_limits<double>::quiet_NaN()
                            : 0);
    }
  };
  blocks<int32_t>(valueOf, [&](size_t first, size_t count, int32_t *shifts) {
    bool isNarrow = least <= low && high <= most;
    low = high = last; // a block may go on in the next stretch
    if (!isNarrow)
      return roundWide(first, count, shifts);
    roundLoop(RoundCall<T>{in.data() + first, out.data() + first, count, narrow,
                           mode, key, base + first, shifts});
  });
}

/// R-NVFP4: the array's scale g is its greatest magnitude / (448 * 6) in f32;
/// a block's scale is its greatest magnitude / 6 / g, rounded to f8e4m3fn; an
/// element is x / (scale * g), rounded to f4e2m1fn.
template <class T> void SharedRounding<T>::twoLevels() {
  constexpr Format scaleFormat = Format::finiteWithNaN(4, 3);
  float global = float(double(greatest()) / 2688);
  if (!(global >= std::numeric_limits<float>::min()))
    global = 1;
  if (!std::isfinite(global))
    global = std::numeric_limits<float>::max();
  if (codes)
    codes->scales.push_back(double(global));
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  const auto parameters = parametersOf<T>(element);
  Format saturating = scaleFormat;
  saturating.overflow = Format::Overflow::Saturate;
  const auto scaleParameters = parametersOf<T>(saturating);

  // Blocks are short: as many as fill a stretch, then all their scales at once.
  T scales[stretch], spread[stretch], units[stretch];
  size_t lengths[stretch], first = 0, count = 0, numBlocks = 0;
  const T own = T(global); // not a reference, which stores might change
  auto roundScales = [&] {
    for (size_t b = 0; b < numBlocks; ++b) { // NaN where one is not finite
      T scale = scales[b] / 6 / own;
      scales[b] = scales[b] < std::numeric_limits<T>::infinity()
                      ? scale
                      : std::numeric_limits<T>::quiet_NaN();
    }
    roundLoop(RoundCall<T>{scales, scales, numBlocks, scaleParameters,
                           RoundingMode()});
    for (size_t b = 0; codes && b < numBlocks; ++b)
      codes->scales.push_back(
          std::isnan(scales[b])
              ? 127
              : double(encode(double(scales[b]), scaleFormat, Carrier::F64)));
    T *to = spread;
    for (size_t b = 0; b < numBlocks; ++b)
      to = std::fill_n(to, lengths[b], scales[b] * own);
  };
  auto roundUnits = [&] {
    for (size_t i = 0; i < count; ++i) {
      T quotient = in[first + i] / spread[i];
      units[i] = spread[i] > 0 ? quotient : 0;
    }
    roundLoop(
        RoundCall<T>{units, units, count, parameters, mode, key, base + first});
    for (size_t i = 0; i < count; ++i) { // a NaN of the scale stays
      units[i] = std::copysign(units[i], in[first + i]);
      out[first + i] = units[i] * spread[i];
    }
    for (size_t i = 0; codes && i < count; ++i)
      note(first + i, std::isnan(spread[i]) ? 0 : double(units[i]));
  };
  auto flush = [&] {
    roundScales();
    roundUnits();
    first += count;
    count = numBlocks = 0;
  };
  const auto size = size_t(format.block);
  for (size_t row = 0; row < in.size(); row += lastAxis)
    for (size_t at = 0; at < lastAxis; at += size) {
      size_t length = std::min(size, lastAxis - at);
      if (count + length > stretch)
        flush();
      scales[numBlocks] = greatestOf(in.subspan(row + at, length));
      lengths[numBlocks++] = length;
      count += length;
    }
  flush();
}

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
  const auto normal = parametersOf<T>(Format::mantissa(m));
  const auto place = parametersOf<double>(Format::integer(2, true));
  if (codes)
    codes->scales.push_back(least);
  T numbers[stretch];
  double places[stretch];
  for (size_t first = 0; first < in.size(); first += stretch) {
    const size_t count = std::min(stretch, in.size() - first);
    const std::span<const T> from = in.subspan(first, count);
    const std::span<T> to = out.subspan(first, count);
    roundLoop(RoundCall<T>{from.data(), numbers, count, normal, mode, key,
                           base + first});
    const bool hasSmall = !liesAbove(from, lowestNumber);
    if (hasSmall) {
      for (size_t i = 0; i < count; ++i)
        places[i] = double(from[i]) / smallest;
      roundLoop(RoundCall<double>{places, places, count, place, mode, key,
                                  base + first});
    }
    for (size_t i = 0; i < count; ++i) { // no negative zero
      T limited = numbers[i] < highest ? numbers[i] : highest;
      limited = (limited > -highest ? limited : -highest) + T(0);
      numbers[i] = std::isnan(numbers[i]) ? 0 : limited;
    }
    for (size_t i = 0; hasSmall && i < count; ++i) {
      auto small = T(places[i] * smallest);
      numbers[i] = std::fabs(from[i]) < lowestNumber ? small : numbers[i];
    }
    if (most == 0)
      std::fill_n(numbers, count, T(0));
    std::copy_n(numbers, count, to.data());
    for (size_t i = 0; codes && i < count; ++i)
      noteAdaptive(first + i, double(numbers[i]), least);
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
