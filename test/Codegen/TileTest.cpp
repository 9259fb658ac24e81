// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gradients of small filters, whose tiles have all points of a window or of
// channels and windows, for several vector units, against loops in the order
// that DESIGN words.
#include "MultiplyAdd.h"
#include "VectorUnits.h"

#include "llvm/Support/FormatVariadic.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(41);

/// w[c][h][v][f] = sum over n, i, j of x[n][c][s i + h][s j + v] y[n][i][j][f],
/// a depthwise one with c = f: w[h][v][f], x[n][s i + h][s j + v][f].
struct Filter {
  int64_t n, c, size, window, f, stride;
  bool isDepthwise;
  int64_t extent() const { return stride * (size - 1) + window; }
};

// Tiles of 27, 9 and 4 windows' points with whole and partial vectors, windows
// that are too large, one row, two vectors.
const Filter filters[] = {
    {2, 3, 9, 3, 16, 1, false},  {1, 3, 6, 3, 37, 1, false},
    {2, 1, 7, 5, 32, 1, false},  {2, 8, 8, 3, 16, 2, false},
    {1, 2, 11, 2, 64, 1, false}, {3, 5, 1, 3, 20, 1, false},
    {1, 1, 10, 1, 16, 1, false}, {2, 1, 9, 3, 32, 1, true},
    {2, 1, 6, 3, 24, 2, true},   {1, 1, 12, 5, 16, 1, true},
};

class Tiles : public testing::TestWithParam<VectorUnit> {
protected:
  void check(const Filter &p, bool isRounded) {
    std::string text = textOf(p, isRounded);
    auto module = Module::compile(text, 3, GetParam().options());
    ASSERT_TRUE(module) << text;
    const int64_t e = p.extent();
    Array<float, 4> x(p.isDepthwise ? std::array{p.n, e, e, p.f}
                                    : std::array{p.n, p.c, e, e}),
        y({p.n, p.size, p.size, p.f});
    std::normal_distribution<float> normal;
    for (auto *values : {&x.values, &y.values})
      for (float &value : *values)
        value = normal(generator);
    Descriptor<float, 4> result;
    module->call("f", &result, x.get(), y.get());
    std::vector<float> found = takeResult(result);
    size_t at = 0;
    for (int64_t c = 0; c < p.c; ++c)
      for (int64_t h = 0; h < p.window; ++h)
        for (int64_t v = 0; v < p.window; ++v)
          for (int64_t f = 0; f < p.f; ++f, ++at) {
            float sum = 0;
            for (int64_t n = 0; n < p.n; ++n)
              for (int64_t i = 0; i < p.size; ++i)
                for (int64_t j = 0; j < p.size; ++j) {
                  int64_t row = p.stride * i + h, column = p.stride * j + v;
                  float a =
                      p.isDepthwise
                          ? x.values[((n * e + row) * e + column) * p.f + f]
                          : x.values[((n * p.c + c) * e + row) * e + column];
                  float b = y.values[((n * p.size + i) * p.size + j) * p.f + f];
                  sum = multiplyAdd(a, b, sum, isRounded);
                }
            ASSERT_EQ(std::bit_cast<uint32_t>(found[at]),
                      std::bit_cast<uint32_t>(sum))
                << "element " << at << " of\n"
                << text;
          }
  }

private:
  static std::string textOf(const Filter &p, bool isRounded) {
    auto type = [](int64_t a, int64_t b, int64_t c, int64_t d) {
      return llvm::formatv("tensor<{0}x{1}x{2}x{3}xf32>", a, b, c, d).str();
    };
    const int64_t e = p.extent();
    std::string window =
        llvm::formatv("i * {0} + h, j * {0} + v", p.stride).str();
    std::string x = p.isDepthwise ? type(p.n, e, e, p.f) : type(p.n, p.c, e, e);
    return llvm::formatv(
        R"(
func.func @f(%x: {0}, %y: {1}) -> {2} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {2}
  %i = linalg.fill ins(%zero : f32) outs(%e : {2}) -> {2}
  %r = linalg.generic {{
      indexing_maps = [affine_map<(c, h, v, f, n, i, j) -> (n, {3})>,
                       affine_map<(c, h, v, f, n, i, j) -> (n, i, j, f)>,
                       affine_map<(c, h, v, f, n, i, j) -> (c, h, v, f)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel",
                        "reduction", "reduction", "reduction"]}
      ins(%x, %y : {0}, {1}) outs(%i : {2}) {{
  ^bb0(%u: f32, %v: f32, %acc: f32):{4}
    linalg.yield %s : f32
  } -> {2}
  return %r : {2}
})",
        x, type(p.n, p.size, p.size, p.f), type(p.c, p.window, p.window, p.f),
        p.isDepthwise ? window + ", f" : "c, " + window,
        multiplyAddText(isRounded));
  }
};

TEST_P(Tiles, GradientsOfFilters) {
  for (const Filter &p : filters)
    check(p, false);
}

TEST_P(Tiles, EveryResultRounded) {
  for (const Filter &p : filters)
    check(p, true);
}

INSTANTIATE_TEST_SUITE_P(Units, Tiles, vectorUnits(), nameOf);
} // namespace
