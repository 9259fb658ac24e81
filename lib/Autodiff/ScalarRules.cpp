// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rows of the derivative table as models, and the few operations beyond it.
#include "Rules.h"
#include "prec/Autodiff/DifferentiableOpInterface.h"
#include "prec/Autodiff/Expression.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/IR/GradientNames.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Numerics/Round.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace mlir::prec;
using P = arith::CmpFPredicate;
using E = Expression;

//===-- words of the table ------------------------------------------------===//

static E exponential(E a) { return a.make<math::ExpOp>(); }
static E sine(E a) { return a.make<math::SinOp>(); }
static E cosine(E a) { return a.make<math::CosOp>(); }
static E hyperbolicSine(E a) { return a.make<math::SinhOp>(); }
static E hyperbolicCosine(E a) { return a.make<math::CoshOp>(); }
static E squareRoot(E a) { return a.make<math::SqrtOp>(); }
static E truncate(E a) { return a.make<math::TruncOp>(); }
static E logarithm(E a) { return a.make<math::LogOp>(); }
static E power(E a, E b) { return a.make<math::PowFOp>(b); }
static E equal(E a, E b) { return compare(P::OEQ, a, b); }
static E isNaN(E a) { return compare(P::UNO, a, a); }
static E zero(E like) { return like.number(0); }

/// g with the sign of `sign` multiplied in.
static E withSign(E g, E sign) {
  return g * sign.number(1).make<math::CopySignOp>(sign);
}

/// The gradient of a in max(a, b): half at a tie of variables, none at a tie
/// with a constant; a NaN passes it.
static E ifBeyond(P beyond, E g, E a, E b) {
  E rest = a.isConstant || b.isConstant ? zero(g)
                                        : select(equal(a, b), g * 0.5, zero(g));
  return select(compare(beyond, a, b), g, rest);
}
static E ifLarger(E g, E a, E b) { return ifBeyond(P::UGT, g, a, b); }
static E ifSmaller(E g, E a, E b) { return ifBeyond(P::ULT, g, a, b); }

/// For maxnumf and minnumf: whether the result is a.
static E isFirst(P atLeast, P beyond, E a, E b) {
  return compare(a.isConstant || b.isConstant ? beyond : atLeast, a, b) ||
         isNaN(b);
}
static E ifFirstLarger(E g, E a, E b) {
  return select(isFirst(P::OGE, P::OGT, a, b), g, zero(g));
}
static E ifFirstSmaller(E g, E a, E b) {
  return select(isFirst(P::OLE, P::OLT, a, b), g, zero(g));
}
static E ifSecondLarger(E g, E a, E b) {
  if (a.isConstant)
    return select(isFirst(P::OGT, P::OGT, b, a), g, zero(g));
  return select(isFirst(P::OGE, P::OGT, a, b), zero(g), g);
}
static E ifSecondSmaller(E g, E a, E b) {
  if (a.isConstant)
    return select(isFirst(P::OLT, P::OLT, b, a), g, zero(g));
  return select(isFirst(P::OLE, P::OLT, a, b), zero(g), g);
}

static E ifWithin(E g, E a, E low, E high) {
  return select(compare(P::OGE, a, low) && compare(P::OLE, a, high), g,
                zero(g));
}
/// Equal limits belong to the upper one, and so do limits in the wrong order.
static E ifBelow(E g, E a, E low, E high) {
  return select(compare(P::OLT, a, low) && compare(P::OLT, low, high), g,
                zero(g));
}
static E ifAbove(E g, E a, E low, E high) {
  return select(compare(P::OGT, a, high) || compare(P::OLT, high, low), g,
                zero(g));
}

/// d a^b / da = b a^(b-1), and 0 where b = 0.
static E powerBase(E g, E a, E b) {
  return select(equal(b, zero(b)), zero(g), g * (b * power(a, b - 1.0)));
}
/// d a^b / db = a^b log a, and 0 where a = 0 and b >= 0.
static E powerExponent(E g, E y, E a, E b) {
  E atZero = equal(a, zero(a)) && compare(P::OGE, b, zero(b));
  return g * select(atZero, zero(y), y * logarithm(a));
}

//===-- models ------------------------------------------------------------===//

namespace {
/// An operand as the table sees it.
E operand(Operation *op, unsigned i, Gradients &gradients) {
  Value v = op->getOperand(i);
  return {gradients.builder, op->getLoc(), v, gradients.isConstant(v)};
}

/// Builds the partial derivatives of those operands that want them. `rows` are
/// functions of (g, y, a, b, c); missing operands repeat the first.
template <typename... Rows>
LogicalResult buildRows(Operation *op, Gradients &gradients, Rows... rows) {
  OpBuilder &builder = gradients.builder;
  unsigned n = op->getNumOperands();
  E g(builder, op->getLoc(), gradients.lookup(op->getResult(0)));
  E y(builder, op->getLoc(), op->getResult(0));
  E a = operand(op, 0, gradients);
  E b = n > 1 ? operand(op, 1, gradients) : a;
  E c = n > 2 ? operand(op, 2, gradients) : a;
  unsigned i = 0;
  auto one = [&](auto row) {
    Value v = op->getOperand(i++);
    if (gradients.wants(v))
      gradients.add(v, row(g, y, a, b, c).value);
  };
  (one(rows), ...);
  return success();
}

template <typename Op> struct Model;

#define ROW(FORMULA)                                                           \
  [](E g, E y, E a, E b, E c) -> E {                                           \
    (void)g, (void)y, (void)a, (void)b, (void)c;                               \
    return FORMULA;                                                            \
  }
#define MODEL(DIALECT, OP, ...)                                                \
  template <>                                                                  \
  struct Model<DIALECT::OP>                                                    \
      : DifferentiableOpInterface::ExternalModel<Model<DIALECT::OP>,           \
                                                 DIALECT::OP> {                \
    LogicalResult buildGradient(Operation *op, Gradients &gradients) const {   \
      return buildRows(op, gradients, __VA_ARGS__);                            \
    }                                                                          \
  };
#define UNARY(DIALECT, OP, DA) MODEL(DIALECT, OP, ROW((DA)))
#define BINARY(DIALECT, OP, DA, DB) MODEL(DIALECT, OP, ROW((DA)), ROW((DB)))
#define TERNARY(DIALECT, OP, DA, DB, DC)                                       \
  MODEL(DIALECT, OP, ROW((DA)), ROW((DB)), ROW((DC)))
#define FLAT(DIALECT, OP)                                                      \
  template <>                                                                  \
  struct Model<DIALECT::OP>                                                    \
      : DifferentiableOpInterface::ExternalModel<Model<DIALECT::OP>,           \
                                                 DIALECT::OP> {                \
    LogicalResult buildGradient(Operation *, Gradients &) const {              \
      return success();                                                        \
    }                                                                          \
  };
#include "prec/Autodiff/Derivatives.def"

/// An operation whose rule is a function.
template <typename Op, void (*rule)(Op, E, Gradients &)>
struct FunctionModel
    : DifferentiableOpInterface::ExternalModel<FunctionModel<Op, rule>, Op> {
  LogicalResult buildGradient(Operation *op, Gradients &gradients) const {
    E g(gradients.builder, op->getLoc(), gradients.lookup(op->getResult(0)));
    rule(cast<Op>(op), g, gradients);
    return success();
  }
};

void selectRule(arith::SelectOp op, E g, Gradients &gradients) {
  E condition = g.with(op.getCondition());
  if (gradients.wants(op.getTrueValue()))
    gradients.add(op.getTrueValue(), select(condition, g, zero(g)).value);
  if (gradients.wants(op.getFalseValue()))
    gradients.add(op.getFalseValue(), select(condition, zero(g), g).value);
}

template <typename Op, typename Back>
void castRule(Op op, E g, Gradients &gradients) {
  gradients.add(op.getIn(), Back::create(gradients.builder, op.getLoc(),
                                         op.getIn().getType(), g.value));
}

/// d a^n / da = n a^(n-1) for an integer n, and 0 where n = 0.
void integerPowerRule(math::FPowIOp op, E g, Gradients &gradients) {
  OpBuilder &b = gradients.builder;
  Location loc = op.getLoc();
  Value n = op.getRhs();
  Type type = n.getType();
  auto integer = [&](int64_t x) -> Value {
    Attribute scalar = b.getIntegerAttr(getElementTypeOrSelf(type), x);
    TypedAttr attr = cast<TypedAttr>(scalar);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attr = DenseElementsAttr::get(shaped, scalar);
    return arith::ConstantOp::create(b, loc, attr);
  };
  Value less = arith::SubIOp::create(b, loc, n, integer(1));
  E lower = g.with(math::FPowIOp::create(b, loc, op.getLhs(), less));
  E factor = g.with(arith::SIToFPOp::create(b, loc, op.getType(), n));
  E isZero = g.with(
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, n, integer(0)));
  gradients.add(op.getLhs(),
                select(isZero, zero(g), g * (factor * lower)).value);
}

struct SincosModel
    : DifferentiableOpInterface::ExternalModel<SincosModel, math::SincosOp> {
  LogicalResult buildGradient(Operation *op, Gradients &gradients) const {
    auto sincos = cast<math::SincosOp>(op);
    E sin(gradients.builder, op->getLoc(), sincos.getSin());
    E cos = sin.with(sincos.getCos());
    if (Value g = gradients.lookup(cos.value))
      gradients.add(sincos.getOperand(), (-(sin.with(g) * sin)).value);
    if (Value g = gradients.lookup(sin.value))
      gradients.add(sincos.getOperand(), (sin.with(g) * cos).value);
    return success();
  }
};

/// What the attribute `grad` says; without it straight-through.
void roundRule(RoundOp op, E g, Gradients &gradients) {
  auto word = op->getAttrOfType<StringAttr>(gradAttrName);
  if (word && word.getValue() == "zero")
    return;
  if (word && word.getValue() == "clipped") {
    OpBuilder &b = gradients.builder;
    Block *block = b.getInsertionBlock();
    size_t before = std::distance(block->begin(), b.getInsertionPoint());
    E x = g.with(op.getOperand());
    auto limit = [&](bool isLowest) {
      return x.splat(limitOf(b, op, isLowest));
    };
    E isInside = compare(P::OGE, x, limit(/*isLowest=*/true)) &&
                 compare(P::OLE, x, limit(/*isLowest=*/false));
    g = select(isInside, g, zero(g));
    for (auto op = std::next(block->begin(), before);
         op != b.getInsertionPoint(); ++op)
      op->setAttr(sitelessAttrName, b.getUnitAttr());
  }
  gradients.add(op.getOperand(), g.value);
}
} // namespace

void mlir::prec::registerScalarRules(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
#define arith_ROW(OP) arith::OP::attachInterface<Model<arith::OP>>(*context);
#define math_ROW(OP)
#define UNARY(DIALECT, OP, DA) DIALECT##_ROW(OP)
#define BINARY(DIALECT, OP, DA, DB) DIALECT##_ROW(OP)
#define TERNARY(DIALECT, OP, DA, DB, DC) DIALECT##_ROW(OP)
#define FLAT(DIALECT, OP) DIALECT##_ROW(OP)
#include "prec/Autodiff/Derivatives.def"
#undef arith_ROW
#undef math_ROW
    arith::SelectOp::attachInterface<
        FunctionModel<arith::SelectOp, selectRule>>(*context);
    arith::ExtFOp::attachInterface<
        FunctionModel<arith::ExtFOp, castRule<arith::ExtFOp, arith::TruncFOp>>>(
        *context);
    arith::TruncFOp::attachInterface<FunctionModel<
        arith::TruncFOp, castRule<arith::TruncFOp, arith::ExtFOp>>>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *) {
#define arith_ROW(OP)
#define math_ROW(OP) math::OP::attachInterface<Model<math::OP>>(*context);
#define UNARY(DIALECT, OP, DA) DIALECT##_ROW(OP)
#define BINARY(DIALECT, OP, DA, DB) DIALECT##_ROW(OP)
#define TERNARY(DIALECT, OP, DA, DB, DC) DIALECT##_ROW(OP)
#define FLAT(DIALECT, OP) DIALECT##_ROW(OP)
#include "prec/Autodiff/Derivatives.def"
#undef arith_ROW
#undef math_ROW
    math::FPowIOp::attachInterface<
        FunctionModel<math::FPowIOp, integerPowerRule>>(*context);
    math::SincosOp::attachInterface<SincosModel>(*context);
  });
  registry.addExtension(+[](MLIRContext *context, PrecDialect *) {
    RoundOp::attachInterface<FunctionModel<RoundOp, roundRule>>(*context);
  });
}
