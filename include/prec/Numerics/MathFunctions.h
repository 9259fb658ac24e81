// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Math functions of one f32 argument, correctly rounded (nearest-even): the
// same bits on every machine, and MPFR is their reference.
//
// An f32 one is evaluated in f64 to about 2^-51 and rounded once to f32. That
// this single rounding is right for all 2^32 inputs is not luck to be trusted:
// it was tried for each of them (test with PREC_EXHAUSTIVE=1). No branch, no
// table, no libm: an evaluation is 15 to 150 f64 operations that vectorise. NaN
// results are quiet; their sign and payload are not promised.
#ifndef PREC_NUMERICS_MATHFUNCTIONS_H
#define PREC_NUMERICS_MATHFUNCTIONS_H

#include "prec/Numerics/MathHyperbolic.h"
#include "prec/Numerics/MathSpecial.h"
#include "prec/Numerics/MathTrig.h"
#include "prec/Numerics/MathWide.h"

#include <optional>
#include <string_view>

namespace mlir::prec {

enum class MathFunction : uint8_t {
#define PREC_MATH_FUNCTION(kind, word, evaluator) kind,
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
};

/// "exp" -> MathFunction::Exp; the names of MLIR's math dialect.
std::optional<MathFunction> mathFunction(std::string_view word);
std::string_view nameOf(MathFunction function);

/// The f64 evaluation, right but for the exceptions; x is the value of an f32.
template <MathOps Ops>
typename Ops::Double evaluateMath(Ops &ops, MathFunction function,
                                  typename Ops::Double x) {
  switch (function) {
#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  case MathFunction::kind:                                                     \
    return evaluator<Ops>(ops).word(x);
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  }
  return x;
}

/// The f32 inputs that are answered one by one.
struct MathException {
  MathFunction function;
  float input, output;
};
inline constexpr MathException mathExceptions[] = {
#define PREC_MATH_EXCEPTION(function, input, output)                           \
  {MathFunction::function, input##f, output##f},
#include "prec/Numerics/MathExceptions.def"
#undef PREC_MATH_EXCEPTION
};

/// The correctly rounded function of an f32. Ops has width 64.
template <MathOps Ops>
typename Ops::Single evaluateMathF32(Ops &ops, MathFunction function,
                                     typename Ops::Single x) {
  auto wide = ops.extend(x);
  auto y = evaluateMath(ops, function, wide);
  for (const MathException &e : mathExceptions)
    if (e.function == function) {
      auto bits = std::bit_cast<uint64_t>(static_cast<double>(e.input));
      y = ops.fselect(ops.equal(ops.toWord(wide), ops.constant(bits)),
                      ops.real(e.output), y);
    }
  return ops.truncate(y);
}

/// The function of an f64: documented error, the same bits on every machine.
template <MathOps Ops>
typename Ops::Double evaluateMathF64(Ops &ops, MathFunction function,
                                     typename Ops::Double x) {
  switch (function) {
#define PREC_MATH_FUNCTION(kind, word, evaluator)                              \
  case MathFunction::kind:                                                     \
    return Wide<Ops>(ops).word(x);
#include "prec/Numerics/MathFunctions.def"
#undef PREC_MATH_FUNCTION
  }
  return x;
}

/// The machine face.
float evaluateMath(MathFunction function, float x);
double evaluateMath(MathFunction function, double x);

} // namespace mlir::prec

#endif // PREC_NUMERICS_MATHFUNCTIONS_H
