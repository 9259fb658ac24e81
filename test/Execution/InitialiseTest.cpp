// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// First values against their definition with the C library, and their moments.
#include "prec/Execution/Initialise.h"
#include "Expect.h"
#include "prec/Numerics/Random.h"
#include <cmath>
#include <numeric>

using namespace mlir::prec;
using namespace mlir::prec::test;
using testing::Each;
using testing::HasSubstr;

static ValueInfo parameter(const char *init, DType dtype = DType::F64,
                           llvm::SmallVector<int64_t, 4> shape = {200, 200}) {
  return {"w", ValueKind::Tensor, dtype, std::move(shape), init};
}

TEST(Initialise, Constants) {
  EXPECT_THAT(valueOf(initialise(parameter("zeros"), 1)).span<double>(),
              Each(0.0));
  EXPECT_THAT(valueOf(initialise(parameter("constant:-1.5", DType::F32), 1))
                  .span<float>(),
              Each(-1.5f));
}

/// The documented definition, with the C library's long double functions.
static double reference(uint64_t key, uint64_t i) {
  auto unit = [](uint64_t k, uint64_t position) {
    uint64_t bits = (uint64_t(h32(k, position)) << 32) | h32(k, position + 1);
    return 2 * ((double(bits >> 11) + 0.5) / 9007199254740992.0) - 1;
  };
  for (uint64_t t = 0;; ++t) {
    uint64_t k = mix64(key, i, t);
    double u = unit(k, 0), v = unit(k, 2), s = u * u + v * v;
    if (s > 0 && s < 1)
      return double(u * std::sqrt(-2 * std::log((long double)s) / s));
  }
}

TEST(Initialise, NormalIsItsDefinition) {
  Tensor w = valueOf(initialise(parameter("normal:0.01"), 7));
  uint64_t key = mix64(7, hash64("init", std::string_view("w")), 0);
  for (int64_t i = 0; i < w.size(); ++i) {
    double expected = 0.01 * reference(key, uint64_t(i));
    // The logarithm's error of at most 4 ulp, halved by the root, and five
    // roundings: less than 4.5 ulp of 2^-52.
    ASSERT_NEAR(w.span<double>()[i], expected, 1e-15 * std::fabs(expected));
  }
}

/// Mean and mean of squares, with their standard errors for n samples.
TEST(Initialise, Moments) {
  for (auto [init, variance, fourth] : {std::tuple("normal:2", 4.0, 48.0),
                                        std::tuple("uniform:3", 3.0, 16.2)}) {
    Tensor w = valueOf(initialise(parameter(init), 3));
    double n = double(w.size()), sum = 0, squares = 0;
    for (double x : w.span<double>()) {
      sum += x;
      squares += x * x;
    }
    EXPECT_LT(std::fabs(sum / n), 4 * std::sqrt(variance / n)) << init;
    EXPECT_LT(std::fabs(squares / n - variance),
              4 * std::sqrt((fourth - variance * variance) / n))
        << init;
  }
  Tensor w = valueOf(initialise(parameter("uniform:3"), 3));
  for (double x : w.span<double>())
    ASSERT_LT(std::fabs(x), 3);
}

TEST(Initialise, SeedAndNameMatterDTypeRounds) {
  Tensor a = valueOf(initialise(parameter("normal:1"), 1));
  Tensor b = valueOf(initialise(parameter("normal:1"), 2));
  ValueInfo named = parameter("normal:1");
  named.name = "v";
  Tensor c = valueOf(initialise(named, 1));
  Tensor f = valueOf(initialise(parameter("normal:1", DType::F32), 1));
  EXPECT_NE(a.span<double>(), b.span<double>());
  EXPECT_NE(a.span<double>(), c.span<double>());
  for (int64_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(f.span<float>()[i], float(a.span<double>()[i]));
}

TEST(Initialise, AShareIsPositiveAndTheMagnitudesStay) {
  for (const char *word : {"normal:0.1", "uniform:2", "orthogonal:1"}) {
    llvm::SmallVector<int64_t, 4> shape = {30, 20};
    Tensor plain = valueOf(initialise(parameter(word, DType::F64, shape), 5));
    for (auto [share, count] :
         {std::pair("0", 0), std::pair("0.8", 480), std::pair("0.5008", 300),
          std::pair("1", 600)}) {
      std::string init = std::string(word) + ":positive=" + share;
      Tensor w =
          valueOf(initialise(parameter(init.c_str(), DType::F64, shape), 5));
      int positive = 0, changedFirstHalf = 0;
      for (int64_t i = 0; i < w.size(); ++i) {
        double x = w.span<double>()[i], old = plain.span<double>()[i];
        ASSERT_EQ(std::fabs(x), std::fabs(old));
        positive += x > 0;
        changedFirstHalf += i < 300 && x > 0;
      }
      EXPECT_EQ(positive, count) << init;
      // They are spread: a hypergeometric count within 5 deviations (12.2).
      EXPECT_LT(std::abs(changedFirstHalf - count / 2), 5 * 12.3 / 2) << init;
    }
  }
}

TEST(Initialise, OrthogonalRowsOrColumns) {
  using Shape = llvm::SmallVector<int64_t, 4>;
  for (const Shape &shape :
       {Shape{7, 7}, Shape{5, 9}, Shape{9, 5}, Shape{6, 2, 3, 3}, Shape{4}}) {
    Tensor w =
        valueOf(initialise(parameter("orthogonal:2", DType::F64, shape), 1));
    int64_t rows = shape[0], columns = w.size() / rows;
    bool isWide = rows <= columns;
    int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    auto at = [&](int64_t v, int64_t k) {
      return w.span<double>()[isWide ? v * columns + k : k * columns + v];
    };
    for (int64_t a = 0; a < count; ++a)
      for (int64_t b = 0; b < count; ++b) {
        double dot = 0;
        for (int64_t k = 0; k < length; ++k)
          dot += at(a, k) * at(b, k);
        EXPECT_NEAR(dot, a == b ? 4 : 0, 1e-14) << a << ' ' << b;
      }
  }
}

TEST(Initialise, OtherWordsAreErrors) {
  auto failure = [](const ValueInfo &value) {
    return messageOf(initialise(value, 0));
  };
  EXPECT_THAT(failure(parameter("")),
              HasSubstr("no prec.init, and no weights are given, expected"));
  for (const char *init :
       {"glorot", "normal", "normal:", "normal:x", "constant:inf", "zeros:1",
        "uniform:nan", "normal:1:positive=", "normal:1:positive=1.1",
        "normal:1:positive=-0.1", "normal:1:positive=nan",
        "constant:1:positive=0.5", "zeros:positive=0.5", "orthogonal",
        "orthogonal:"})
    EXPECT_THAT(failure(parameter(init)),
                HasSubstr("found '" + std::string(init) + "', expected zeros"));
  EXPECT_THAT(failure(parameter("zeros", DType::I32)),
              HasSubstr("found type i32, expected f32 or f64"));
  EXPECT_THAT(failure(parameter("zeros", DType::F32, {-1})),
              HasSubstr("expected a static shape"));
}

TEST(Shuffle, IsAUniformPermutation) {
  // Of four samples each of the 24 orders is equally likely.
  std::map<std::vector<uint32_t>, int> counts;
  for (uint64_t epoch = 0; epoch < 24000; ++epoch)
    ++counts[shuffled(4, 5, epoch)];
  EXPECT_EQ(counts.size(), 24u);
  double chiSquare = 0;
  for (const auto &[order, count] : counts)
    chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chiSquare, 49.7); // 23 degrees of freedom, probability 0.001
  std::vector<uint32_t> order = shuffled(1000, 1, 0), sorted(1000);
  std::iota(sorted.begin(), sorted.end(), 0);
  EXPECT_THAT(order, testing::UnorderedElementsAreArray(sorted));
  EXPECT_NE(order, shuffled(1000, 2, 0));
  EXPECT_TRUE(shuffled(0, 1, 0).empty());
}
