// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and contractions, compiled, against the order that DESIGN words,
// written down again as plain loops.
#include "Jit.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <functional>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(7);

template <class T> void fill(std::vector<T, GuardedAllocator<T>> &values) {
  std::normal_distribution<T> distribution;
  for (T &value : values)
    value = distribution(generator);
}

template <class T> bool sameBits(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
}

/// Element k goes to partial k mod 16; then 8, 4, 2, 1; then the initial value.
template <class T>
T sixteenPartials(const std::vector<T> &terms, T initial,
                  std::function<T(T, T)> c) {
  std::optional<T> partial[16];
  for (size_t k = 0; k < terms.size(); ++k) {
    auto &p = partial[k % 16];
    p = p ? c(*p, terms[k]) : terms[k];
  }
  for (int half : {8, 4, 2, 1})
    for (int i = 0; i < half; ++i)
      if (partial[i] && partial[i + half])
        partial[i] = c(*partial[i], *partial[i + half]);
  return partial[0] ? c(initial, *partial[0]) : initial;
}

std::string rowSum(const std::string &name, const std::string &columns,
                   const std::string &combiner) {
  return llvm::formatv(R"(
func.func @{0}(%x: tensor<3x{1}xf32>, %init: tensor<3xf32>) -> tensor<3xf32> {{
  %0 = linalg.generic {{indexing_maps = [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (i)>],
      iterator_types = ["parallel", "reduction"]} ins(%x : tensor<3x{1}xf32>)
      outs(%init : tensor<3xf32>) {{
  ^bb0(%a: f32, %acc: f32):
    %s = {2} %acc, %a : f32
    linalg.yield %s : f32
  } -> tensor<3xf32>
  return %0 : tensor<3xf32>
})",
                       name, columns, combiner)
      .str();
}

class Order : public testing::TestWithParam<std::tuple<int, bool>> {
protected:
  std::unique_ptr<Module> compile(const std::string &text) {
    CodegenOptions options = hostOptions();
    options.fast = std::get<1>(GetParam());
    return Module::compile(text, std::get<0>(GetParam()), options);
  }
};

void checkRows(Module &module, const std::string &name, int64_t columns,
               std::function<float(float, float)> c) {
  Array<float, 2> x({3, columns});
  Array<float, 1> init({3});
  fill(x.values);
  fill(init.values);
  Descriptor<float, 1> result;
  module.call(name, &result, x.get(), init.get());
  std::vector<float> found = takeResult(result);
  for (int row = 0; row < 3; ++row) {
    auto *first = x.values.data() + row * columns;
    float expected = sixteenPartials<float>(
        std::vector<float>(first, first + columns), init.values[row], c);
    EXPECT_TRUE(sameBits(expected, found[row]))
        << name << " of " << columns << ", row " << row << ": found "
        << found[row] << ", expected " << expected;
  }
}

TEST_P(Order, SumOfEveryDynamicLength) {
  auto module = compile(rowSum("sum", "?", "arith.addf") +
                        rowSum("product", "?", "arith.mulf") +
                        rowSum("largest", "?", "arith.maximumf") +
                        rowSum("smallest", "?", "arith.minimumf"));
  ASSERT_TRUE(module);
  for (int64_t length = 0; length <= 70; ++length) {
    checkRows(*module, "sum", length, std::plus<>());
    checkRows(*module, "product", length, std::multiplies<>());
    checkRows(*module, "largest", length,
              [](float a, float b) { return std::max(a, b); });
    checkRows(*module, "smallest", length,
              [](float a, float b) { return std::min(a, b); });
  }
}

TEST_P(Order, SumOfEveryStaticLength) {
  std::string text;
  for (int64_t length = 0; length <= 70; ++length)
    text += rowSum(llvm::formatv("sum{0}", length).str(),
                   std::to_string(length), "arith.addf");
  auto module = compile(text);
  ASSERT_TRUE(module);
  for (int64_t length = 0; length <= 70; ++length)
    checkRows(*module, llvm::formatv("sum{0}", length).str(), length,
              std::plus<>());
}

TEST_P(Order, NegativeZeroSurvives) {
  auto module = compile(rowSum("sum", "?", "arith.addf"));
  ASSERT_TRUE(module);
  Array<float, 2> x({3, 20});
  Array<float, 1> init({3});
  std::fill(x.values.begin(), x.values.end(), -0.0f);
  std::fill(init.values.begin(), init.values.end(), -0.0f);
  Descriptor<float, 1> result;
  module->call("sum", &result, x.get(), init.get());
  for (float value : takeResult(result))
    EXPECT_TRUE(sameBits(value, -0.0f)) << value;
}

// Several reduction dimensions count as one, row-major, whatever the input's
// layout and whatever stands in front of the accumulation.
TEST_P(Order, SeveralDimensions) {
  auto module = compile(R"(
func.func @sum(%x: tensor<5x3x7xf32>, %y: tensor<7xf32>, %init: tensor<3xf32>) -> tensor<3xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(n, c, h) -> (n, c, h)>,
      affine_map<(n, c, h) -> (h)>, affine_map<(n, c, h) -> (c)>],
      iterator_types = ["reduction", "parallel", "reduction"]}
      ins(%x, %y : tensor<5x3x7xf32>, tensor<7xf32>) outs(%init : tensor<3xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %q = arith.mulf %a, %a : f32
    %p = arith.subf %q, %b : f32
    %s = arith.addf %p, %acc : f32
    linalg.yield %s : f32
  } -> tensor<3xf32>
  return %0 : tensor<3xf32>
})");
  ASSERT_TRUE(module);
  Array<float, 3> x({5, 3, 7});
  Array<float, 1> y({7}), init({3});
  fill(x.values);
  fill(y.values);
  fill(init.values);
  Descriptor<float, 1> result;
  module->call("sum", &result, x.get(), y.get(), init.get());
  std::vector<float> found = takeResult(result);
  for (int c = 0; c < 3; ++c) {
    std::vector<float> terms;
    for (int n = 0; n < 5; ++n)
      for (int h = 0; h < 7; ++h) {
        float a = x.values[(n * 3 + c) * 7 + h];
        float square = a * a;
        terms.push_back(square - y.values[h]);
      }
    EXPECT_TRUE(sameBits(
        sixteenPartials<float>(terms, init.values[c], std::plus<>()), found[c]))
        << c;
  }
}

// Rows of a multiple of 16 elements are read where they lie; their lines count
// as one where all inputs have them side by side.
TEST_P(Order, SeveralDimensionsOfWholeRows) {
  for (auto [n, h, w] : {std::array{3, 5, 16},
                         {2, 4, 12},
                         {3, 1, 48},
                         {2, 7, 7},
                         {1, 3, 32},
                         {4, 2, 8}}) {
    std::string x = llvm::formatv("tensor<{0}x3x{1}x{2}xf32>", n, h, w),
                line = llvm::formatv("tensor<{0}xf32>", w);
    for (bool isLineRead : {false, true}) {
      auto module = compile(llvm::formatv(
          R"(
func.func @sum(%x: {0}, %y: {1}, %init: tensor<3xf32>) -> tensor<3xf32> {{
  %0 = linalg.generic {{indexing_maps = [affine_map<(n, c, h, w) -> (n, c, h, w)>,
      affine_map<(n, c, h, w) -> (w)>, affine_map<(n, c, h, w) -> (c)>],
      iterator_types = ["reduction", "parallel", "reduction", "reduction"]}
      ins(%x, %y : {0}, {1}) outs(%init : tensor<3xf32>) {{
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %q = arith.mulf %a, %a : f32
    %p = arith.subf %q, {2} : f32
    %s = arith.addf %p, %acc : f32
    linalg.yield %s : f32
  } -> tensor<3xf32>
  return %0 : tensor<3xf32>
})",
          x, line, isLineRead ? "%b" : "%a"));
      ASSERT_TRUE(module);
      Array<float, 4> values({n, 3, h, w});
      Array<float, 1> y({w}), init({3});
      fill(values.values);
      fill(y.values);
      fill(init.values);
      Descriptor<float, 1> result;
      module->call("sum", &result, values.get(), y.get(), init.get());
      std::vector<float> found = takeResult(result);
      for (int c = 0; c < 3; ++c) {
        std::vector<float> terms;
        for (int i = 0; i < n; ++i)
          for (int k = 0; k < h * w; ++k) {
            float a = values.values[(i * 3 + c) * h * w + k];
            float square = a * a;
            terms.push_back(square - (isLineRead ? y.values[k % w] : a));
          }
        EXPECT_TRUE(sameBits(
            sixteenPartials<float>(terms, init.values[c], std::plus<>()),
            found[c]))
            << n << " x " << h << " x " << w << ", " << c;
      }
    }
  }
}

// Windows of rows: what is read is no permutation of the loops.
TEST_P(Order, SeveralDimensionsOfWindows) {
  auto module = compile(R"(
func.func @sum(%x: tensor<6x16xf32>, %window: tensor<3xf32>, %init: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(i, r, k) -> (i + r, k)>,
      affine_map<(i, r, k) -> (r)>, affine_map<(i, r, k) -> (i)>],
      iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x, %window : tensor<6x16xf32>, tensor<3xf32>) outs(%init : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %d = arith.subf %a, %b : f32
    %s = arith.addf %acc, %d : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
})");
  ASSERT_TRUE(module);
  Array<float, 2> x({6, 16});
  Array<float, 1> window({3}), init({4});
  fill(x.values);
  fill(window.values);
  fill(init.values);
  Descriptor<float, 1> result;
  module->call("sum", &result, x.get(), window.get(), init.get());
  std::vector<float> found = takeResult(result);
  for (int i = 0; i < 4; ++i) {
    std::vector<float> terms;
    for (int r = 0; r < 3; ++r)
      for (int k = 0; k < 16; ++k)
        terms.push_back(x.values[(i + r) * 16 + k] - window.values[r]);
    EXPECT_TRUE(sameBits(
        sixteenPartials<float>(terms, init.values[i], std::plus<>()), found[i]))
        << i;
  }
}

TEST_P(Order, DotHasFmaInEachPartial) {
  auto module = compile(R"(
func.func @dot(%x: tensor<?xf64>, %y: tensor<?xf64>, %init: tensor<f64>) -> tensor<f64> {
  %0 = linalg.dot ins(%x, %y : tensor<?xf64>, tensor<?xf64>) outs(%init : tensor<f64>) -> tensor<f64>
  return %0 : tensor<f64>
})");
  ASSERT_TRUE(module);
  for (int64_t length : {0, 1, 5, 16, 17, 33, 64, 70}) {
    Array<double, 1> x({length}), y({length});
    Array<double, 0> init({});
    fill(x.values);
    fill(y.values);
    fill(init.values);
    Descriptor<double, 0> result;
    module->call("dot", &result, x.get(), y.get(), init.get());
    std::optional<double> partial[16];
    for (int64_t k = 0; k < length; ++k) {
      auto &p = partial[k % 16];
      p = p ? std::fma(x.values[k], y.values[k], *p)
            : x.values[k] * y.values[k];
    }
    for (int half : {8, 4, 2, 1})
      for (int i = 0; i < half; ++i)
        if (partial[i] && partial[i + half])
          partial[i] = *partial[i] + *partial[i + half];
    double expected =
        partial[0] ? init.values[0] + *partial[0] : init.values[0];
    EXPECT_TRUE(sameBits(expected, takeResult(result)[0])) << length;
  }
}

TEST_P(Order, ContractionIsAscendingFma) {
  auto module = compile(R"(
func.func @mm(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>, %init: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%x, %y : tensor<?x?xf32>, tensor<?x?xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
})");
  ASSERT_TRUE(module);
  for (auto [m, n, k] :
       {std::array{3, 5, 7}, {1, 1, 1}, {17, 33, 40}, {4, 10, 0}}) {
    Array<float, 2> x({m, k}), y({k, n}), init({m, n});
    fill(x.values);
    fill(y.values);
    fill(init.values);
    Descriptor<float, 2> result;
    module->call("mm", &result, x.get(), y.get(), init.get());
    std::vector<float> found = takeResult(result);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        float acc = init.values[i * n + j];
        for (int l = 0; l < k; ++l)
          acc = std::fma(x.values[i * k + l], y.values[l * n + j], acc);
        EXPECT_TRUE(sameBits(acc, found[i * n + j])) << i << ", " << j;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Levels, Order, testing::Combine(testing::Values(0, 3), testing::Bool()),
    [](const auto &info) {
      return llvm::formatv("O{0}{1}", std::get<0>(info.param),
                           std::get<1>(info.param) ? "Fast" : "Plain")
          .str();
    });
} // namespace
