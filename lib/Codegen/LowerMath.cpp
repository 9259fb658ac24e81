// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes math functions as arith operations.
#include "prec/Codegen/ArithOps.h"
#include "prec/Codegen/Passes.h"
#include "prec/Numerics/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERMATH
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Whether every machine computes the operation exactly, or LLVM expands it to
/// operations that do.
static bool isExact(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::ClampFOp,
             math::CopySignOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp, math::FloorOp,
             math::FmaOp, math::IsFiniteOp, math::IsInfOp, math::IsNaNOp,
             math::IsNormalOp, math::RoundEvenOp, math::RoundOp, math::SqrtOp,
             math::TruncOp>(op);
}

/// x^y in f32: exp(y log|x|) in f64, rounded once. The product of two f64
/// roundings is below 2^-44 of the result, so this is the correctly rounded
/// value but for about one argument in 2^19, and then the next one to it.
/// Special cases are IEEE 754's (C99, F.10.4.4).
static Value powerF32(OpBuilder &builder, Location loc, Value x, Value y) {
  Type type = x.getType();
  ArithOps ops(builder, loc, 64, type);
  auto constant = [&](double number) -> Value {
    TypedAttr value = builder.getFloatAttr(getElementTypeOrSelf(type), number);
    if (auto vector = dyn_cast<VectorType>(type))
      value = SplatElementsAttr::get(vector, value);
    return arith::ConstantOp::create(builder, loc, value);
  };
  auto compare = [&](arith::CmpFPredicate predicate, Value a,
                     Value b) -> Value {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  };
  auto both = [&](Value a, Value b) -> Value {
    return arith::AndIOp::create(builder, loc, a, b);
  };
  auto select = [&](Value condition, Value a, Value b) -> Value {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  };
  using Predicate = arith::CmpFPredicate;
  Value zero = constant(0), one = constant(1), half = constant(0.5);
  Value magnitude = math::AbsFOp::create(builder, loc, x);
  auto logarithm =
      evaluateMathF64(ops, MathFunction::Log, ops.extend(magnitude));
  auto product = ops.fmul(ops.extend(y), logarithm);
  Value result = ops.truncate(evaluateMathF64(ops, MathFunction::Exp, product));
  // +-1 to any power that is not NaN has magnitude 1, infinite ones too.
  result = select(both(compare(Predicate::OEQ, magnitude, one),
                       compare(Predicate::ORD, y, y)),
                  one, result);

  // A negative x (or -0) needs a whole y; an odd one keeps the sign.
  Value isWhole =
      compare(Predicate::OEQ, math::FloorOp::create(builder, loc, y), y);
  Value halved = arith::MulFOp::create(builder, loc, y, half);
  Value isOdd = both(
      isWhole, compare(Predicate::UNE,
                       math::FloorOp::create(builder, loc, halved), halved));
  Value signedResult = math::CopySignOp::create(builder, loc, result, x);
  result = select(isOdd, signedResult, result);
  Value finiteNegative =
      both(compare(Predicate::OLT, x, zero),
           compare(Predicate::OLT, magnitude,
                   constant(std::numeric_limits<double>::infinity())));
  Value notWhole =
      compare(Predicate::ONE, math::FloorOp::create(builder, loc, y), y);
  result = select(both(finiteNegative, notWhole),
                  constant(std::numeric_limits<double>::quiet_NaN()), result);
  result = select(compare(Predicate::OEQ, y, zero), one, result);
  return select(compare(Predicate::OEQ, x, one), one, result);
}

namespace {
struct LowerMath : public prec::impl::LowerMathBase<LowerMath> {
  void runOnOperation() override {
    bool failed = false;
    getOperation()->walk([&](Operation *op) {
      if (op->getName().getDialectNamespace() != "math" || isExact(op))
        return;
      if (succeeded(lower(op)))
        return;
      failed = true;
    });
    if (failed)
      signalPassFailure();
  }

  static LogicalResult lower(Operation *op) {
    auto refuse = [&](const Twine &why) {
      return op->emitError("has no algorithm with the same bits on every "
                           "machine: ")
             << why;
    };
    Type type = op->getOperand(0).getType();
    if (isa<TensorType>(type))
      return refuse("a tensor, expected a scalar or a vector (run "
                    "convert-elementwise-to-linalg first)");
    Type element = getElementTypeOrSelf(type);
    if (isa<math::PowFOp>(op) && element.isF32()) {
      OpBuilder builder(op);
      op->getResult(0).replaceAllUsesWith(powerF32(
          builder, op->getLoc(), op->getOperand(0), op->getOperand(1)));
      op->erase();
      return success();
    }
    if (op->getNumOperands() != 1 || op->getNumResults() != 1)
      return refuse("only functions of one argument and powf of f32 have one");
    if (!element.isF32() && !element.isF64())
      return refuse("only functions of f32 and f64 have one");
    OpBuilder builder(op);
    ArithOps ops(builder, op->getLoc(), 64, type);
    StringRef word = op->getName().stripDialect();
    std::optional<MathFunction> function =
        mathFunction({word.data(), word.size()});
    if (!function)
      return refuse("not in the table of math functions");
    Value x = op->getOperand(0);
    Value result =
        element.isF32()
            ? evaluateMathF32(ops, *function, x)
            : ops.value(evaluateMathF64(ops, *function, ops.real(x)));
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
    return success();
  }
};
} // namespace
