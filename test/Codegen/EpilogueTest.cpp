// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What follows a product element by element, on the tiles that the kernel has,
// for several vector units, against loops in the order that DESIGN words.
#include "MultiplyAdd.h"
#include "VectorUnits.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <bit>
#include <random>

using namespace mlir::prec;
using namespace mlir::prec::test;

namespace {
std::mt19937 generator(43);

/// r[b][m][n] = max(s + bias[n], z[b][m][n]) * column[m] + number of the
/// column, s = sum over k of x[b][m][k] w[b][k][n] from 1/4.
struct Product {
  int64_t b, m, n, k;
};

// One element, whole tiles and rests of both dimensions, long and short sums,
// some that are cut into pieces.
const Product products[] = {
    {1, 1, 1, 1},    {1, 5, 7, 3},      {2, 16, 32, 8},
    {1, 33, 70, 17}, {1, 14, 64, 40},   {1, 100, 10, 300},
    {3, 3, 1, 9},    {1, 128, 48, 700}, {2, 1, 40, 5}};

/// How the result lies, and whether the sums are wanted, too.
struct Form {
  bool isTurned, isRounded, keepsSums, countsColumns;
  /// All b have the same w, so that the product's loops over b and m become
  /// one; each has a column of its own, so that those of its end can, too.
  bool sharesWeights = false, hasColumns = false;
};

class Epilogues : public testing::TestWithParam<VectorUnit> {
protected:
  void check(const Product &p, const Form &form) {
    std::string text = textOf(p, form);
    auto module = Module::compile(text, 3, GetParam().options());
    ASSERT_TRUE(module) << text;
    const int64_t batch = form.sharesWeights ? 1 : p.b,
                  columns = form.hasColumns ? p.b : 1;
    Array<float, 3> x({p.b, p.m, p.k}), w({p.b, p.k, p.n}), z({p.b, p.m, p.n});
    Array<float, 2> shared({p.k, p.n}), ownColumns({p.b, p.m});
    Array<float, 1> bias({p.n}), column({p.m});
    std::normal_distribution<float> normal;
    auto fill = [&](auto &values) {
      for (float &value : values)
        value = normal(generator);
    };
    fill(x.values);
    fill(form.sharesWeights ? shared.values : w.values);
    fill(z.values);
    fill(bias.values);
    fill(form.hasColumns ? ownColumns.values : column.values);
    auto either = [](bool isFirst, auto &first, auto &second) {
      return isFirst
                 ? std::pair<void *, float *>(first.get(), first.values.data())
                 : std::pair<void *, float *>(second.get(),
                                              second.values.data());
    };
    auto [weights, weight] = either(form.sharesWeights, shared, w);
    auto [factors, factor] = either(form.hasColumns, ownColumns, column);
    struct {
      Descriptor<float, 3> result, sums;
    } results;
    module->call("f", &results, x.get(), weights, z.get(), bias.get(), factors);
    std::vector<float> found = takeResult(results.result), sums;
    if (form.keepsSums)
      sums = takeResult(results.sums);
    for (int64_t b = 0, at = 0; b < p.b; ++b)
      for (int64_t m = 0; m < p.m; ++m)
        for (int64_t n = 0; n < p.n; ++n, ++at) {
          float sum = 0.25f;
          for (int64_t k = 0; k < p.k; ++k)
            sum = multiplyAdd(x.values[(b * p.m + m) * p.k + k],
                              weight[(b % batch * p.k + k) * p.n + n], sum,
                              form.isRounded);
          float value = std::max(sum + bias.values[n], z.values[at]);
          value *= factor[b % columns * p.m + m];
          if (form.countsColumns)
            value += float(n);
          int64_t place = form.isTurned ? (b * p.n + n) * p.m + m : at;
          ASSERT_EQ(std::bit_cast<uint32_t>(found[place]),
                    std::bit_cast<uint32_t>(value))
              << b << " " << m << " " << n << " of\n"
              << text;
          if (form.keepsSums)
            ASSERT_EQ(std::bit_cast<uint32_t>(sums[at]),
                      std::bit_cast<uint32_t>(sum))
                << text;
        }
  }

private:
  static std::string textOf(const Product &p, const Form &form) {
    auto type = [](auto... sizes) {
      return "tensor<" + (... + (std::to_string(sizes) + "x")) + "f32>";
    };
    std::string sums = type(p.b, p.m, p.n),
                result = form.isTurned ? type(p.b, p.n, p.m) : sums;
    return llvm::formatv(
        R"(
func.func @f(%x: {0}, %w: {1}, %z: {2}, %bias: tensor<{3}xf32>, %column: {4}) -> ({5}{6}) {{
  %start = arith.constant 0.25 : f32
  %t = tensor.empty() : {5}
  %e = tensor.empty() : {2}
  %i = linalg.fill ins(%start : f32) outs(%e : {2}) -> {2}
  %sums = linalg.generic {{
      indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>,
                       affine_map<(b, m, n, k) -> ({11}k, n)>,
                       affine_map<(b, m, n, k) -> (b, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : {0}, {1}) outs(%i : {2}) {{
  ^bb0(%u: f32, %v: f32, %acc: f32):{7}
    linalg.yield %s : f32
  } -> {2}
  %r = linalg.generic {{
      indexing_maps = [affine_map<(b, m, n) -> (b, m, n)>,
                       affine_map<(b, m, n) -> (b, m, n)>,
                       affine_map<(b, m, n) -> (n)>,
                       affine_map<(b, m, n) -> ({12}m)>,
                       affine_map<(b, m, n) -> ({8})>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sums, %z, %bias, %column : {2}, {2}, tensor<{3}xf32>, {4})
      outs(%t : {5}) {{
  ^bb0(%sum: f32, %zz: f32, %b: f32, %c: f32, %o: f32):
    %moved = arith.addf %sum, %b : f32
    %more = arith.maximumf %moved, %zz : f32
    %scaled = arith.mulf %more, %c : f32{9}
    linalg.yield %last : f32
  } -> {5}
  return %r{10} : {5}{6}
})",
        type(p.b, p.m, p.k),
        form.sharesWeights ? type(p.k, p.n) : type(p.b, p.k, p.n), sums, p.n,
        form.hasColumns ? type(p.b, p.m) : type(p.m), result,
        form.keepsSums ? ", " + sums : "", multiplyAddText(form.isRounded),
        form.isTurned ? "b, n, m" : "b, m, n",
        form.countsColumns ? R"(
    %place = linalg.index 2 : index
    %word = arith.index_cast %place : index to i32
    %number = arith.sitofp %word : i32 to f32
    %last = arith.addf %scaled, %number : f32)"
                           : R"(
    %one = arith.constant 1.0 : f32
    %last = arith.mulf %scaled, %one : f32)",
        form.keepsSums ? ", %sums" : "", form.sharesWeights ? "" : "b, ",
        form.hasColumns ? "b, " : "");
  }
};

TEST_P(Epilogues, OfProducts) {
  for (const Product &p : products)
    check(p, {false, false, false, false});
}

TEST_P(Epilogues, OfRoundedProducts) {
  for (const Product &p : products)
    check(p, {false, true, false, true});
}

TEST_P(Epilogues, SumsAreKept) {
  for (const Product &p : products)
    check(p, {false, false, true, false});
}

TEST_P(Epilogues, TurnedResult) {
  for (const Product &p : products)
    for (bool keepsSums : {false, true})
      check(p, {true, false, keepsSums, true});
}

TEST_P(Epilogues, OneLoopOfTwo) {
  for (bool isTurned : {false, true})
    for (bool countsColumns : {false, true})
      for (bool hasColumns : {false, true})
        check({3, 5, 40, 7},
              {isTurned, false, false, countsColumns, true, hasColumns});
}

INSTANTIATE_TEST_SUITE_P(Units, Epilogues, vectorUnits(), nameOf);
} // namespace
