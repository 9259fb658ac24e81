// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998.
#include "InitWords.h"
#include "LayerType.h"
#include "prec/Numerics/Spelling.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::prec;
using llvm::StringRef;

namespace {
/// The variance of a named initialisation is gain / fan.
struct Named {
  StringRef name;
  bool isUniform;
  double gain;
  double (*fan)(double in, double out);
};
} // namespace

static double fanIn(double in, double) { return in; }
static double fanMean(double in, double out) { return (in + out) / 2; }

static constexpr Named named[] = {
    {"glorot-normal", false, 1, fanMean}, {"glorot-uniform", true, 1, fanMean},
    {"he-normal", false, 2, fanIn},       {"he-uniform", true, 2, fanIn},
    {"lecun-normal", false, 1, fanIn},    {"lecun-uniform", true, 1, fanIn}};

static llvm::Error unknown(StringRef word) {
  std::vector<std::string_view> legal = {"pytorch", "zeros"};
  for (const Named &row : named)
    legal.push_back(row.name);
  return llvm::createStringError(
      unknownWord("initialisation", word, legal,
                  "constant:C, normal:STD, uniform:BOUND, orthogonal[:GAIN]"));
}

/// The number after the colon; none if it is no number or out of range.
static std::optional<double> parameterOf(StringRef text, double low,
                                         double high) {
  double value = 0;
  if (text.getAsDouble(value) || !(low <= value && value <= high))
    return std::nullopt;
  return value;
}

llvm::Expected<std::string> mlir::prec::resolveInit(StringRef word,
                                                    StringRef standard,
                                                    int64_t in, int64_t out) {
  auto [kind, suffix] = word.split(":positive=");
  std::string positive;
  if (word.contains(":positive=")) {
    std::optional<double> share = parameterOf(suffix, 0, 1);
    if (!share)
      return llvm::createStringError("expected a share 0..1 of positive "
                                     "numbers, found '" +
                                     suffix + "'");
    positive = ":positive=" + shortest(*share);
  }
  std::string result;
  auto [head, number] = kind.split(':');
  if (kind == "pytorch") {
    result = standard.str();
  } else if (kind == "zeros") {
    result = "zeros";
  } else if (kind == "orthogonal") {
    result = "orthogonal:1";
  } else if (head == "constant" || head == "normal" || head == "uniform" ||
             head == "orthogonal") {
    std::optional<double> value =
        parameterOf(number, head == "constant" ? -1e30 : 0, 1e30);
    if (!value)
      return llvm::createStringError(
          "expected " + head + ":" +
          (head == "constant" ? "NUMBER" : "NUMBER, not negative") +
          ", found '" + kind + "'");
    result = (head + ":" + shortest(*value)).str();
  } else {
    for (const Named &row : named) {
      if (kind != row.name)
        continue;
      if (in == 0)
        return llvm::createStringError(
            "'" + kind +
            "' is for dense and conv layers; write normal:STD or "
            "uniform:BOUND");
      double deviation = std::sqrt(row.gain / row.fan(double(in), double(out)));
      result = row.isUniform ? "uniform:" + shortest(std::sqrt(3.0) * deviation)
                             : "normal:" + shortest(deviation);
    }
    if (result.empty())
      return unknown(kind);
  }
  if (!positive.empty() &&
      (result == "zeros" || StringRef(result).starts_with("constant:")))
    return llvm::createStringError("a share of positive numbers is for random "
                                   "ones, found '" +
                                   word + "'");
  return result + positive;
}
