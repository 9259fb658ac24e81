// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs of f32 inputs that have one result, for tests that try all of them.
#ifndef PREC_TEST_NUMERICS_EVERYINPUT_H
#define PREC_TEST_NUMERICS_EVERYINPUT_H

#include "prec/Numerics/Round.h"
#include "prec/Numerics/RoundArray.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace mlir::prec::oracle {

/// Both faces of one rounding: arrays, of which all inputs are tried, and
/// scalars, of which every 61st is.
class EveryInput {
public:
  EveryInput(const Format &format, RoundingMode mode)
      : round(format, mode), scalar(format, mode) {}

  /// How many of the inputs with bits first | sign ... end - 1 | sign do not
  /// have the result `wanted`.
  uint64_t failures(uint32_t first, uint64_t end, uint32_t sign,
                    uint32_t wanted) {
    constexpr uint64_t several = 1 << 13;
    uint64_t failures = 0;
    for (uint64_t bits = first; bits < end; bits += several) {
      const auto count = size_t(std::min(several, end - bits));
      values.resize(count);
      for (size_t i = 0; i < count; ++i)
        values[i] = std::bit_cast<float>(uint32_t(bits + i) | sign);
      for (size_t i = 0; i < count; i += 61)
        failures += std::bit_cast<uint32_t>(scalar(values[i])) != wanted;
      round(std::span<const float>(values), std::span<float>(values), count);
      for (float value : values)
        failures += std::bit_cast<uint32_t>(value) != wanted;
    }
    return failures;
  }

private:
  RoundArray round;
  Rounder<float> scalar;
  std::vector<float> values;
};

} // namespace mlir::prec::oracle

#endif // PREC_TEST_NUMERICS_EVERYINPUT_H
