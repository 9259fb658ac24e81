// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products that are cut into pieces and read copies of their operands, for
// several vector units, against loops in the order that DESIGN words.
#include "MultiplyAdd.h"
#include "VectorUnits.h"

#include "llvm/Support/FormatVariadic.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(23);

/// c[b][m][n] = sum over k of x[b][m][k] y[b][k][n], either operand with its
/// last two dimensions exchanged.
struct Product {
  int64_t b, m, n, k;
  bool xAcross, yAcross, yShared;
};

// Long sums with and without a rest, rows and columns that fill no block, a
// batch, one operand for all of the batch, few rows.
const Product products[] = {
    {1, 64, 64, 1100, false, false, true},
    {1, 50, 37, 600, true, false, true},
    {1, 70, 130, 513, true, true, true},
    {2, 40, 96, 520, false, false, false},
    {3, 33, 64, 300, true, false, true},
    {2, 200, 48, 256, false, true, false},
    {1, 3, 256, 700, false, false, true},
    {1, 400, 64, 300, false, false, true},
    // Rows of the right operand lie along the sum: few of the left one.
    {1, 1, 300, 200, false, true, true},
    {1, 3, 70, 75, false, true, true},
    {2, 2, 37, 48, false, true, false},
    {1, 100, 1, 133, false, false, true},
    // Rows of the left one lie pages apart: all their lines in one set.
    {1, 64, 512, 2048, false, false, true},
    {1, 30, 70, 1024, false, false, true},
    // A copy of the left operand, for some of its columns at a time.
    {1, 1000, 50, 130, true, false, true},
    {2, 600, 34, 128, true, false, false},
    // The right one is read once: long runs of its rows, all or in pieces.
    {1, 1, 530, 600, false, false, true},
    {1, 2, 777, 1100, false, false, true},
};

class Panels : public testing::TestWithParam<VectorUnit> {
protected:
  void check(const Product &p, bool isRounded) {
    CodegenOptions options = GetParam().options();
    std::string text = textOf(p, isRounded);
    auto module = Module::compile(text, 3, options);
    ASSERT_TRUE(module) << text;
    int64_t yBatch = p.yShared ? 1 : p.b;
    Array<float, 3> x(p.xAcross ? std::array{p.b, p.k, p.m}
                                : std::array{p.b, p.m, p.k}),
        y(p.yAcross ? std::array{yBatch, p.n, p.k}
                    : std::array{yBatch, p.k, p.n});
    std::normal_distribution<float> normal;
    for (auto *values : {&x.values, &y.values})
      for (float &value : *values)
        value = normal(generator);
    Descriptor<float, 3> result;
    module->call("f", &result, x.get(), y.get());
    std::vector<float> found = takeResult(result);
    for (int64_t i = 0; i < p.b * p.m * p.n; ++i) {
      int64_t b = i / (p.m * p.n), m = i / p.n % p.m, n = i % p.n;
      float sum = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        float u = x.values[p.xAcross ? (b * p.k + k) * p.m + m
                                     : (b * p.m + m) * p.k + k];
        int64_t c = p.yShared ? 0 : b;
        float v = y.values[p.yAcross ? (c * p.n + n) * p.k + k
                                     : (c * p.k + k) * p.n + n];
        sum = multiplyAdd(u, v, sum, isRounded);
      }
      ASSERT_EQ(std::bit_cast<uint32_t>(found[i]), std::bit_cast<uint32_t>(sum))
          << "element " << i << " of\n"
          << text;
    }
  }

private:
  static std::string textOf(const Product &p, bool isRounded) {
    auto type = [](int64_t b, int64_t first, int64_t second) {
      return llvm::formatv("tensor<{0}x{1}x{2}xf32>", b, first, second).str();
    };
    std::string x = p.xAcross ? type(p.b, p.k, p.m) : type(p.b, p.m, p.k);
    int64_t yBatch = p.yShared ? 1 : p.b;
    std::string y = p.yAcross ? type(yBatch, p.n, p.k) : type(yBatch, p.k, p.n);
    return llvm::formatv(
        R"(
func.func @f(%x: {0}, %y: {1}) -> {2} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {2}
  %i = linalg.fill ins(%zero : f32) outs(%e : {2}) -> {2}
  %r = linalg.generic {{
      indexing_maps = [affine_map<(b, m, n, k) -> (b, {3})>,
                       affine_map<(b, m, n, k) -> ({4}, {5})>,
                       affine_map<(b, m, n, k) -> (b, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %y : {0}, {1}) outs(%i : {2}) {{
  ^bb0(%u: f32, %v: f32, %acc: f32):{6}
    linalg.yield %s : f32
  } -> {2}
  return %r : {2}
})",
        x, y, type(p.b, p.m, p.n), p.xAcross ? "k, m" : "m, k",
        p.yShared ? "0" : "b", p.yAcross ? "n, k" : "k, n",
        multiplyAddText(isRounded));
  }
};

TEST_P(Panels, ProductsOfSums) {
  for (const Product &p : products)
    check(p, false);
}

TEST_P(Panels, EveryResultRounded) {
  for (const Product &p : products)
    check(p, true);
}

// A load brings 128 bits to their place: two of these, where f32 has four.
TEST_P(Panels, DenseRowsOfDoubles) {
  constexpr int64_t rows = 133, columns = 301;
  auto module = Module::compile(R"(
func.func @f(%x: tensor<133x301xf64>, %y: tensor<301xf64>) -> tensor<133xf64> {
  %zero = arith.constant 0.0 : f64
  %e = tensor.empty() : tensor<133xf64>
  %i = linalg.fill ins(%zero : f64) outs(%e : tensor<133xf64>) -> tensor<133xf64>
  %r = linalg.matvec ins(%x, %y : tensor<133x301xf64>, tensor<301xf64>)
      outs(%i : tensor<133xf64>) -> tensor<133xf64>
  return %r : tensor<133xf64>
})",
                                3, GetParam().options());
  ASSERT_TRUE(module);
  Array<double, 2> x({rows, columns});
  Array<double, 1> y({columns});
  std::normal_distribution<double> normal;
  for (auto *values : {&x.values, &y.values})
    for (double &value : *values)
      value = normal(generator);
  Descriptor<double, 1> result;
  module->call("f", &result, x.get(), y.get());
  std::vector<double> found = takeResult(result);
  for (int64_t m = 0; m < rows; ++m) {
    double sum = 0;
    for (int64_t k = 0; k < columns; ++k)
      sum = std::fma(x.values[m * columns + k], y.values[k], sum);
    ASSERT_EQ(std::bit_cast<uint64_t>(found[m]), std::bit_cast<uint64_t>(sum))
        << "row " << m;
  }
}

// Of two reduction dimensions the inner one is shorter than the stretch of rows
// that a panel is made of at a time; a piece of the sum ends inside of one.
TEST_P(Panels, ShortRowsOfWindows) {
  constexpr int64_t m = 64, n = 512, k = 306, l = 5;
  auto module = Module::compile(R"(
func.func @f(%x: tensor<306x64x5xf32>, %y: tensor<306x5x512xf32>) -> tensor<64x512xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x512xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<64x512xf32>) -> tensor<64x512xf32>
  %r = linalg.generic {
      indexing_maps = [affine_map<(m, n, k, l) -> (k, m, l)>, affine_map<(m, n, k, l) -> (k, l, n)>,
                       affine_map<(m, n, k, l) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %y : tensor<306x64x5xf32>, tensor<306x5x512xf32>) outs(%i : tensor<64x512xf32>) {
  ^bb0(%u: f32, %v: f32, %acc: f32):
    %p = arith.mulf %u, %v : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<64x512xf32>
  return %r : tensor<64x512xf32>
})",
                                3, GetParam().options());
  ASSERT_TRUE(module);
  Array<float, 3> x({k, m, l}), y({k, l, n});
  std::normal_distribution<float> normal;
  for (auto *values : {&x.values, &y.values})
    for (float &value : *values)
      value = normal(generator);
  Descriptor<float, 2> result;
  module->call("f", &result, x.get(), y.get());
  std::vector<float> found = takeResult(result);
  for (int64_t at = 0; at < m * n; ++at) {
    float sum = 0;
    for (int64_t i = 0; i < k * l; ++i)
      sum = std::fma(x.values[(i / l * m + at / n) * l + i % l],
                     y.values[i * n + at % n], sum);
    ASSERT_EQ(std::bit_cast<uint32_t>(found[at]), std::bit_cast<uint32_t>(sum))
        << "element " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Units, Panels, vectorUnits(), nameOf);
} // namespace
