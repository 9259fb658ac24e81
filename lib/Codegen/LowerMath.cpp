// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes math functions as arith operations.
#include "prec/Codegen/ArithOps.h"
#include "prec/Codegen/Passes.h"
#include "prec/Numerics/MathBinary.h"
#include "prec/Numerics/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERMATH
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Whether every machine computes the operation exactly, or LLVM expands it to
/// operations that do.
static bool isExact(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp,
             math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp,
             math::IsInfOp, math::IsNaNOp, math::IsNormalOp, math::RoundEvenOp,
             math::RoundOp, math::SqrtOp, math::TruncOp>(op);
}

/// pow and atan2.
static Value lowerBinary(OpBuilder &builder, Operation *op) {
  Value a = op->getOperand(0), b = op->getOperand(1);
  ArithOps ops(builder, op->getLoc(), 64, a.getType());
  Binary<ArithOps> evaluator(ops);
  bool isNarrow = getElementTypeOrSelf(a.getType()).isF32(),
       isPower = isa<math::PowFOp>(op);
  auto wide = [&](Value x) { return isNarrow ? ops.extend(x) : ops.real(x); };
  ArithOps::Double x = wide(a), y = wide(b);
  ArithOps::Double result = !isPower   ? evaluator.atan2(x, y)
                            : isNarrow ? evaluator.powF32(x, y)
                                       : evaluator.pow(x, y);
  return isNarrow ? ops.truncate(result) : ops.value(result);
}

/// A function of narrower floats as f32's: the result is rounded once more.
static Operation *inSingle(OpBuilder &builder, Operation *op) {
  Location loc = op->getLoc();
  Type narrow = op->getOperand(0).getType(), wide = builder.getF32Type();
  if (auto vector = dyn_cast<VectorType>(narrow))
    wide = vector.clone(wide);
  Operation *made = op->clone();
  for (OpOperand &operand : made->getOpOperands())
    operand.set(arith::ExtFOp::create(builder, loc, wide, operand.get()));
  made->getResult(0).setType(wide);
  builder.insert(made);
  Value result =
      arith::TruncFOp::create(builder, loc, narrow, made->getResult(0));
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return made;
}

/// Both functions of a sincos.
static SmallVector<Operation *> separate(OpBuilder &builder,
                                         math::SincosOp op) {
  Value x = op.getOperand();
  auto sin = math::SinOp::create(builder, op.getLoc(), x);
  auto cos = math::CosOp::create(builder, op.getLoc(), x);
  op->replaceAllUsesWith(ValueRange{sin, cos});
  op->erase();
  return {sin, cos};
}

/// The power of the magnitude, with the sign of x where the exponent is odd.
/// Beyond 2^24 (f32) the exponent is rounded to the element type.
static Operation *asPowerOfMagnitude(OpBuilder &builder, math::FPowIOp op) {
  Location loc = op.getLoc();
  Value x = op.getLhs(), n = op.getRhs();
  Value exponent = arith::SIToFPOp::create(builder, loc, x.getType(), n);
  auto power = math::PowFOp::create(
      builder, loc, math::AbsFOp::create(builder, loc, x), exponent);
  Value one =
      arith::ConstantOp::create(builder, loc, builder.getOneAttr(n.getType()));
  Value isOdd =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                            arith::AndIOp::create(builder, loc, n, one), one);
  Value signedPower = math::CopySignOp::create(builder, loc, power, x);
  Value result =
      arith::SelectOp::create(builder, loc, isOdd, signedPower, power);
  op.replaceAllUsesWith(result);
  op->erase();
  return power;
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
    if (isa<math::ClampFOp>(op))
      return refuse("upstream's definition takes the greater of the upper "
                    "limit; write arith.maximumf and arith.minimumf");
    Type element = getElementTypeOrSelf(type);
    OpBuilder builder(op);
    if (auto both = dyn_cast<math::SincosOp>(op)) {
      SmallVector<Operation *> parts = separate(builder, both);
      return success(llvm::all_of(
          parts, [](Operation *part) { return succeeded(lower(part)); }));
    }
    if (auto power = dyn_cast<math::FPowIOp>(op))
      return lower(asPowerOfMagnitude(builder, power));
    if (auto narrow = dyn_cast<FloatType>(element);
        narrow && narrow.getWidth() < 32 &&
        llvm::all_equal(op->getOperandTypes()) &&
        op->getResultTypes() == TypeRange(type))
      return lower(inSingle(builder, op));
    if (isa<math::PowFOp, math::Atan2Op>(op) &&
        (element.isF32() || element.isF64())) {
      op->getResult(0).replaceAllUsesWith(lowerBinary(builder, op));
      op->erase();
      return success();
    }
    if (op->getNumOperands() != 1 || op->getNumResults() != 1)
      return refuse(
          "only functions of one argument, powf, fpowi and atan2 have one");
    if (!element.isF32() && !element.isF64())
      return refuse("only functions of f32 and f64 have one");
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
