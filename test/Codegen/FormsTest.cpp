// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Matrix products whose products and sums are rounded, in the fast forms,
// against the scalar face of the rounding, in the order that DESIGN words: over
// ordinary numbers and over the borders where a fast form is not allowed.
#include "FormCases.h"
#include "Jit.h"
#include "VectorUnits.h"

#include "prec/Numerics/Random.h"
#include "prec/Numerics/Round.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
/// Of a product; rows and columns are no multiples of a vector's.
struct Shape {
  int64_t m = 19, n = 35, k = 40;
};
using Matrix = Array<float, 2>;

/// What the operands are filled with.
enum class Fill {
  Ordinary,  ///< normal numbers around one
  Tiny,      ///< products are subnormal
  SmallSums, ///< products are normal, their differences are not
  Huge,      ///< sums overflow
  Border,    ///< the largest for which nothing overflows, and beyond
  Small,     ///< no product and no sum overflows in a narrow format
  Lopsided,  ///< ordinary products of tiny and huge numbers
  Large,     ///< of one sign: sums around the largest number of e5m10
  Slanted,   ///< ordinary products of numbers of which one side is huge
  Several,   ///< mostly of one sign: sums overflow narrow formats, not products
  Vanishing, ///< products are below the carrier's least number
  Near,      ///< products are numbers of few bits and their neighbours in f32
  Infinite,  ///< infinities among small numbers: exponents stay low together
  Special,   ///< infinities, both zeros, subnormals and NaNs with payloads
  LastRow,   ///< ordinary but for the last row, which is huge or not finite
};
constexpr Fill fills[] = {Fill::Ordinary, Fill::Tiny,     Fill::SmallSums,
                          Fill::Huge,     Fill::Border,   Fill::Lopsided,
                          Fill::Small,    Fill::Large,    Fill::Several,
                          Fill::Special,  Fill::Slanted,  Fill::Vanishing,
                          Fill::Near,     Fill::Infinite, Fill::LastRow};

void fill(llvm::MutableArrayRef<float> values, Fill kind,
          std::mt19937 &generator, bool isLeft, const Shape &shape) {
  std::normal_distribution<float> normal;
  const float special[] = {0.0f,
                           -0.0f,
                           INFINITY,
                           -INFINITY,
                           std::bit_cast<float>(0x7fffffffu),
                           std::bit_cast<float>(0xffffffffu),
                           std::bit_cast<float>(0x7f800001u),
                           std::bit_cast<float>(0x00000001u),
                           std::bit_cast<float>(0x807fffffu),
                           3.4e38f};
  for (auto [i, value] : llvm::enumerate(values)) {
    value = normal(generator);
    bool rare = generator() % 97 == 0;
    if (kind == Fill::Tiny)
      value = std::ldexp(value, -66);
    else if (kind == Fill::Vanishing)
      value = std::ldexp(value, -76);
    else if (kind == Fill::SmallSums)
      value = std::ldexp(1.0f + std::ldexp(float(generator() % 8), -7), -60) *
              (generator() % 2 ? 1.0f : -1.0f);
    else if (kind == Fill::Huge)
      value = std::ldexp(value, 61);
    else if (kind == Fill::Border)
      value = std::ldexp(value, 40 + int(generator() % 16));
    else if (kind == Fill::Lopsided)
      value = std::ldexp(value, isLeft ? -105 : 105 + int(generator() % 18));
    else if (kind == Fill::Small)
      value = std::ldexp(value, -4);
    else if (kind == Fill::Large)
      value = std::ldexp(1.9f + std::abs(value) / 100, 3 + int(i % 3));
    else if (kind == Fill::Near)
      value = isLeft ? std::ldexp(float(8 + generator() % 8), -5) *
                           (1 + std::ldexp(float(generator() % 3) - 1, -23))
                     : std::ldexp(generator() % 2 ? 1.0f : -1.0f,
                                  -int(generator() % 4));
    else if (kind == Fill::Infinite)
      value = !isLeft ? std::ldexp(value, -60) : rare ? INFINITY : value;
    else if (kind == Fill::Slanted)
      value = std::ldexp(value, isLeft ? -98 : 95);
    else if (kind == Fill::Several)
      value = (3.0f + std::abs(value)) * (generator() % 5 ? 1.0f : -1.0f);
    else if (kind == Fill::LastRow && isLeft && i + shape.k >= values.size())
      value = rare ? special[generator() % std::size(special)]
                   : std::ldexp(value, 90);
    else if (kind == Fill::Special && rare)
      value = special[generator() % std::size(special)];
  }
}

std::string roundText(const Case &c, const char *to, const char *from,
                      const char *word) {
  bool stochastic = llvm::StringRef(c.mode).starts_with("stochastic");
  const auto ofFormat = llvm::StringRef(c.format).count('?');
  const auto all = ofFormat + llvm::StringRef(c.mode).count('?');
  const char *const lists[] = {"", "(%first : i32)",
                               "(%first, %second : i32, i32)"};
  return llvm::formatv(
      "    {0} = prec.round {1} to \"{2}\"{3} \"{4}\"{5} : "
      "f32\n",
      to, from, c.format, lists[all], c.mode,
      stochastic ? llvm::formatv(" random({0} : i32)", word).str() : "");
}

/// The words of a contraction (Random.h), as insertion writes them.
const char *words = R"(
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = linalg.index 2 : index
    %i32 = arith.index_castui %i : index to i32
    %j32 = arith.index_castui %j : index to i32
    %k32 = arith.index_castui %k : index to i32
    %ik = arith.muli %i32, %cK : i32
    %pa = arith.addi %ik, %k32 : i32
    %kj = arith.muli %k32, %cN : i32
    %pb = arith.addi %kj, %j32 : i32
    %wa = prec.random %ka, %pa : i64, i32 -> i32
    %wb = prec.random %kb, %pb : i64, i32 -> i32
    %word = arith.xori %wa, %wb : i32
    %high = arith.shrui %word, %c16 : i32
)";
constexpr uint64_t key = 0x123456789abcdef;

std::string inputText(const Case &c, const char *name, int64_t rows,
                      int64_t columns) {
  std::string type = llvm::formatv("tensor<{0}x{1}xf32>", rows, columns);
  Case plain = c;
  plain.mode = llvm::StringRef(c.mode).starts_with("stochastic") ? "toward-zero"
                                                                 : c.mode;
  return llvm::formatv(R"(
  %e{0} = tensor.empty() : {1}
  %r{0} = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>,
      affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%{0} : {1}) outs(%e{0} : {1}) {{
  ^bb0(%v: f32, %o: f32):
{2}    linalg.yield %q : f32
  } -> {1}
)",
                       name, type, roundText(plain, "%q", "%v", ""));
}

/// The rounding of `value` to `format`, and the name of its result.
std::pair<std::string, std::string> rounded(Case c, const char *format,
                                            const std::string &value,
                                            const char *word) {
  if (!*format)
    return {"", value};
  c.format = format;
  std::string name = "%r" + value.substr(1);
  return {roundText(c, name.c_str(), value.c_str(), word), name};
}

std::string textOf(const Case &c, const Shape &shape) {
  const auto [M, N, K] = shape;
  bool stochastic = llvm::StringRef(c.mode).starts_with("stochastic");
  std::string text;
  for (auto [name, value] :
       {std::pair("first", c.runtime), std::pair("second", c.second)})
    if (value != none)
      text += llvm::formatv("prec.declare @{0} = {1}\n", name, value);
  text += llvm::formatv(R"(
func.func @mm(%a: tensor<{0}x{2}xf32>, %b: tensor<{2}x{1}xf32>) -> tensor<{0}x{1}xf32> {{
  %zero = arith.constant 0.0 : f32
  %cK = arith.constant {2} : i32
  %cN = arith.constant {1} : i32
  %c16 = arith.constant 16 : i32
  %ka = arith.constant {3} : i64
  %kb = arith.constant {4} : i64
)",
                        M, N, K, int64_t(key ^ contractionKeyA),
                        int64_t(key ^ contractionKeyB));
  for (auto [name, value] :
       {std::pair("first", c.runtime), std::pair("second", c.second)})
    if (value != none)
      text += llvm::formatv("  %{0} = prec.parameter @{0}\n", name);
  if (c.roundsInputs)
    text += inputText(c, "a", M, K) + inputText(c, "b", K, N);
  auto [roundProduct, product] = rounded(c, c.format, "%p", "%word");
  auto [roundSum, sum] = rounded(c, c.sum ? c.sum : c.format, "%s", "%high");
  text += llvm::formatv(
      R"(
  %e = tensor.empty() : tensor<{0}x{1}xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<{0}x{1}xf32>) -> tensor<{0}x{1}xf32>
  %r = linalg.generic {{indexing_maps = [affine_map<(i, j, k) -> (i, k)>,
      affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins({3}, {4} : tensor<{0}x{2}xf32>, tensor<{2}x{1}xf32>)
      outs(%f : tensor<{0}x{1}xf32>) {{
  ^bb0(%x: f32, %y: f32, %acc: f32):
{5}    %p = arith.mulf %x, %y : f32
{6}    %s = arith.addf %acc, {8} : f32
{7}    linalg.yield {9} : f32
  } -> tensor<{0}x{1}xf32>
  return %r : tensor<{0}x{1}xf32>
})",
      M, N, K, c.roundsInputs ? "%ra" : "%a", c.roundsInputs ? "%rb" : "%b",
      stochastic ? words : "", roundProduct, roundSum, product, sum);
  return text;
}

class Forms : public testing::TestWithParam<Case> {};

void expectScalarRounding(const Case &c, const CodegenOptions &options,
                          const Shape &shape = {}) {
  const auto [M, N, K] = shape;
  auto module = Module::compile(textOf(c, shape), 3, options);
  ASSERT_TRUE(module);
  auto mode = *RoundingMode::parse(c.mode);
  bool stochastic = llvm::StringRef(c.mode).starts_with("stochastic");
  auto inputMode = stochastic ? *RoundingMode::parse("toward-zero") : mode;
  llvm::SmallVector<uint32_t> words;
  llvm::SmallVector<double> numbers;
  for (int value : {c.runtime, c.second})
    if (value != none) {
      words.push_back(uint32_t(value));
      numbers.push_back(value);
    }
  if (mode.isRuntime)
    mode = mode.with(words.pop_back_val());
  // What is not rounded keeps all of its bits. A place outside of the bits has
  // no text.
  auto rounder = [&](const char *text, RoundingMode how) {
    auto format = *Format::parse(*text ? text : "e8m23");
    const unsigned own = format.numRuntimeParameters();
    auto written = format.with({numbers.data(), own}, Carrier::F32);
    return written ? Rounder<float>(*written, how)
                   : Rounder<float>(format, how, {words.data(), own});
  };
  const auto ofInput = rounder(c.format, inputMode),
             ofProduct = rounder(c.format, mode),
             ofSum = rounder(c.sum ? c.sum : c.format, mode);
  std::mt19937 generator(3);
  for (Fill kind : fills) {
    Matrix a({M, K}), b({K, N});
    fill(a.values, kind, generator, true, shape);
    fill(b.values, kind, generator, false, shape);
    Descriptor<float, 2> result;
    module->call("mm", &result, a.get(), b.get());
    std::vector<float> found = takeResult(result);
    if (c.roundsInputs)
      for (Matrix *input : {&a, &b})
        for (float &value : input->values)
          value = ofInput(value);
    for (int64_t i = 0; i < M; ++i)
      for (int64_t j = 0; j < N; ++j) {
        float acc = 0;
        for (int64_t k = 0; k < K; ++k) {
          uint32_t word = contractionWord(key, i * K + k, k * N + j);
          float product = a.values[i * K + k] * b.values[k * N + j];
          product = ofProduct(product, word);
          acc = ofSum(acc + product, word >> 16);
        }
        // No format tells which NaN an operation of the machine's own makes.
        const float got = found[i * N + j];
        if (c.sum && !*c.sum && std::isnan(got) && std::isnan(acc))
          continue;
        ASSERT_EQ(std::bit_cast<uint32_t>(found[i * N + j]),
                  std::bit_cast<uint32_t>(acc))
            << c.format << " " << c.mode << ", fill " << int(kind)
            << ", element " << i << ", " << j << ": found " << found[i * N + j]
            << ", expected " << acc;
      }
  }
}

TEST_P(Forms, AgreeWithTheScalarRounding) {
  CodegenOptions options = hostOptions();
  options.nativeHalf = false;
  expectScalarRounding(GetParam(), options);
}

INSTANTIATE_TEST_SUITE_P(All, Forms, testing::ValuesIn(cases));

class FormsOn : public testing::TestWithParam<VectorUnit> {};

TEST_P(FormsOn, AgreeWithTheScalarRounding) {
  CodegenOptions options = GetParam().options();
  options.nativeHalf = false;
  for (Case c :
       {Case{"e4m3", "stochastic", true}, Case{"e5m10", "stochastic", true},
        Case{"f8e4m3fn", "stochastic", true},
        Case{"f8e4m3fn-sat", "down", true}, Case{"e5m2", "toward-zero", false}})
    expectScalarRounding(c, options);
}

INSTANTIATE_TEST_SUITE_P(All, FormsOn, vectorUnits(), mlir::prec::test::nameOf);

// Tiles of 13 rows, of which only the last one has the last row, and of
// columns.
TEST(FormsOfTiles, AgreeWithTheScalarRounding) {
  CodegenOptions options = hostOptions();
  options.nativeHalf = false;
  for (const Shape &shape : {Shape{104, 35, 40}, Shape{22, 176, 20}}) {
    options.formTile = shape.m * shape.n * shape.k / 8;
    for (Case c :
         {Case{"m7", "nearest-even", true}, Case{"m10", "nearest-even", false},
          Case{"m?", "nearest-even", true, 7},
          Case{"e4m3", "nearest-even", false},
          Case{"f8e4m3fn-sat", "nearest-even", true},
          Case{"e4m3", "stochastic", true}, Case{"e5m10", "toward-zero", true},
          Case{"e5m2", "up", false}, Case{"e4m?", "nearest-even", true, 3},
          Case{"e8m?", "nearest-even", true, 7},
          Case{"fixed<8,8>", "nearest-even", true},
          Case{"fixed<4,12>", "stochastic", true}})
      expectScalarRounding(c, options, shape);
  }
}

// Where the host has no half arithmetic, LLVM rounds after each operation.
TEST(NativeHalf, AgreesWithTheScalarRounding) {
  CodegenOptions options = hostOptions();
  options.nativeHalf = true;
  for (bool roundsInputs : {false, true})
    for (const char *format : {"e5m10", "f16", "e5m10-sat", "e5m?", "m7"})
      expectScalarRounding({format, "nearest-even", roundsInputs,
                            llvm::StringRef(format).contains('?') ? 10 : none},
                           options);
  expectScalarRounding({"e5m10", "toward-zero", true}, options);
  // Widths that are those of half numbers, and their neighbours.
  for (auto [exponent, fraction] :
       {std::pair(5, 10), {5, 9}, {5, 11}, {4, 10}, {6, 10}, {10, 5}})
    for (bool roundsInputs : {false, true})
      expectScalarRounding(
          {"e?m?", "nearest-even", roundsInputs, exponent, nullptr, fraction},
          options);
  for (int exponent : {4, 5, 6})
    expectScalarRounding({"e?m10", "nearest-even", true, exponent}, options);
}
} // namespace
