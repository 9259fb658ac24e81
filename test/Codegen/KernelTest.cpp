// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of convolutions, pooling and layout copies, for several vector units,
// against loops in the order that DESIGN words.
#include "VectorUnits.h"

#include "llvm/Support/FormatVariadic.h"

#include <bit>
#include <cmath>
#include <functional>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(11);

using Tensor4 = Array<float, 4>;
using Shape4 = std::array<int64_t, 4>;

void fill(llvm::MutableArrayRef<float> values) {
  std::normal_distribution<float> distribution;
  for (float &value : values)
    value = distribution(generator);
}

float &at(Tensor4 &t, int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t *strides = t.descriptor.strides;
  return t.values[a * strides[0] + b * strides[1] + c * strides[2] + d];
}

std::string typeOf(Shape4 shape, bool isDynamic = false) {
  std::string first = isDynamic ? "?" : std::to_string(shape[0]);
  return llvm::formatv("tensor<{0}x{1}x{2}x{3}xf32>", first, shape[1], shape[2],
                       shape[3])
      .str();
}

class Kernels : public testing::TestWithParam<VectorUnit> {
protected:
  /// Compares `@f(x, y)` with `expected(x, y, result)`, bit for bit.
  void check(const std::string &text, Shape4 xShape, Shape4 yShape,
             Shape4 shape,
             std::function<void(Tensor4 &, Tensor4 &, Tensor4 &)> expect) {
    CodegenOptions options = GetParam().options();
    auto module = Module::compile(text, 3, options);
    ASSERT_TRUE(module);
    Tensor4 x(xShape), y(yShape), expected(shape);
    fill(x.values);
    fill(y.values);
    expect(x, y, expected);
    Descriptor<float, 4> result;
    module->call("f", &result, x.get(), y.get());
    std::vector<float> found = takeResult(result);
    ASSERT_EQ(found.size(), expected.values.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(found[i]),
                std::bit_cast<uint32_t>(expected.values[i]))
          << "element " << i << " of\n"
          << text;
  }
};

struct Conv {
  int64_t n, ci, co, h, w, k, stride;
};
const Conv convolutions[] = {{2, 1, 32, 28, 28, 5, 1}, {2, 3, 10, 7, 7, 3, 1},
                             {1, 8, 33, 14, 14, 5, 1}, {3, 4, 16, 5, 9, 3, 2},
                             {2, 16, 4, 1, 17, 1, 1},  {2, 5, 7, 3, 1, 2, 3},
                             {20, 2, 40, 12, 30, 3, 1}};

TEST_P(Kernels, ForwardChannelsFirst) {
  for (const Conv &c : convolutions) {
    Shape4 x{c.n, c.ci, (c.h - 1) * c.stride + c.k, (c.w - 1) * c.stride + c.k};
    Shape4 w{c.co, c.ci, c.k, c.k}, out{c.n, c.co, c.h, c.w};
    std::string text = llvm::formatv(
        R"(
func.func @f(%x: {0}, %w: {1}) -> {2} {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : {0}
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : {2}
  %i = linalg.fill ins(%zero : f32) outs(%e : {2}) -> {2}
  %r = linalg.conv_2d_nchw_fchw {{strides = dense<{3}> : vector<2xi64>}
      ins(%x, %w : {0}, {1}) outs(%i : {2}) -> {2}
  return %r : {2}
})",
        typeOf(x, true), typeOf(w), typeOf(out, true), c.stride);
    check(text, x, w, out, [&](Tensor4 &x, Tensor4 &w, Tensor4 &out) {
      for (int64_t n = 0; n < c.n; ++n)
        for (int64_t o = 0; o < c.co; ++o)
          for (int64_t y = 0; y < c.h; ++y)
            for (int64_t z = 0; z < c.w; ++z) {
              float acc = 0;
              for (int64_t i = 0; i < c.ci; ++i)
                for (int64_t a = 0; a < c.k; ++a)
                  for (int64_t b = 0; b < c.k; ++b)
                    acc = std::fma(
                        at(x, n, i, y * c.stride + a, z * c.stride + b),
                        at(w, o, i, a, b), acc);
              at(out, n, o, y, z) = acc;
            }
    });
  }
}

TEST_P(Kernels, ForwardChannelsLast) {
  for (const Conv &c : convolutions) {
    Shape4 x{c.n, (c.h - 1) * c.stride + c.k, (c.w - 1) * c.stride + c.k, c.ci};
    Shape4 w{c.k, c.k, c.ci, c.co}, out{c.n, c.h, c.w, c.co};
    std::string text = llvm::formatv(
        R"(
func.func @f(%x: {0}, %w: {1}) -> {2} {{
  %zero = arith.constant 1.5 : f32
  %e = tensor.empty() : {2}
  %i = linalg.fill ins(%zero : f32) outs(%e : {2}) -> {2}
  %r = linalg.conv_2d_nhwc_hwcf {{strides = dense<{3}> : vector<2xi64>}
      ins(%x, %w : {0}, {1}) outs(%i : {2}) -> {2}
  return %r : {2}
})",
        typeOf(x), typeOf(w), typeOf(out), c.stride);
    check(text, x, w, out, [&](Tensor4 &x, Tensor4 &w, Tensor4 &out) {
      for (int64_t n = 0; n < c.n; ++n)
        for (int64_t y = 0; y < c.h; ++y)
          for (int64_t z = 0; z < c.w; ++z)
            for (int64_t o = 0; o < c.co; ++o) {
              float acc = 1.5f;
              for (int64_t a = 0; a < c.k; ++a)
                for (int64_t b = 0; b < c.k; ++b)
                  for (int64_t i = 0; i < c.ci; ++i)
                    acc = std::fma(
                        at(x, n, y * c.stride + a, z * c.stride + b, i),
                        at(w, a, b, i, o), acc);
              at(out, n, y, z, o) = acc;
            }
    });
  }
}

// The gradient by a filter; every second image of it is not wanted.
TEST_P(Kernels, BackwardFilterAndSlice) {
  for (const Conv &c : convolutions) {
    if (c.stride != 1 || c.ci < 2)
      continue;
    Shape4 x{c.n, c.ci, c.h + c.k - 1, c.w + c.k - 1}, g{c.n, c.co, c.h, c.w};
    Shape4 whole{c.co, c.ci, c.k, c.k}, out{c.co, c.ci - 1, c.k, c.k};
    std::string text = llvm::formatv(
        R"(
func.func @f(%x: {0}, %g: {1}) -> {2} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {3}
  %i = linalg.fill ins(%zero : f32) outs(%e : {3}) -> {3}
  %r = linalg.generic {{indexing_maps = [
      affine_map<(o, c, a, b, n, y, x) -> (n, c, y + a, x + b)>,
      affine_map<(o, c, a, b, n, y, x) -> (n, o, y, x)>,
      affine_map<(o, c, a, b, n, y, x) -> (o, c, a, b)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel",
                        "reduction", "reduction", "reduction"]}
      ins(%x, %g : {0}, {1}) outs(%i : {3}) {{
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> {3}
  %part = tensor.extract_slice %r[0, 1, 0, 0] [{4}, {5}, {6}, {6}] [1, 1, 1, 1] : {3} to {2}
  return %part : {2}
})",
        typeOf(x), typeOf(g), typeOf(out), typeOf(whole), c.co, c.ci - 1, c.k);
    check(text, x, g, out, [&](Tensor4 &x, Tensor4 &g, Tensor4 &out) {
      for (int64_t o = 0; o < c.co; ++o)
        for (int64_t i = 1; i < c.ci; ++i)
          for (int64_t a = 0; a < c.k; ++a)
            for (int64_t b = 0; b < c.k; ++b) {
              float acc = 0;
              for (int64_t n = 0; n < c.n; ++n)
                for (int64_t y = 0; y < c.h; ++y)
                  for (int64_t z = 0; z < c.w; ++z)
                    acc = std::fma(at(x, n, i, y + a, z + b), at(g, n, o, y, z),
                                   acc);
              at(out, o, i - 1, a, b) = acc;
            }
    });
  }
}

TEST_P(Kernels, MaximumOfWindows) {
  for (auto [h, w] : {std::pair(14, 14), {3, 7}, {5, 16}, {2, 33}, {4, 1}}) {
    Shape4 x{3, 5, 2 * h, 2 * w}, out{3, 5, h, w};
    std::string text = llvm::formatv(
        R"(
func.func @f(%x: {0}, %y: {1}) -> {1} {{
  %low = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : {1}
  %window = tensor.empty() : tensor<2x2xf32>
  %i = linalg.fill ins(%low : f32) outs(%e : {1}) -> {1}
  %r = linalg.pooling_nchw_max {{strides = dense<2> : vector<2xi64>}
      ins(%x, %window : {0}, tensor<2x2xf32>) outs(%i : {1}) -> {1}
  return %r : {1}
})",
        typeOf(x), typeOf(out));
    check(text, x, out, out, [&](Tensor4 &x, Tensor4 &, Tensor4 &out) {
      for (int64_t n = 0; n < 3; ++n)
        for (int64_t c = 0; c < 5; ++c)
          for (int64_t y = 0; y < h; ++y)
            for (int64_t z = 0; z < w; ++z)
              at(out, n, c, y, z) = std::max(
                  {at(x, n, c, 2 * y, 2 * z), at(x, n, c, 2 * y, 2 * z + 1),
                   at(x, n, c, 2 * y + 1, 2 * z),
                   at(x, n, c, 2 * y + 1, 2 * z + 1)});
    });
  }
}

// Each element becomes a square of four: itself and its sums with the other.
TEST_P(Kernels, WrittenBetween) {
  for (auto [h, w] : {std::pair(14, 14), {3, 7}, {5, 16}, {2, 33}, {4, 1}}) {
    Shape4 x{3, 2, h, w}, out{3, 2, 2 * h, 2 * w};
    std::string six = llvm::formatv("tensor<3x2x{0}x2x{1}x2xf32>", h, w);
    std::string text = llvm::formatv(
        R"(
#in = affine_map<(n, c, y, a, x, b) -> (n, c, y, x)>
#out = affine_map<(n, c, y, a, x, b) -> (n, c, y, a, x, b)>
func.func @f(%x: {0}, %y: {0}) -> {1} {{
  %e = tensor.empty() : {2}
  %one = arith.constant 1 : index
  %r = linalg.generic {{indexing_maps = [#in, #in, #out], iterator_types =
      ["parallel", "parallel", "parallel", "parallel", "parallel", "parallel"]}
      ins(%x, %y : {0}, {0}) outs(%e : {2}) {{
  ^bb0(%p: f32, %q: f32, %o: f32):
    %b = linalg.index 5 : index
    %is = arith.cmpi eq, %b, %one : index
    %s = arith.addf %p, %q : f32
    %v = arith.select %is, %s, %p : f32
    linalg.yield %v : f32
  } -> {2}
  %flat = tensor.collapse_shape %r [[0], [1], [2, 3], [4, 5]] : {2} into {1}
  return %flat : {1}
})",
        typeOf(x), typeOf(out), six);
    check(text, x, x, out, [&](Tensor4 &x, Tensor4 &y, Tensor4 &out) {
      for (int64_t n = 0; n < 3; ++n)
        for (int64_t c = 0; c < 2; ++c)
          for (int64_t i = 0; i < 2 * h; ++i)
            for (int64_t j = 0; j < 2 * w; ++j)
              at(out, n, c, i, j) = at(x, n, c, i / 2, j / 2) +
                                    (j % 2 ? at(y, n, c, i / 2, j / 2) : 0.0f);
    });
  }
}

TEST_P(Kernels, LayoutCopies) {
  for (Shape4 shape : {Shape4{2, 32, 14, 14},
                       {3, 17, 5, 9},
                       {1, 16, 4, 4},
                       {2, 3, 40, 33},
                       {2, 1, 7, 5}}) {
    Shape4 out{shape[0], shape[2], shape[3], shape[1]};
    std::string text = llvm::formatv(
        R"(
func.func @f(%x: {0}, %y: {0}) -> {1} {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : {0}
  %e = tensor.empty(%n) : {1}
  %r = linalg.transpose ins(%x : {0}) outs(%e : {1}) permutation = [0, 2, 3, 1]
  return %r : {1}
})",
        typeOf(shape, true), typeOf(out, true));
    check(text, shape, shape, out, [&](Tensor4 &x, Tensor4 &, Tensor4 &out) {
      for (int64_t n = 0; n < shape[0]; ++n)
        for (int64_t c = 0; c < shape[1]; ++c)
          for (int64_t y = 0; y < shape[2]; ++y)
            for (int64_t z = 0; z < shape[3]; ++z)
              at(out, n, y, z, c) = at(x, n, c, y, z);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Units, Kernels, vectorUnits(), nameOf);
} // namespace
