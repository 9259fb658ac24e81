// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions of what was padded, and of windows of one element, for several
// vector units, against loops in the order that DESIGN words.
#include "VectorUnits.h"

#include "llvm/Support/FormatVariadic.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(29);

/// y[n][f] = sum over c, r, s of w[f][c][r][s] * p[n][c][stride*h + r][...], p
/// being max(x, 0) within a border of `value`.
struct Layer {
  int64_t n, c, f, height, width, k, stride;
  int64_t top, left, bottom, right;
  float value;
  bool isArgument; ///< x itself is padded
};

// Lines that fill no vector and more than one, a border on one side, wide
// ones, none, values other than zero; 1 x 1 with and without a stride, one
// channel, one line.
const Layer layers[] = {
    {2, 3, 5, 8, 16, 3, 1, 1, 1, 1, 1, 0, false},
    {2, 3, 5, 7, 9, 3, 1, 1, 1, 1, 1, 0, true},
    {1, 2, 16, 6, 33, 5, 1, 2, 0, 0, 3, 1.5f, false},
    {3, 4, 4, 9, 7, 3, 2, 1, 0, 0, 2, -1, false},
    {2, 16, 8, 7, 7, 1, 1, 0, 0, 0, 0, 0, false},
    {2, 5, 20, 8, 12, 1, 2, 0, 0, 0, 0, 0, false},
    {1, 1, 6, 5, 5, 1, 1, 1, 1, 0, 0, 2, true},
    {4, 33, 3, 1, 20, 1, 1, 0, 0, 0, 0, 0, true},
    {1, 64, 40, 6, 6, 1, 3, 0, 0, 0, 0, 0, true},
    // Rows of a tile meet in the lines of a window: one channel and result.
    {2, 1, 1, 9, 37, 3, 1, 1, 1, 1, 1, 0, false},
    {1, 1, 1, 11, 40, 3, 2, 1, 1, 1, 1, 0, true},
    {3, 1, 1, 16, 16, 2, 2, 0, 0, 0, 0, 0, false},
    {1, 1, 1, 31, 70, 3, 3, 0, 0, 0, 0, 0, true},
    {1, 1, 1, 90, 130, 3, 1, 0, 0, 0, 0, 0, true},
    // One window, which does not reach the image's end.
    {2, 4, 8, 3, 3, 2, 3, 0, 0, 0, 0, 0, true},
    {2, 4, 8, 4, 2, 2, 3, 0, 0, 0, 0, 0, true},
};

class Convolutions : public testing::TestWithParam<VectorUnit> {
protected:
  void check(const Layer &l) {
    CodegenOptions options = GetParam().options();
    std::string text = textOf(l);
    auto module = Module::compile(text, 3, options);
    ASSERT_TRUE(module) << text;
    Array<float, 4> x({l.n, l.c, l.height, l.width}), w({l.f, l.c, l.k, l.k});
    std::normal_distribution<float> normal;
    for (auto *values : {&x.values, &w.values})
      for (float &value : *values)
        value = normal(generator);
    struct {
      Descriptor<float, 4> y;
      Descriptor<float, 4> z;
    } results;
    module->call("f", &results, x.get(), w.get());
    std::vector<float> y = takeResult(results.y), z = takeResult(results.z);
    for (size_t i = 0; i < z.size(); ++i) // read beside its padding
      ASSERT_EQ(z[i], positive(x.values[i]) + 1) << i << " of\n" << text;
    int64_t at = 0;
    for (int64_t n = 0; n < l.n; ++n)
      for (int64_t f = 0; f < l.f; ++f)
        for (int64_t h = 0; h < heightOf(l); ++h)
          for (int64_t v = 0; v < widthOf(l); ++v, ++at)
            ASSERT_EQ(std::bit_cast<uint32_t>(y[at]),
                      std::bit_cast<uint32_t>(sum(l, x, w, n, f, h, v)))
                << "element " << at << " of\n"
                << text;
  }

private:
  static float positive(float value) { return value > 0 ? value : 0; }
  static int64_t heightOf(const Layer &l) {
    return (l.height + l.top + l.bottom - l.k) / l.stride + 1;
  }
  static int64_t widthOf(const Layer &l) {
    return (l.width + l.left + l.right - l.k) / l.stride + 1;
  }

  static float sum(const Layer &l, const Array<float, 4> &x,
                   const Array<float, 4> &w, int64_t n, int64_t f, int64_t h,
                   int64_t v) {
    float acc = 0;
    for (int64_t c = 0; c < l.c; ++c)
      for (int64_t r = 0; r < l.k; ++r)
        for (int64_t s = 0; s < l.k; ++s) {
          int64_t i = h * l.stride + r - l.top, j = v * l.stride + s - l.left;
          bool isInside = i >= 0 && i < l.height && j >= 0 && j < l.width;
          float value = l.value;
          if (isInside) {
            value = x.values[((n * l.c + c) * l.height + i) * l.width + j];
            value = l.isArgument ? value : positive(value);
          }
          acc = std::fma(value, w.values[((f * l.c + c) * l.k + r) * l.k + s],
                         acc);
        }
    return acc;
  }

  static std::string textOf(const Layer &l) {
    auto type = [](int64_t a, int64_t b, int64_t c, int64_t d) {
      return llvm::formatv("tensor<{0}x{1}x{2}x{3}xf32>", a, b, c, d).str();
    };
    std::string x = type(l.n, l.c, l.height, l.width),
                w = type(l.f, l.c, l.k, l.k),
                y = type(l.n, l.f, heightOf(l), widthOf(l)),
                p = type(l.n, l.c, l.height + l.top + l.bottom,
                         l.width + l.left + l.right);
    return llvm::formatv(
        R"(
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
func.func @f(%x: {0}, %w: {1}) -> ({2}, {0}) {{
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %value = arith.constant {4} : f32
  %e = tensor.empty() : {0}
  %r = linalg.generic {{indexing_maps = [#id, #id],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : {0}) outs(%e : {0}) {{
  ^bb0(%a: f32, %o: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> {0}
  %p = tensor.pad {5} low[0, 0, {6}, {7}] high[0, 0, {8}, {9}] {{
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %value : f32
  } : {0} to {3}
  %ye = tensor.empty() : {2}
  %yi = linalg.fill ins(%zero : f32) outs(%ye : {2}) -> {2}
  %y = linalg.conv_2d_nchw_fchw {{strides = dense<{10}> : tensor<2xi64>}
      ins(%p, %w : {3}, {1}) outs(%yi : {2}) -> {2}
  %z = linalg.generic {{indexing_maps = [#id, #id],
      iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%r : {0}) outs(%e : {0}) {{
  ^bb0(%a: f32, %o: f32):
    %m = arith.addf %a, %one : f32
    linalg.yield %m : f32
  } -> {0}
  return %y, %z : {2}, {0}
})",
        x, w, y, p, llvm::formatv("{0:F2}", l.value),
        l.isArgument ? "%x" : "%r", l.top, l.left, l.bottom, l.right, l.stride);
  }
};

TEST_P(Convolutions, OfPaddedImages) {
  for (const Layer &layer : layers)
    check(layer);
}

INSTANTIATE_TEST_SUITE_P(Units, Convolutions, vectorUnits(), nameOf);
} // namespace
