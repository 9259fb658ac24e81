// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Distributions by counters: element i needs nothing of element i-1.
#include "prec/Execution/Initialise.h"

#include "prec/Numerics/Random.h"
#include "llvm/ADT/STLExtras.h"
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

namespace {
/// A word of prec.init, taken apart.
struct Init {
  enum class Kind : uint8_t { Constant, Uniform, Normal, Orthogonal };
  Kind kind = Kind::Constant;
  double scale = 0;
  std::optional<double> positive;
};
} // namespace

/// Nothing for a word that is none.
static std::optional<Init> parseInit(llvm::StringRef text) {
  Init init;
  if (text == "zeros")
    return init;
  auto [word, share] = text.split(":positive=");
  if (text.contains(":positive=")) {
    double &value = init.positive.emplace();
    if (share.getAsDouble(value) || !(value >= 0 && value <= 1))
      return std::nullopt;
  }
  auto [head, number] = word.split(':');
  if (number.getAsDouble(init.scale) || !std::isfinite(init.scale))
    return std::nullopt;
  if (head == "constant" && !init.positive)
    return init;
  init.kind = head == "uniform"      ? Init::Kind::Uniform
              : head == "normal"     ? Init::Kind::Normal
              : head == "orthogonal" ? Init::Kind::Orthogonal
                                     : Init::Kind::Constant;
  return init.kind == Init::Kind::Constant ? std::nullopt : std::optional(init);
}

/// Makes `count` vectors of `length` elements, `stride` apart, orthonormal.
static void orthonormalise(llvm::MutableArrayRef<double> x, size_t count,
                           size_t length, size_t vectorStride, size_t stride) {
  auto at = [&](size_t v, size_t k) -> double & {
    return x[v * vectorStride + k * stride];
  };
  auto dot = [&](size_t a, size_t b) {
    double sum = 0;
    for (size_t k = 0; k < length; ++k)
      sum += at(a, k) * at(b, k);
    return sum;
  };
  for (size_t v = 0; v < count; ++v) {
    for (int pass = 0; pass < 2; ++pass)
      for (size_t before = 0; before < v; ++before) {
        double part = dot(v, before);
        for (size_t k = 0; k < length; ++k)
          at(v, k) -= part * at(before, k);
      }
    double norm = std::sqrt(dot(v, v));
    for (size_t k = 0; k < length; ++k)
      at(v, k) /= norm;
  }
}

static std::vector<double> numbersOf(const Init &init, uint64_t key,
                                     llvm::ArrayRef<int64_t> shape) {
  std::vector<double> x(size_t(*countElements(shape)));
  for (auto [i, value] : llvm::enumerate(x))
    value = init.kind == Init::Kind::Constant ? init.scale
            : init.kind == Init::Kind::Uniform
                ? init.scale * symmetric(key, 2 * i)
            : init.kind == Init::Kind::Normal ? init.scale * normal(key, i)
                                              : normal(key, i);
  if (init.kind == Init::Kind::Orthogonal && !x.empty()) {
    size_t rows = shape.empty() ? 1 : size_t(shape[0]);
    size_t columns = x.size() / rows;
    if (rows <= columns)
      orthonormalise(x, rows, columns, columns, 1);
    else
      orthonormalise(x, columns, rows, 1, columns);
    for (double &value : x)
      value *= init.scale;
  }
  if (!init.positive)
    return x;
  auto count = uint64_t(std::round(*init.positive * double(x.size())));
  std::vector<uint32_t> order = shuffled(x.size(), uint32_t(key), 0);
  for (auto [rank, place] : llvm::enumerate(order))
    x[place] = rank < count ? std::fabs(x[place]) : -std::fabs(x[place]);
  return x;
}

Expected<Tensor> mlir::prec::initialise(const ValueInfo &value, uint32_t seed) {
  auto bad = [&](const llvm::Twine &text) {
    return createStringError("parameter '" + value.name + "': " + text);
  };
  if (value.dtype != DType::F32 && value.dtype != DType::F64)
    return bad("found type " + toString(value.dtype) + ", expected f32 or f64");
  if (!countElements(value.shape))
    return bad("found " + describe(value) + ", expected a static shape");
  std::optional<Init> init = parseInit(value.init);
  if (!init)
    return bad(llvm::Twine(value.init.empty()
                               ? "no prec.init, and no weights are given"
                               : "found '") +
               value.init + (value.init.empty() ? "" : "'") +
               ", expected zeros, constant:C, uniform:B, normal:S or "
               "orthogonal:G, the last three perhaps with :positive=SHARE");
  uint64_t key = mix64(seed, hash64("init", std::string_view(value.name)), 0);
  Tensor result(value.dtype, value.shape);
  std::vector<double> numbers = numbersOf(*init, key, value.shape);
  if (value.dtype == DType::F32)
    llvm::transform(numbers, result.span<float>().begin(),
                    [](double x) { return float(x); });
  else
    llvm::copy(numbers, result.span<double>().begin());
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
