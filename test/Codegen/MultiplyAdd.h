// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The body of a contraction, as MLIR and as C++: products and sums of the
// carrier, or each of them rounded to seven bits of fraction, toward zero.
#ifndef PREC_TEST_CODEGEN_MULTIPLYADD_H
#define PREC_TEST_CODEGEN_MULTIPLYADD_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace mlir::prec::test {

/// %s of %u, %v and %acc.
inline const char *multiplyAddText(bool isRounded) {
  return isRounded ? R"(
    %p0 = arith.mulf %u, %v : f32
    %p = prec.round %p0 to "m7" "toward-zero" : f32
    %s0 = arith.addf %acc, %p : f32
    %s = prec.round %s0 to "m7" "toward-zero" : f32)"
                   : R"(
    %p = arith.mulf %u, %v : f32
    %s = arith.addf %acc, %p : f32)";
}

inline float multiplyAdd(float u, float v, float sum, bool isRounded) {
  auto cut = [](float value) {
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & 0xffff0000u);
  };
  return isRounded ? cut(sum + cut(u * v)) : std::fma(u, v, sum);
}

} // namespace mlir::prec::test

#endif // PREC_TEST_CODEGEN_MULTIPLYADD_H
