// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Distributions by counters: element i needs nothing of element i-1.
#include "prec/Execution/Initialise.h"

#include "prec/Numerics/Random.h"
#include "llvm/ADT/Twine.h"
#include <cmath>
#include <numeric>

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Expected;

/// ln(x) for 0 < x < 1 from exact operations and a series: atanh's, whose
/// terms shrink by (1/5.8)^2 and of which 16 exceed f64's precision.
static double naturalLog(double x) {
  int exponent;
  double m = std::frexp(x, &exponent); // exact
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  double z = (m - 1) / (m + 1), square = z * z, sum = 0;
  for (int k = 16; k >= 0; --k)
    sum = sum * square + 1.0 / (2 * k + 1);
  return 2 * z * sum + exponent * 0.69314718055994531;
}

/// Uniform in (-1, 1) from two words of a key.
static double symmetric(uint64_t key, uint64_t position) {
  uint64_t bits = (uint64_t(h32(key, position)) << 32) | h32(key, position + 1);
  double u = (double(bits >> 11) + 0.5) * 0x1p-53;
  return 2 * u - 1;
}

static double normal(uint64_t key, uint64_t index) {
  for (uint64_t attempt = 0;; ++attempt) {
    uint64_t k = mix64(key, index, attempt);
    double u = symmetric(k, 0), v = symmetric(k, 2);
    double s = u * u + v * v;
    if (s > 0 && s < 1)
      return u * std::sqrt(-2 * naturalLog(s) / s);
  }
}

Expected<Tensor> mlir::prec::initialise(const ValueInfo &value, uint32_t seed) {
  auto bad = [&](const llvm::Twine &text) {
    return createStringError("parameter '" + value.name + "': " + text);
  };
  if (value.dtype != DType::F32 && value.dtype != DType::F64)
    return bad("found type " + toString(value.dtype) + ", expected f32 or f64");
  if (!countElements(value.shape))
    return bad("found " + describe(value) + ", expected a static shape");
  auto [word, number] = llvm::StringRef(value.init).split(':');
  double scale = 0;
  bool isZeros = value.init == "zeros";
  bool isKnown = word == "constant" || word == "uniform" || word == "normal";
  if (!isZeros &&
      (!isKnown || number.getAsDouble(scale) || !std::isfinite(scale)))
    return bad(llvm::Twine(value.init.empty() ? "no prec.init" : "found '") +
               value.init + (value.init.empty() ? "" : "'") +
               ", expected zeros, constant:C, uniform:B or normal:S");
  uint64_t key = mix64(seed, hash64("init", std::string_view(value.name)), 0);
  Tensor result(value.dtype, value.shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    double x = word == "uniform"  ? scale * symmetric(key, 2 * uint64_t(i))
               : word == "normal" ? scale * normal(key, uint64_t(i))
                                  : scale;
    if (value.dtype == DType::F32)
      result.span<float>()[i] = float(x);
    else
      result.span<double>()[i] = x;
  }
  return result;
}

std::vector<uint32_t> mlir::prec::shuffled(uint64_t count, uint32_t seed,
                                           uint64_t epoch) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  uint64_t key = mix64(seed, hash64("shuffle"), epoch);
  for (uint64_t i = count; i-- > 1;)
    std::swap(order[i], order[(h32(key, i) * (i + 1)) >> 32]);
  return order;
}
