// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of an array with a scale each: a shared exponent, or NVFP4's.
#include "SharedScale.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mlir::prec;

template <class Word>
SharedExponent<Word> mlir::prec::sharedExponent(const Format &format,
                                                Carrier carrier) {
  constexpr CarrierLayout layout =
      layoutOf(sizeof(Word) == 4 ? Carrier::F32 : Carrier::F64);
  constexpr Word one = 1, binade = one << layout.fractionBits;
  const Format element = format.element();
  SharedExponent<Word> result;
  if (!element.isGrid())
    result.top =
        (one << (element.exponentBits - 1)) - 1 + !element.reservesLastExponent;
  result.least = Word(layout.bias()) - 127 + result.top;
  result.most = Word(layout.bias()) +
                std::min<Word>(layoutOf(carrier).bias(), 127 + result.top);
  switch (format.scaleRule) {
  case Format::ScaleRule::Floor:
    break;
  case Format::ScaleRule::Ceil:
    result.addend = binade - 1;
    break;
  case Format::ScaleRule::Round: { // beyond sqrt(2), which is no number
    using T = std::conditional_t<sizeof(Word) == 4, float, double>;
    const T root = std::sqrt(T(2));
    const bool isBelow = double(root) * double(root) < 2;
    result.addend =
        binade - (std::bit_cast<Word>(root) & (binade - 1)) - isBelow;
    break;
  }
  case Format::ScaleRule::Even: // to the fraction of the element
    result.lastPlace = layout.fractionBits -
                       unsigned(element.isGrid() ? element.gridFractionBits()
                                                 : element.fractionBits);
    result.parity = 1;
    result.addend = (one << (result.lastPlace - 1)) - 1;
    break;
  }
  return result;
}
template SharedExponent<uint32_t> mlir::prec::sharedExponent(const Format &,
                                                             Carrier);
template SharedExponent<uint64_t> mlir::prec::sharedExponent(const Format &,
                                                             Carrier);

/// The loop over registers as far as it goes, then a block for which it does
/// not care, and so on.
template <class T>
template <class Fast, class Slow>
void SharedRounding<T>::eachBlock(Fast fast, Slow slow) const {
  const auto block = size_t(format.block);
  const size_t row = lastAxis % block ? lastAxis : in.size();
  for (size_t begin = 0; begin < in.size(); begin += row)
    for (size_t at = begin, end = begin + row; at < end;) {
      at += fast(at, end - at);
      const size_t count = std::min(block, end - at);
      if (count)
        slow(at, count);
      at += count;
    }
}

/// In f64, which holds every element divided by its scale but for f64's own
/// that are far below the quantum: one that is not zero remains so.
template <class T>
void SharedRounding<T>::roundWide(size_t first, size_t size, double scale) {
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  const auto parameters = parametersOf<double>(element);
  double units[stretch];
  for (size_t at = first, end = first + size, count; at < end; at += count) {
    count = std::min(end - at, stretch);
    for (size_t i = 0; i < count; ++i) {
      const auto x = double(in[at + i]);
      units[i] = x / scale;
      if (units[i] == 0 && x != 0)
        units[i] = std::copysign(std::numeric_limits<double>::denorm_min(), x);
    }
    roundLoop(RoundCall<double>{units, units, count, parameters, mode, key,
                                base + at});
    for (size_t i = 0; i < count; ++i) {
      out[at + i] = T(units[i] * scale);
      note(at + i, units[i]);
    }
  }
}

template <class T> void SharedRounding<T>::makeNaN(size_t first, size_t size) {
  for (size_t i = first; i < first + size; ++i) {
    out[i] = std::numeric_limits<T>::quiet_NaN();
    note(i, format.nans == Format::NaNs::Yes
                ? std::numeric_limits<double>::quiet_NaN()
                : 0);
  }
}

/// R-BLOCK. An element is divided by its block's scale, rounded, and multiplied
/// again. The carrier does so exactly unless the scale or its inverse is no
/// normal number of it, or the numbers of the element are none of its own.
template <class T> void SharedRounding<T>::exponents() {
  using Word = typename RoundCall<T>::Word;
  Format element = format.element();
  element.overflow = Format::Overflow::Saturate;
  // Codes are taken from f64, where no scaled number is subnormal.
  const bool mayBeNarrow = !codes && element.whyNotIn(carrierOf<T>()).empty();
  const auto narrow = parametersOf<T>(mayBeNarrow ? element : Format());
  const auto exponents = sharedExponent<Word>(format, carrierOf<T>());
  const auto wideExponents = sharedExponent<uint64_t>(format, carrierOf<T>());
  auto roundNarrow = [&](size_t first, size_t size) -> size_t {
    if (!mayBeNarrow)
      return 0;
    return roundBlocks(RoundCall<T>{in.data() + first, out.data() + first, size,
                                    narrow, mode, key, base + first,
                                    size_t(format.block), &exponents});
  };
  eachBlock(roundNarrow, [&](size_t first, size_t size) {
    const T most = greatestMagnitude(in.subspan(first, size));
    const bool isFinite = most < std::numeric_limits<T>::infinity();
    constexpr CarrierLayout f64 = layoutOf(Carrier::F64);
    MachineOps<uint64_t> ops;
    const uint64_t exponent =
        wideExponents(ops, f64, std::bit_cast<uint64_t>(double(most)));
    if (codes)
      codes->scales.push_back(
          isFinite ? double(exponent) - double(f64.bias() - 127) : 255);
    if (!isFinite)
      return makeNaN(first, size);
    roundWide(first, size,
              most == 0 ? 1
                        : std::bit_cast<double>(exponent << f64.fractionBits));
  });
}

/// R-NVFP4: the array's scale g is its greatest magnitude / (448 * 6) in f32;
/// an element is x / (scale * g), rounded to f4e2m1fn.
template <class T> void SharedRounding<T>::twoLevels() {
  using Word = typename RoundCall<T>::Word;
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
  const TwoLevelScale<Word> scaleOf{parametersOf<T>(twoLevelScaleFormat()),
                                    std::bit_cast<Word>(T(global))};
  auto roundFast = [&](size_t first, size_t size) -> size_t {
    if (codes)
      return 0;
    return roundBlocks(RoundCall<T>{in.data() + first, out.data() + first, size,
                                    parameters, mode, key, base + first,
                                    size_t(format.block), nullptr, &scaleOf});
  };
  T units[stretch];
  eachBlock(roundFast, [&](size_t first, size_t size) {
    const T most = greatestMagnitude(in.subspan(first, size));
    const bool isFinite = most < std::numeric_limits<T>::infinity();
    MachineOps<Word> ops;
    const T own =
        std::bit_cast<T>(scaleOf.ownScale(ops, std::bit_cast<Word>(most)));
    if (codes)
      codes->scales.push_back(
          isFinite
              ? double(encode(double(own), twoLevelScaleFormat(), Carrier::F64))
              : 127);
    if (!isFinite)
      return makeNaN(first, size);
    const T scale = own * T(global);
    for (size_t i = 0; i < size; ++i)
      units[i] = scale > 0 ? in[first + i] / scale
                           : std::copysign(T(0), in[first + i]);
    roundLoop(
        RoundCall<T>{units, units, size, parameters, mode, key, base + first});
    for (size_t i = 0; i < size; ++i) {
      out[first + i] = units[i] * scale;
      note(first + i, double(units[i]));
    }
  });
}

template void SharedRounding<float>::exponents();
template void SharedRounding<double>::exponents();
template void SharedRounding<float>::twoLevels();
template void SharedRounding<double>::twoLevels();
template void SharedRounding<float>::roundWide(size_t, size_t, double);
template void SharedRounding<double>::roundWide(size_t, size_t, double);
template void SharedRounding<float>::makeNaN(size_t, size_t);
template void SharedRounding<double>::makeNaN(size_t, size_t);
