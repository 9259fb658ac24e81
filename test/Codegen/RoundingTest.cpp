// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled roundings at -O0 and -O3: every mode on every kind of format and
// both carriers against the scalar face, and against APFloat where that knows
// the format and the mode.
#include "Jit.h"

#include "prec/Numerics/Random.h"
#include "prec/Numerics/Round.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
constexpr const char *formats[] = {"m0",   "m7",    "m23", "e5m10",
                                   "e4m3", "e8m23", "e2m0"};
constexpr const char *wideFormats[] = {"m7", "m52", "e5m10", "e8m23", "bits12"};
constexpr const char *families[] = {
    "fixed<4,12>", "ufixed<3,2>", "fixed<3,3>-wrap", "int8",
    "uint4-wrap",  "int8<0.1>",   "uint8<0.5,128>",  "ternary",
    "binary",      "pow2<-8,0>",  "posit<8,0>",      "posit<16,1>",
    "f8e8m0fnu",   "binary8p3se", "binary6p2uf",     "e4m3-ftz",
    "e8m7-ftz",    "f32-ftz",     "e4m3-nosub",      "f8e4m3fnuz-sat"};
constexpr const char *declarations = "prec.declare @first = 0\n"
                                     "prec.declare @second = 0\n"
                                     "prec.declare @third = 0\n";
constexpr const char *runtimeFormats[] = {"m?", "e?m3", "e?m?", "bits?"};

std::vector<std::string> allModes() {
  std::vector<std::string> modes;
  for (const RoundingMode::Row &row : RoundingMode::table())
    modes.emplace_back(row.word);
  modes.insert(modes.end(), {"stochastic<3>", "stochastic<32>"});
  return modes;
}

template <class T> struct CarrierOf;
template <> struct CarrierOf<float> {
  static constexpr Carrier value = Carrier::F32;
  static constexpr const char *name = "f32";
};
template <> struct CarrierOf<double> {
  static constexpr Carrier value = Carrier::F64;
  static constexpr const char *name = "f64";
};

/// Borders of formats and random bit patterns.
template <class T> std::vector<T> inputs() {
  using Word = typename Rounder<T>::Word;
  constexpr CarrierLayout layout = layoutOf(CarrierOf<T>::value);
  std::vector<T> values;
  std::mt19937_64 generator(11);
  auto add = [&](Word bits) {
    values.push_back(std::bit_cast<T>(bits));
    values.push_back(std::bit_cast<T>(bits | Word(1) << (layout.width - 1)));
  };
  for (Word exponent = 0; exponent < Word(1) << layout.exponentBits;
       exponent += layout.width == 32 ? 3 : 7)
    for (Word fraction :
         {Word(0), Word(1), Word(1) << (layout.fractionBits - 1),
          (Word(1) << (layout.fractionBits - 1)) - 1,
          (Word(1) << layout.fractionBits) - 1,
          Word(3) << (layout.fractionBits - 4)})
      add(exponent << layout.fractionBits | fraction);
  for (Word exponent : {Word(0), Word((1 << layout.exponentBits) - 1)})
    for (int i = 0; i < 20; ++i)
      add(exponent << layout.fractionBits |
          (Word(generator()) & ((Word(1) << layout.fractionBits) - 1)));
  for (int i = 0; i < 400; ++i) { // near 1: every format's own numbers
    double near = std::ldexp(1.0 + double(generator() % 4096) / 2048,
                             int(generator() % 40) - 20);
    values.push_back(T(near));
    values.push_back(T(-near));
  }
  for (int i = 0; i < 1000; ++i)
    add(Word(generator()) >> 1);
  return values;
}

/// A function for one rounding of a whole array; `shape` "" for a loop over
/// scalars, "v" for vectors of 4.
std::string roundFunction(const std::string &name, const std::string &carrier,
                          const std::string &format, const std::string &mode,
                          bool isVector) {
  RoundingMode parsed = *RoundingMode::parse(mode);
  unsigned parameters = Format::parse(format)->numRuntimeWords();
  std::string type = isVector ? "vector<4x" + carrier + ">" : carrier;
  std::string word = isVector ? "vector<4xi32>" : "i32";
  std::string read = isVector ? "vector.load" : "memref.load";
  std::string write = isVector ? "vector.store" : "memref.store";
  auto suffix = [&](const std::string &memory, const std::string &element) {
    return isVector ? memory + ", " + element : memory;
  };
  std::string body = llvm::formatv(
      "func.func @{0}(%x: memref<?x{1}>, %w: memref<?xi32>, %y: memref<?x{1}>)"
      " {{\n  %c0 = arith.constant 0 : index\n  %c1 = arith.constant {2} : "
      "index\n  %n = memref.dim %x, %c0 : memref<?x{1}>\n"
      "  %p0 = prec.parameter @first\n  %p1 = prec.parameter @second\n"
      "  %p2 = prec.parameter @third\n"
      "  scf.for %i = %c0 to %n step %c1 {{\n",
      name, carrier, isVector ? 4 : 1);
  body += "    %a = " + read +
          " %x[%i] : " + suffix("memref<?x" + carrier + ">", type) + "\n";
  body +=
      "    %r = " + read + " %w[%i] : " + suffix("memref<?xi32>", word) + "\n";
  body += "    %b = prec.round %a to \"" + format + "\"";
  if (parameters == 1)
    body += "(%p0 : i32)";
  if (parameters == 2)
    body += "(%p0, %p1 : i32, i32)";
  if (parameters == 3)
    body += "(%p0, %p1, %p2 : i32, i32, i32)";
  body += " \"" + mode + "\"";
  if (parsed.isStochastic())
    body += " random(%r : " + word + ")";
  body += " : " + type + "\n    " + write +
          " %b, %y[%i] : " + suffix("memref<?x" + carrier + ">", type) +
          "\n  }\n  return\n}\n";
  return body;
}

template <class T>
void expectSame(T found, T expected, T input, const std::string &what) {
  using Word = typename Rounder<T>::Word;
  EXPECT_EQ(std::bit_cast<Word>(found), std::bit_cast<Word>(expected))
      << what << " of "
      << llvm::formatv("{0:x}", std::bit_cast<Word>(input)).str();
}

class Rounding : public testing::TestWithParam<std::tuple<int, bool>> {
protected:
  template <class T>
  void check(const std::vector<std::string> &names,
             const std::vector<int32_t> &runtime) {
    bool isVector = std::get<1>(GetParam());
    std::string text = declarations;
    std::vector<std::pair<std::string, std::string>> cases;
    for (const std::string &format : names)
      for (const std::string &mode : allModes()) {
        text += roundFunction("f" + std::to_string(cases.size()),
                              CarrierOf<T>::name, format, mode, isVector);
        cases.emplace_back(format, mode);
      }
    auto module = Module::compile(text, std::get<0>(GetParam()), hostOptions());
    ASSERT_TRUE(module);
    Array<T, 1> x({0}), y({0});
    std::vector<T> some = inputs<T>();
    x.values.assign(some.begin(), some.end());
    x.values.resize(x.values.size() / 4 * 4);
    y.values.resize(x.values.size());
    int64_t count = x.values.size();
    Array<int32_t, 1> words({count});
    for (int64_t i = 0; i < count; ++i)
      words.values[i] = h32(5, i);
    for (auto *array : {&x, &y}) {
      array->descriptor.sizes[0] = count;
      array->descriptor.strides[0] = 1;
    }
    std::copy(runtime.begin(), runtime.end(), module->context.begin());
    for (size_t i = 0; i < cases.size(); ++i) {
      Format format = *Format::parse(cases[i].first);
      RoundingMode mode = *RoundingMode::parse(cases[i].second);
      std::vector<uint32_t> words32(runtime.begin(),
                                    runtime.begin() + format.numRuntimeWords());
      std::vector<typename Rounder<T>::Word> parameters(words32.begin(),
                                                        words32.end());
      Rounder<T> round(format, mode, parameters);
      module->call("f" + std::to_string(i), x.get(), words.get(), y.get());
      for (int64_t k = 0; k < count; ++k)
        expectSame(y.values[k], round(x.values[k], uint32_t(words.values[k])),
                   x.values[k], cases[i].first + " " + cases[i].second);
      if (testing::Test::HasFailure())
        return;
    }
  }
};

template <size_t N>
std::vector<std::string> list(const char *const (&names)[N]) {
  return {std::begin(names), std::end(names)};
}

TEST_P(Rounding, ConstantFormatsOfSingle) { check<float>(list(formats), {}); }

TEST_P(Rounding, ConstantFormatsOfDouble) {
  check<double>(list(wideFormats), {});
}

TEST_P(Rounding, Families) { check<float>(list(families), {}); }

TEST_P(Rounding, FamiliesOfDouble) {
  check<double>({"fixed<16,16>", "int8<0.1>", "posit<32,2>", "f8e8m0fnu",
                 "uint8-wrap", "binary"},
                {});
}

TEST_P(Rounding, RuntimeFormats) {
  check<float>(list(runtimeFormats), {5, 10});
  check<double>({"m?", "e?m?"}, {23, 0});
}

TEST_P(Rounding, RuntimeFamilies) {
  check<float>({"fixed<?,?>", "ufixed<3,?>", "fixed<?/10>", "posit<?,?>"},
               {5, 2});
  check<float>({"pow2<?,?>", "pow2<?,3>", "int8<2^?>"}, {-9, 2});
  check<double>({"fixed<?,?>", "posit<?,2>", "pow2<?,5>"}, {9, 20});
  // The f64 next to 0.3, and a zero point.
  const int32_t high = 0x3fd33333, low = 0x33333333;
  check<float>({"int8<?>", "int8<?,?>", "uint4<?,9>"}, {high, low, 100});
  check<double>({"int8<?>", "int8<?,?>"}, {high, low, -7});
}

// R-NEAREST, R-DIRECTED against a foreign implementation.
TEST_P(Rounding, AgreesWithAPFloat) {
  using llvm::APFloat;
  const std::pair<const char *, const llvm::fltSemantics *> rows[] = {
      {"e5m10", &APFloat::IEEEhalf()},
      {"e8m7", &APFloat::BFloat()},
      {"e5m2", &APFloat::Float8E5M2()}};
  const std::pair<const char *, llvm::RoundingMode> modes[] = {
      {"nearest-even", llvm::RoundingMode::NearestTiesToEven},
      {"toward-zero", llvm::RoundingMode::TowardZero},
      {"up", llvm::RoundingMode::TowardPositive},
      {"down", llvm::RoundingMode::TowardNegative},
      {"nearest-away", llvm::RoundingMode::NearestTiesToAway}};
  std::string text = declarations;
  for (auto [format, semantics] : rows)
    for (auto [mode, rounding] : modes)
      text += roundFunction(std::string(format) + "_" +
                                std::to_string(int(rounding)),
                            "f32", format, mode, std::get<1>(GetParam()));
  auto module = Module::compile(text, std::get<0>(GetParam()), hostOptions());
  ASSERT_TRUE(module);
  Array<float, 1> x({2000}), y({2000});
  std::vector<float> all = inputs<float>();
  std::copy_n(all.begin(), 2000, x.values.begin());
  Array<int32_t, 1> words({2000});
  for (auto [format, semantics] : rows)
    for (auto [mode, rounding] : modes) {
      module->call(std::string(format) + "_" + std::to_string(int(rounding)),
                   x.get(), words.get(), y.get());
      for (int i = 0; i < 2000; ++i) {
        APFloat value(x.values[i]);
        bool lost;
        value.convert(*semantics, rounding, &lost);
        value.convert(APFloat::IEEEsingle(),
                      llvm::RoundingMode::NearestTiesToEven, &lost);
        float expected = value.isNaN() ? std::bit_cast<float>(0x7fc00000)
                                       : value.convertToFloat();
        expectSame(y.values[i], expected, x.values[i],
                   std::string(format) + " " + mode);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Levels, Rounding, testing::Combine(testing::Values(0, 3), testing::Bool()),
    [](const auto &info) {
      return llvm::formatv("O{0}{1}", std::get<0>(info.param),
                           std::get<1>(info.param) ? "Vector" : "Scalar")
          .str();
    });
} // namespace
