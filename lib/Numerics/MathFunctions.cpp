// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions by name and on machine numbers.
#include "prec/Numerics/MathFunctions.h"
#include "prec/Numerics/MathBinary.h"

#include <iterator>

using namespace mlir::prec;

static constexpr std::string_view words[] = {
#define PREC_MATH_FUNCTION(kind, word, evaluator) #word,
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
};

std::optional<MathFunction> mlir::prec::mathFunction(std::string_view word) {
  for (size_t i = 0; i < std::size(words); ++i)
    if (words[i] == word)
      return static_cast<MathFunction>(i);
  return std::nullopt;
}

std::string_view mlir::prec::nameOf(MathFunction function) {
  return words[static_cast<size_t>(function)];
}

float mlir::prec::evaluateMath(MathFunction function, float x) {
  MachineOps<uint64_t> ops;
  return evaluateMathF32(ops, function, x);
}

double mlir::prec::evaluateMath(MathFunction function, double x) {
  MachineOps<uint64_t> ops;
  return evaluateMathF64(ops, function, x);
}

float mlir::prec::evaluateAtan2(float y, float x) {
  return static_cast<float>(evaluateAtan2(double(y), double(x)));
}
double mlir::prec::evaluateAtan2(double y, double x) {
  MachineOps<uint64_t> ops;
  return Binary<MachineOps<uint64_t>>(ops).atan2(y, x);
}
float mlir::prec::evaluatePower(float x, float y) {
  MachineOps<uint64_t> ops;
  return static_cast<float>(Binary<MachineOps<uint64_t>>(ops).powF32(x, y));
}
double mlir::prec::evaluatePower(double x, double y) {
  MachineOps<uint64_t> ops;
  return Binary<MachineOps<uint64_t>>(ops).pow(x, y);
}
