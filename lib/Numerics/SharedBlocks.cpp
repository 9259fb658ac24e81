// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of an array with a scale each: a shared exponent, or NVFP4's.
#include "SharedScale.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

namespace {
/// The rule by which the blocks of a format get their shared exponents. What a
/// rule adds to a number of T before its exponent is read is added to its bits,
/// as in any rounding.
template <class T> class SharedExponent {
public:
  using Word = typename RoundCall<T>::Word;
  using Whole = std::make_signed_t<Word>; // of a lane's width
  static constexpr CarrierLayout layout = layoutOf(carrierOf<T>());

  SharedExponent(const Format &format, Carrier carrier);

  /// Of a block whose greatest magnitude is `greatest`, a normal number: what
  /// the rule says minus the exponent of the element's greatest number, within
  /// f8e8m0fnu's -127..127, and such that numbers stay below the carrier's
  /// infinity. Zero and subnormals of f64 are below all that.
  Whole operator()(T greatest) const {
    const Word bits = std::bit_cast<Word>(greatest);
    const Word last = (bits >> lastPlace) & parity;
    const Whole exponent =
        Whole((bits + addend + last) >> layout.fractionBits) - layout.bias();
    return std::clamp<Whole>(std::min(exponent, most) - top, -127, 127);
  }

  /// Writes the scales of blocks with these maxima. False if one is not zero or
  /// a normal number, or its scale or the inverse is none.
  bool scales(const T *maxima, size_t count, T *to) const;

private:
  Whole top = 0; ///< the exponent of the element's greatest number
  Whole most;    ///< the carrier's greatest exponent
  Word addend = 0, parity = 0;
  unsigned lastPlace = 0;
};
} // namespace

template <class T>
SharedExponent<T>::SharedExponent(const Format &format, Carrier carrier)
    : most(layoutOf(carrier).bias()) {
  const Format element = format.element();
  const int fraction =
      element.isGrid() ? element.gridFractionBits() : element.fractionBits;
  if (!element.isGrid())
    top = (1 << (element.exponentBits - 1)) - 1 + !element.reservesLastExponent;
  constexpr Word one = 1, binade = one << layout.fractionBits;
  switch (format.scaleRule) {
  case Format::ScaleRule::Floor:
    break;
  case Format::ScaleRule::Ceil:
    addend = binade - 1;
    break;
  case Format::ScaleRule::Round: { // beyond sqrt(2), which is no number
    const T root = std::sqrt(T(2));
    const bool isBelow = double(root) * double(root) < 2;
    addend = binade - (std::bit_cast<Word>(root) & (binade - 1)) - isBelow;
    break;
  }
  case Format::ScaleRule::Even: // to the fraction of the element
    lastPlace = unsigned(int(layout.fractionBits) - fraction);
    parity = 1;
    addend = (one << (lastPlace - 1)) - 1;
    break;
  }
}

/// 2^exponent, a normal number.
template <class T> static T powerOfTwo(int64_t exponent) {
  using Exponent = SharedExponent<T>;
  return std::bit_cast<T>(
      typename Exponent::Word(exponent + Exponent::layout.bias())
      << Exponent::layout.fractionBits);
}

template <class T>
bool SharedExponent<T>::scales(const T *maxima, size_t count, T *to) const {
  constexpr Word binade = Word(1) << layout.fractionBits;
  constexpr Word normals = 2 * Word(layout.bias()) * binade;
  Word beside = 0; // no branch: several at once
  for (size_t b = 0; b < count; ++b) {
    const Word bits = std::bit_cast<Word>(maxima[b]);
    const Whole exponent = bits == 0 ? 0 : (*this)(maxima[b]);
    to[b] = powerOfTwo<T>(exponent);
    beside |= Word(bits != 0) & Word(bits - binade >= normals);
    beside |= Word(exponent >= layout.bias()) |
              Word(exponent <= -Whole(layout.bias()));
  }
  return beside == 0;
}

template <class T>
template <class Visit>
void SharedRounding<T>::eachGroup(Visit visit) const {
  const auto size = size_t(format.block);
  const size_t row = lastAxis % size ? lastAxis : in.size();
  const size_t several = std::max<size_t>(stretch / size, 1) * size;
  T maxima[stretch];
  for (size_t begin = 0; begin < in.size(); begin += row)
    for (size_t at = 0; at < row; at += several) {
      auto some = in.subspan(begin + at, std::min(several, row - at));
      blockMaxima(some, size, maxima);
      visit(begin + at, some.size(), maxima);
    }
}

/// In f64, which holds every element divided by its scale.
template <class T>
void SharedRounding<T>::roundWide(size_t first, size_t size, const T *scales) {
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  const auto parameters = parametersOf<double>(element);
  double units[stretch];
  const size_t end = first + size, block = size_t(format.block);
  for (size_t at = first, count; at < end; at += count) {
    const size_t within = (at - first) % block;
    count = std::min({end - at, block - within, stretch});
    const auto scale = double(scales[(at - first) / block]);
    if (std::isnan(scale)) {
      for (size_t i = at; i < at + count; ++i) {
        out[i] = std::numeric_limits<T>::quiet_NaN();
        note(i, format.nans == Format::NaNs::Yes
                    ? std::numeric_limits<double>::quiet_NaN()
                    : 0);
      }
      continue;
    }
    std::copy_n(in.data() + at, count, units);
    roundLoop(RoundCall<double>{units, units, count, parameters, mode, key,
                                base + at, &scale, count});
    for (size_t i = 0; i < count; ++i) {
      out[at + i] = T(units[i]);
      note(at + i, units[i] / scale);
    }
  }
}

/// R-BLOCK. An element is divided by its block's scale, rounded, and multiplied
/// again. The carrier does so exactly unless the scale or its inverse is no
/// normal number of it, or the numbers of the element are none of its own.
template <class T> void SharedRounding<T>::exponents() {
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  // Codes are taken from f64, where no scaled number is subnormal.
  const bool mayBeNarrow = !codes && element.whyNotIn(carrierOf<T>()).empty();
  const auto narrow = parametersOf<T>(mayBeNarrow ? element : Format());
  const SharedExponent<T> narrowExponentOf(format, carrierOf<T>());
  const SharedExponent<double> exponentOf(format, carrierOf<T>());
  const auto block = size_t(format.block);
  T powers[stretch];
  eachGroup([&](size_t first, size_t size, T *scales) { // maxima before
    if (mayBeNarrow &&
        narrowExponentOf.scales(scales, (size + block - 1) / block, powers))
      return roundLoop(RoundCall<T>{in.data() + first, out.data() + first, size,
                                    narrow, mode, key, base + first, powers,
                                    block});
    for (size_t b = 0; b * block < size; ++b) {
      const T greatest = scales[b];
      if (!(greatest < std::numeric_limits<T>::infinity())) {
        scales[b] = std::numeric_limits<T>::quiet_NaN();
        if (codes)
          codes->scales.push_back(255);
        continue;
      }
      int64_t exponent = exponentOf(double(greatest));
      if (codes)
        codes->scales.push_back(double(exponent + 127));
      if (greatest == 0) // any scale does
        exponent = 0;
      scales[b] = T(powerOfTwo<double>(exponent));
    }
    roundWide(first, size, scales);
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

  const T own = T(global); // not a reference, which stores might change
  const auto block = size_t(format.block);
  T units[stretch];
  auto roundScales = [&](T *scales, size_t numBlocks) {
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
    for (size_t b = 0; b < numBlocks; ++b)
      scales[b] *= own;
  };
  auto noteUnits = [&](size_t first, size_t count, const T *scales) {
    for (size_t i = 0; i < count; ++i) {
      const T scale = scales[i / block];
      units[i] = scale > 0 ? in[first + i] / scale
                           : std::copysign(T(0), in[first + i]);
    }
    roundLoop(
        RoundCall<T>{units, units, count, parameters, mode, key, base + first});
    for (size_t i = 0; i < count; ++i)
      note(first + i, std::isnan(scales[i / block]) ? 0 : double(units[i]));
  };
  eachGroup([&](size_t first, size_t size, T *scales) { // maxima before
    roundScales(scales, (size + block - 1) / block);
    if (codes) // before `out`, which may be `in`
      noteUnits(first, size, scales);
    roundLoop(RoundCall<T>{in.data() + first, out.data() + first, size,
                           parameters, mode, key, base + first, scales, block,
                           /*scalesArePowers=*/false});
  });
}

template void SharedRounding<float>::exponents();
template void SharedRounding<double>::exponents();
template void SharedRounding<float>::twoLevels();
template void SharedRounding<double>::twoLevels();
template void SharedRounding<float>::roundWide(size_t, size_t, const float *);
template void SharedRounding<double>::roundWide(size_t, size_t, const double *);
