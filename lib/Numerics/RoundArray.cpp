// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding of arrays: prepares the loop, or hands over to shared scales.
#include "prec/Numerics/RoundArray.h"
#include "SharedScale.h"
#include "prec/Numerics/RoundLoop.h"

using namespace mlir::prec;

template <class T>
using WordOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

template <class T> static constexpr Carrier carrierOf() {
  return sizeof(T) == 4 ? Carrier::F32 : Carrier::F64;
}

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

template <class T>
void RoundArray::roundAll(std::span<const T> in, std::span<T> out,
                          size_t lastAxis, Encoded *codes) const {
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
    SharedRounding<T>{written, mode, key, in, out, lastAxis, codes}.run();
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
                            size_t lastAxis) const {
  roundAll(in, out, lastAxis, nullptr);
}

void RoundArray::operator()(std::span<const double> in, std::span<double> out,
                            size_t lastAxis) const {
  roundAll(in, out, lastAxis, nullptr);
}

RoundArray::Encoded RoundArray::encoded(std::span<const float> in,
                                        size_t lastAxis) const {
  std::vector<float> rounded(in.size());
  Encoded result{std::vector<uint64_t>(in.size()), {}};
  roundAll(in, std::span<float>(rounded), lastAxis, &result);
  return result;
}

RoundArray::Encoded RoundArray::encoded(std::span<const double> in,
                                        size_t lastAxis) const {
  std::vector<double> rounded(in.size());
  Encoded result{std::vector<uint64_t>(in.size()), {}};
  roundAll(in, std::span<double>(rounded), lastAxis, &result);
  return result;
}
