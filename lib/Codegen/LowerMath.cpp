// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes math functions as arith operations.
#include "prec/Codegen/ArithOps.h"
#include "prec/Codegen/Passes.h"
#include "prec/Numerics/MathExpLog.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_LOWERMATH
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

using Double = ArithOps::Double;

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

/// The function of an f32 value, evaluated in f64.
static std::optional<Double> emit(ArithOps &ops, StringRef name, Double x) {
  ExpLog<ArithOps> explog(ops);
  using Function = Double (ExpLog<ArithOps>::*)(Double);
  auto function = llvm::StringSwitch<Function>(name)
                      .Case("math.exp", &ExpLog<ArithOps>::exp)
                      .Case("math.exp2", &ExpLog<ArithOps>::exp2)
                      .Case("math.expm1", &ExpLog<ArithOps>::expm1)
                      .Case("math.log", &ExpLog<ArithOps>::log)
                      .Case("math.log2", &ExpLog<ArithOps>::log2)
                      .Case("math.log10", &ExpLog<ArithOps>::log10)
                      .Case("math.log1p", &ExpLog<ArithOps>::log1p)
                      .Default(nullptr);
  if (!function)
    return std::nullopt;
  return (explog.*function)(x);
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
    if (op->getNumOperands() != 1 || op->getNumResults() != 1)
      return refuse("only functions of one argument have one");
    Type element = getElementTypeOrSelf(type);
    if (!element.isF32())
      return refuse("only those of f32 have one");
    OpBuilder builder(op);
    ArithOps ops(builder, op->getLoc(), 64, type);
    std::optional<Double> result = emit(ops, op->getName().getStringRef(),
                                        ops.extend(op->getOperand(0)));
    if (!result)
      return refuse("legal are math.exp, exp2, expm1, log, log2, log10, log1p");
    op->getResult(0).replaceAllUsesWith(ops.truncate(*result));
    op->erase();
    return success();
  }
};
} // namespace
