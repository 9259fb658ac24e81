// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two-operation form inside matrix products, and that with additions for
// half of the sums: every fraction, against the scalar face of the rounding.
#include "Jit.h"

#include "prec/Numerics/Round.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
using Matrix = Array<float, 2>;

/// With adders of their own or without.
class TwoOps : public testing::TestWithParam<bool> {
protected:
  static CodegenOptions options() {
    CodegenOptions options = hostOptions();
    options.separateAdders = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Adders, TwoOps, testing::Bool());

// All 2^23 fractions of a binade, both signs, each fraction width: a row of one
// column is the rounded product with one, and its sum with zero.
TEST_P(TwoOps, EveryFraction) {
  constexpr int64_t rows = 1 << 16, columns = 16;
  std::string text = R"(
prec.declare @bits = 1
func.func @mm(%a: tensor<65536x1xf32>, %b: tensor<1x16xf32>) -> tensor<65536x16xf32> {
  %zero = arith.constant 0.0 : f32
  %bits = prec.parameter @bits
  %e = tensor.empty() : tensor<65536x16xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<65536x16xf32>) -> tensor<65536x16xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<65536x1xf32>, tensor<1x16xf32>)
      outs(%f : tensor<65536x16xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %rp = prec.round %p to "m?"(%bits : i32) "nearest-even" : f32
    %s = arith.addf %acc, %rp : f32
    %rs = prec.round %s to "m?"(%bits : i32) "nearest-even" : f32
    linalg.yield %rs : f32
  } -> tensor<65536x16xf32>
  return %r : tensor<65536x16xf32>
})";
  auto module = Module::compile(text, 3, options());
  ASSERT_TRUE(module);
  Matrix a({rows, 1}), b({1, columns});
  for (int64_t j = 0; j < columns; ++j)
    b.values[j] = std::ldexp(j % 2 ? -1.0f : 1.0f, int(j));
  auto mode = *RoundingMode::parse("nearest-even");
  for (int m = 1; m <= 10; ++m) {
    module->context.front() = m;
    Rounder<float> rounder(Format::mantissa(m), mode);
    for (uint32_t part = 0; part < (1u << 23); part += rows) {
      for (int64_t i = 0; i < rows; ++i)
        a.values[i] = std::bit_cast<float>(0x3f800000u + part + uint32_t(i));
      Descriptor<float, 2> result;
      module->call("mm", &result, a.get(), b.get());
      std::vector<float> found = takeResult(result);
      for (int64_t i = 0; i < rows; ++i) {
        float expected = rounder(a.values[i]); // exact scaling by b
        for (int64_t j : {0, 1, 15})
          ASSERT_EQ(found[i * columns + j], expected * b.values[j])
              << "m" << m << " of " << a.values[i] * b.values[j];
      }
    }
  }
}

// The form in f64, of the 48 bits of products of f32 numbers, half of them
// near borders: each fraction width, two modes (the mask is the other form).
TEST_P(TwoOps, WideProducts) {
  constexpr int64_t rows = 1 << 13, columns = 16;
  for (const char *mode : {"nearest-even", "nearest-away"}) {
    std::string text = llvm::formatv(R"(
prec.declare @bits = 1
func.func @mm(%a: tensor<8192x1xf32>, %b: tensor<1x16xf32>) -> tensor<8192x16xf64> {{
  %zero = arith.constant 0.0 : f64
  %bits = prec.parameter @bits
  %e = tensor.empty() : tensor<8192x16xf64>
  %f = linalg.fill ins(%zero : f64) outs(%e : tensor<8192x16xf64>) -> tensor<8192x16xf64>
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<8192x1xf32>, tensor<1x16xf32>)
      outs(%f : tensor<8192x16xf64>) {{
  ^bb0(%x: f32, %y: f32, %acc: f64):
    %wx = arith.extf %x : f32 to f64
    %wy = arith.extf %y : f32 to f64
    %p = arith.mulf %wx, %wy : f64
    %rp = prec.round %p to "e8m?"(%bits : i32) "{0}" : f64
    %s = arith.addf %acc, %rp : f64
    %rs = prec.round %s to "e8m?"(%bits : i32) "{0}" : f64
    linalg.yield %rs : f64
  } -> tensor<8192x16xf64>
  return %r : tensor<8192x16xf64>
})",
                                     mode);
    auto module = Module::compile(text, 3, options());
    ASSERT_TRUE(module);
    std::mt19937 random(9);
    auto fraction = [&](int bits) {
      return 1 + std::ldexp(float(random() >> (32 - bits)), -bits);
    };
    Matrix a({rows, 1}), b({1, columns});
    for (int m = 1; m <= 23; ++m) {
      module->context.front() = m;
      for (int64_t j = 0; j < columns; ++j)
        b.values[j] = j < 8 ? std::ldexp(1.0f, int(j)) : -fraction(23);
      for (int64_t i = 0; i < rows; ++i) {
        a.values[i] = fraction(23);
        if (i % 2) // a border, or a power of two, and a little
          a.values[i] = std::bit_cast<float>(
              std::bit_cast<uint32_t>(fraction(i % 4 == 1 ? m : 1) +
                                      std::ldexp(1.0f, -m - 1)) +
              uint32_t(random() % 3) - 1);
      }
      Rounder<double> rounder(Format::ieee(8, m), *RoundingMode::parse(mode));
      Descriptor<double, 2> result;
      module->call("mm", &result, a.get(), b.get());
      std::vector<double> found = takeResult(result);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          ASSERT_EQ(found[i * columns + j],
                    rounder(double(a.values[i]) * b.values[j]))
              << "m" << m << " of " << a.values[i] << " * " << b.values[j];
    }
  }
}
} // namespace
