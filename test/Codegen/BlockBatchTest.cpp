// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that run for a block of the batch after another, against loops
// over all of it: products, indices, views, copies that cross the batch, sums
// over it.
#include "Jit.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
constexpr int64_t N = 32, T = 64, C = 64;

// 32 examples of 64 rows; what is written and read in between is 512 KB each.
const char *const model = R"(
#row = affine_map<(r, c) -> (r, c)>
#column = affine_map<(r, c) -> (c)>
#ntc = affine_map<(n, t, c) -> (n, t, c)>
#nct = affine_map<(n, t, c) -> (n, c, t)>
#nt = affine_map<(n, t, c) -> (n, t)>
#cnt = affine_map<(n, t, c) -> (c, n, t)>
#tc = affine_map<(n, t, c) -> (t, c)>
func.func @f(%x: tensor<2048x64xf32>, %w: tensor<64x64xf32>, %b: tensor<64xf32>)
    -> (tensor<2048x64xf32>, tensor<32x64xf32>, tensor<64x64xf32>, tensor<64x32x64xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2048x64xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<2048x64xf32>) -> tensor<2048x64xf32>
  %h = linalg.matmul ins(%x, %w : tensor<2048x64xf32>, tensor<64x64xf32>)
      outs(%i : tensor<2048x64xf32>) -> tensor<2048x64xf32>
  %a = linalg.generic {indexing_maps = [#row, #column, #row], iterator_types = ["parallel", "parallel"]}
      ins(%h, %b : tensor<2048x64xf32>, tensor<64xf32>) outs(%e : tensor<2048x64xf32>) {
  ^bb0(%u: f32, %v: f32, %o: f32):
    %r = linalg.index 0 : index
    %k = arith.index_cast %r : index to i32
    %q = arith.sitofp %k : i32 to f32
    %s = arith.addf %u, %v : f32
    %m = arith.maximumf %s, %zero : f32
    %p = arith.addf %m, %q : f32
    linalg.yield %p : f32
  } -> tensor<2048x64xf32>
  %cube = tensor.expand_shape %a [[0, 1], [2]] output_shape [32, 64, 64] : tensor<2048x64xf32> into tensor<32x64x64xf32>
  %te = tensor.empty() : tensor<32x64x64xf32>
  %t = linalg.generic {indexing_maps = [#ntc, #nct], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%cube : tensor<32x64x64xf32>) outs(%te : tensor<32x64x64xf32>) {
  ^bb0(%u: f32, %o: f32):
    linalg.yield %u : f32
  } -> tensor<32x64x64xf32>
  %se = tensor.empty() : tensor<32x64xf32>
  %si = linalg.fill ins(%zero : f32) outs(%se : tensor<32x64xf32>) -> tensor<32x64xf32>
  %s = linalg.generic {indexing_maps = [#nct, #nt], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%t : tensor<32x64x64xf32>) outs(%si : tensor<32x64xf32>) {
  ^bb0(%u: f32, %acc: f32):
    %m = arith.maximumf %acc, %u : f32
    linalg.yield %m : f32
  } -> tensor<32x64xf32>
  %ge = tensor.empty() : tensor<64x64xf32>
  %gi = linalg.fill ins(%zero : f32) outs(%ge : tensor<64x64xf32>) -> tensor<64x64xf32>
  %g = linalg.generic {indexing_maps = [#ntc, #tc], iterator_types = ["reduction", "parallel", "parallel"]}
      ins(%t : tensor<32x64x64xf32>) outs(%gi : tensor<64x64xf32>) {
  ^bb0(%u: f32, %acc: f32):
    %m = arith.addf %acc, %u : f32
    linalg.yield %m : f32
  } -> tensor<64x64xf32>
  %ue = tensor.empty() : tensor<64x32x64xf32>
  %u = linalg.generic {indexing_maps = [#ntc, #cnt], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%cube : tensor<32x64x64xf32>) outs(%ue : tensor<64x32x64xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  } -> tensor<64x32x64xf32>
  return %a, %s, %g, %u : tensor<2048x64xf32>, tensor<32x64xf32>, tensor<64x64xf32>, tensor<64x32x64xf32>
})";

struct Results {
  Descriptor<float, 2> a, s, g;
  Descriptor<float, 3> u;
};

void expectEqual(const std::vector<float> &found,
                 const std::vector<float> &expected, const char *name) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(found[i]),
              std::bit_cast<uint32_t>(expected[i]))
        << name << ", element " << i;
}

TEST(BlockBatch, AllWaysToTouchABuffer) {
  auto module = Module::compile(model, 3, hostOptions());
  ASSERT_TRUE(module);
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  Array<float, 2> x({N * T, C}), w({C, C});
  Array<float, 1> b({C});
  for (auto *values : {&x.values, &w.values, &b.values})
    for (float &value : *values)
      value = normal(generator);
  Results results;
  module->call("f", &results, x.get(), w.get(), b.get());

  std::vector<float> a(N * T * C), s(N * T), g(C * T), u(C * N * T);
  for (int64_t row = 0; row < N * T; ++row)
    for (int64_t c = 0; c < C; ++c) {
      float sum = 0;
      for (int64_t k = 0; k < C; ++k)
        sum = std::fma(x.values[row * C + k], w.values[k * C + c], sum);
      float value = std::max(sum + b.values[c], 0.0f) + float(row);
      int64_t n = row / T, t = row % T;
      a[row * C + c] = value;
      s[row] = std::max(s[row], value);
      g[c * T + t] += value;
      u[(c * N + n) * T + t] = value;
    }
  expectEqual(takeResult(results.a), a, "elementwise");
  expectEqual(takeResult(results.s), s, "maximum of rows");
  expectEqual(takeResult(results.g), g, "sum over the batch");
  expectEqual(takeResult(results.u), u, "copy across the batch");
}
} // namespace
