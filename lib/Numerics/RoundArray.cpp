// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of arrays: prepares the loop, or hands over to shared scales.
#include "prec/Numerics/RoundArray.h"
#include "SharedScale.h"
#include "prec/Numerics/RoundLoop.h"

using namespace mlir::prec;

template <class T>
using WordOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

RoundArray::RoundArray(const Format &format, RoundingMode mode, uint32_t seed,
                       uint32_t step, std::span<const uint32_t> runtime,
                       uint64_t siteKey)
    : RoundArray(format, mode, Key{mix64(seed, siteKey, step)}, runtime) {}

RoundArray::RoundArray(const Format &format, RoundingMode mode, Key key,
                       std::span<const uint32_t> runtime)
    : format(format), mode(mode), key(key.value),
      runtime(runtime.begin(), runtime.end()) {
  if (mode.isRuntime) {
    this->mode = mode.with(this->runtime.back());
    this->runtime.pop_back();
  }
}

/// R-AXIS: the array with the axis last, where blocks lie along it, or first,
/// where each of its indices has a scale.
template <class T>
void RoundArray::roundAlong(const Format &written, std::span<const T> in,
                            std::span<T> out, Extents extents) const {
  const auto [size, inner] = extents;
  const size_t outer = in.size() / (size * inner);
  const bool isBlock = written.block != 0;
  auto placeOf = [&](size_t o, size_t j, size_t i) {
    return isBlock ? (o * inner + i) * size + j : (j * outer + o) * inner + i;
  };
  std::vector<T> moved(in.size());
  for (size_t o = 0, at = 0; o < outer; ++o)
    for (size_t j = 0; j < size; ++j)
      for (size_t i = 0; i < inner; ++i)
        moved[placeOf(o, j, i)] = in[at++];
  const std::span<T> all(moved);
  const size_t part = isBlock ? all.size() : outer * inner;
  for (size_t first = 0; first < all.size(); first += part) {
    std::span<T> some = all.subspan(first, part);
    SharedRounding<T>{written, mode, key, some, some, size, nullptr, first}
        .run();
  }
  for (size_t o = 0, at = 0; o < outer; ++o)
    for (size_t j = 0; j < size; ++j)
      for (size_t i = 0; i < inner; ++i)
        out[at++] = moved[placeOf(o, j, i)];
}

template <class T>
void RoundArray::roundAll(std::span<const T> in, std::span<T> out,
                          Extents extents, Encoded *codes) const {
  using Word = WordOf<T>;
  if (in.empty())
    return;
  if (!format.isElementwise()) {
    Format written = format;
    if (format.isRuntime()) { // whole numbers
      std::vector<double> numbers;
      for (uint32_t number : runtime)
        numbers.push_back(double(int32_t(number)));
      written = *format.with(numbers, carrierOf<T>());
    }
    if (written.axis == Format::none)
      SharedRounding<T>{written, mode, key, in, out, extents.axis, codes}.run();
    else
      roundAlong(written, in, out, extents);
    return;
  }
  MachineOps<Word> ops;
  std::vector<Word> words(runtime.begin(), runtime.end());
  auto parameters = makeRoundParameters(ops, format, carrierOf<T>(),
                                        std::span<const Word>(words));
  roundLoop(
      RoundCall<T>{in.data(), out.data(), in.size(), parameters, mode, key});
  if (codes)
    for (size_t i = 0; i < out.size(); ++i)
      codes->codes[i] = encode(double(out[i]), format, carrierOf<T>());
}

void RoundArray::operator()(std::span<const float> in, std::span<float> out,
                            size_t lastAxis, size_t inner) const {
  roundAll(in, out, {lastAxis, inner}, nullptr);
}

void RoundArray::operator()(std::span<const double> in, std::span<double> out,
                            size_t lastAxis, size_t inner) const {
  roundAll(in, out, {lastAxis, inner}, nullptr);
}

std::optional<RoundArray::Extents>
RoundArray::extentsOf(const Format &format, std::span<const int64_t> shape) {
  if (shape.empty())
    return Extents{1, 1};
  if (format.axis == Format::none)
    return Extents{size_t(shape.back()), 1};
  if (size_t(format.axis) >= shape.size())
    return std::nullopt;
  Extents extents{size_t(shape[format.axis]), 1};
  for (int64_t size : shape.subspan(format.axis + 1))
    extents.inner *= size_t(size);
  return extents;
}

RoundArray::Encoded RoundArray::encoded(std::span<const float> in,
                                        size_t lastAxis) const {
  std::vector<float> rounded(in.size());
  Encoded result{std::vector<uint64_t>(in.size()), {}};
  roundAll(in, std::span<float>(rounded), {lastAxis, 1}, &result);
  return result;
}

RoundArray::Encoded RoundArray::encoded(std::span<const double> in,
                                        size_t lastAxis) const {
  std::vector<double> rounded(in.size());
  Encoded result{std::vector<uint64_t>(in.size()), {}};
  roundAll(in, std::span<double>(rounded), {lastAxis, 1}, &result);
  return result;
}
