// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model of the abstract word that emits arith operations.
#include "prec/Codegen/ArithOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::prec;
using Word = ArithOps::Word;
using Bit = ArithOps::Bit;
using Double = ArithOps::Double;

static_assert(CarrierOps<ArithOps> && MathOps<ArithOps>);

ArithOps::ArithOps(OpBuilder &builder, Location loc, unsigned width, Type like)
    : width(width), builder(builder), loc(loc),
      vectorLike(dyn_cast<VectorType>(like)) {
  integerType = shaped(builder.getIntegerType(width));
  floatType = shaped(width == 32 ? Type(builder.getF32Type())
                                 : Type(builder.getF64Type()));
}

Type ArithOps::shaped(Type element) const {
  if (!vectorLike)
    return element;
  return VectorType::get(vectorLike.getShape(), element,
                         vectorLike.getScalableDims());
}

// --- constants

static uint64_t onesOf(unsigned width) {
  return width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
}

Word ArithOps::constant(uint64_t bits) const {
  return {bits & onesOf(width), {}};
}

Value ArithOps::constantOf(TypedAttr scalar) {
  Value &known = constants[scalar];
  if (!known) {
    TypedAttr attribute = scalar;
    if (vectorLike)
      attribute = DenseElementsAttr::get(vectorLike.clone(scalar.getType()),
                                         Attribute(scalar));
    known = arith::ConstantOp::create(builder, loc, attribute);
  }
  return known;
}

Value ArithOps::integer(Word word) {
  if (!word.isConstant())
    return word.value;
  return constantOf(
      IntegerAttr::get(builder.getIntegerType(width), APInt(width, word.bits)));
}

Value ArithOps::value(Bit bit) {
  return bit.isConstant() ? constantOf(builder.getBoolAttr(bit.bit))
                          : bit.value;
}

Value ArithOps::value(Double real) {
  return real.isConstant() ? constantOf(builder.getF64FloatAttr(real.real))
                           : real.value;
}

/// What the machine model gives for constants, truncated to the width.
#define FOLD(operation)                                                        \
  if (a.isConstant() && b.isConstant()) {                                      \
    if (width == 32)                                                           \
      return constant(MachineOps<uint32_t>().operation(a.bits, b.bits));       \
    return constant(MachineOps<uint64_t>().operation(a.bits, b.bits));         \
  }

static bool is(Word word, uint64_t bits) {
  return word.isConstant() && word.bits == bits;
}

// --- integers

template <class Op> Word ArithOps::emit(Word a, Word b) {
  return {0, Op::create(builder, loc, integer(a), integer(b))};
}

Word ArithOps::add(Word a, Word b) {
  FOLD(add)
  if (is(a, 0))
    return b;
  if (is(b, 0))
    return a;
  return emit<arith::AddIOp>(a, b);
}

Word ArithOps::sub(Word a, Word b) {
  FOLD(sub)
  if (is(b, 0))
    return a;
  return emit<arith::SubIOp>(a, b);
}

Word ArithOps::mul(Word a, Word b) {
  FOLD(mul)
  if (is(a, 1))
    return b;
  if (is(b, 1))
    return a;
  return emit<arith::MulIOp>(a, b);
}

Word ArithOps::bitAnd(Word a, Word b) {
  FOLD(bitAnd)
  if (is(a, 0) || is(b, 0))
    return constant(0);
  if (is(a, onesOf(width)))
    return b;
  if (is(b, onesOf(width)))
    return a;
  return emit<arith::AndIOp>(a, b);
}

Word ArithOps::bitOr(Word a, Word b) {
  FOLD(bitOr)
  if (is(a, 0))
    return b;
  if (is(b, 0))
    return a;
  return emit<arith::OrIOp>(a, b);
}

Word ArithOps::bitXor(Word a, Word b) {
  FOLD(bitXor)
  if (is(a, 0))
    return b;
  if (is(b, 0))
    return a;
  return emit<arith::XOrIOp>(a, b);
}

Word ArithOps::shl(Word a, Word b) {
  FOLD(shl)
  return is(b, 0) || is(a, 0) ? a : emit<arith::ShLIOp>(a, b);
}

Word ArithOps::lshr(Word a, Word b) {
  FOLD(lshr)
  return is(b, 0) || is(a, 0) ? a : emit<arith::ShRUIOp>(a, b);
}

Word ArithOps::minimum(Word a, Word b) {
  FOLD(minimum)
  return emit<arith::MinUIOp>(a, b);
}

Word ArithOps::maximum(Word a, Word b) {
  FOLD(maximum)
  return emit<arith::MaxUIOp>(a, b);
}

Bit ArithOps::less(Word a, Word b) {
  if (a.isConstant() && b.isConstant())
    return {a.bits < b.bits, {}};
  return {false, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                       integer(a), integer(b))};
}

Bit ArithOps::equal(Word a, Word b) {
  if (a.isConstant() && b.isConstant())
    return {a.bits == b.bits, {}};
  return {false, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       integer(a), integer(b))};
}

Word ArithOps::select(Bit bit, Word a, Word b) {
  if (bit.isConstant())
    return bit.bit ? a : b;
  if (a.isConstant() && b.isConstant() && a.bits == b.bits)
    return a;
  return {0, arith::SelectOp::create(builder, loc, value(bit), integer(a),
                                     integer(b))};
}

// --- the carrier's arithmetic

template <class Op> Word ArithOps::emitCarrier(Word a, Word b) {
  Value result = Op::create(builder, loc, floating(a), floating(b));
  return {0, arith::BitcastOp::create(builder, loc, integerType, result)};
}

Word ArithOps::carrierAdd(Word a, Word b) {
  FOLD(carrierAdd)
  return emitCarrier<arith::AddFOp>(a, b);
}
Word ArithOps::carrierSub(Word a, Word b) {
  FOLD(carrierSub)
  return emitCarrier<arith::SubFOp>(a, b);
}
Word ArithOps::carrierMul(Word a, Word b) {
  FOLD(carrierMul)
  return emitCarrier<arith::MulFOp>(a, b);
}
Word ArithOps::carrierDiv(Word a, Word b) {
  FOLD(carrierDiv)
  return emitCarrier<arith::DivFOp>(a, b);
}

Word ArithOps::carrierFma(Word a, Word b, Word c) {
  Value result =
      math::FmaOp::create(builder, loc, floating(a), floating(b), floating(c));
  return {0, arith::BitcastOp::create(builder, loc, integerType, result)};
}

/// A poison lane of what does not fit is not chosen.
Word ArithOps::wholeOf(Word a) {
  return {0, arith::FPToSIOp::create(builder, loc, integerType, floating(a))};
}
Word ArithOps::carrierOfWhole(Word a) {
  Value made = arith::SIToFPOp::create(builder, loc, floatType, integer(a));
  return {0, arith::BitcastOp::create(builder, loc, integerType, made)};
}

/// One instruction of x86, which has these semantics.
Word ArithOps::chooseCarrier(bool isLess, Word a, Word b) {
  Value first = floating(a), second = floating(b);
  Value isFirst = arith::CmpFOp::create(builder, loc,
                                        isLess ? arith::CmpFPredicate::OLT
                                               : arith::CmpFPredicate::OGT,
                                        first, second);
  Value result = arith::SelectOp::create(builder, loc, isFirst, first, second);
  return {0, arith::BitcastOp::create(builder, loc, integerType, result)};
}
Word ArithOps::carrierMinimum(Word a, Word b) {
  FOLD(carrierMinimum)
  return chooseCarrier(true, a, b);
}
Word ArithOps::carrierMaximum(Word a, Word b) {
  FOLD(carrierMaximum)
  return chooseCarrier(false, a, b);
}

// --- floating point

template <class Op> Double ArithOps::emitReal(Double a, Double b) {
  return {0, Op::create(builder, loc, value(a), value(b))};
}

Double ArithOps::fadd(Double a, Double b) {
  return emitReal<arith::AddFOp>(a, b);
}
Double ArithOps::fsub(Double a, Double b) {
  return emitReal<arith::SubFOp>(a, b);
}
Double ArithOps::fmul(Double a, Double b) {
  return emitReal<arith::MulFOp>(a, b);
}
Double ArithOps::fdiv(Double a, Double b) {
  return emitReal<arith::DivFOp>(a, b);
}
Double ArithOps::fma(Double a, Double b, Double c) {
  return {0, math::FmaOp::create(builder, loc, value(a), value(b), value(c))};
}
Double ArithOps::fsqrt(Double a) {
  return {0, math::SqrtOp::create(builder, loc, value(a))};
}

Bit ArithOps::fless(Double a, Double b) {
  return {false, arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT,
                                       value(a), value(b))};
}

Double ArithOps::fselect(Bit bit, Double a, Double b) {
  if (bit.isConstant())
    return bit.bit ? a : b;
  return {
      0, arith::SelectOp::create(builder, loc, value(bit), value(a), value(b))};
}

// --- casts

Word ArithOps::toWord(Double a) {
  if (a.isConstant())
    return constant(std::bit_cast<uint64_t>(a.real));
  return word(a.value);
}

Double ArithOps::toDouble(Word a) {
  if (a.isConstant())
    return real(std::bit_cast<double>(a.bits));
  return {0, floating(a)};
}

Double ArithOps::extend(Single a) {
  return {0,
          arith::ExtFOp::create(builder, loc, shaped(builder.getF64Type()), a)};
}

ArithOps::Single ArithOps::truncate(Double a) {
  return arith::TruncFOp::create(builder, loc, shaped(builder.getF32Type()),
                                 value(a));
}

Word ArithOps::word(Value value) {
  APInt bits;
  if (matchPattern(value, m_ConstantInt(&bits)))
    return constant(bits.zextOrTrunc(64).getZExtValue());
  if (vectorLike && !isa<VectorType>(value.getType()))
    value = vector::BroadcastOp::create(
        builder, loc, vectorLike.clone(value.getType()), value);
  Type element = getElementTypeOrSelf(value.getType());
  if (isa<FloatType>(element))
    return {0, arith::BitcastOp::create(builder, loc, integerType, value)};
  if (isa<IndexType>(element))
    return {0, arith::IndexCastUIOp::create(builder, loc, integerType, value)};
  unsigned found = element.getIntOrFloatBitWidth();
  if (found < width)
    return {0, arith::ExtUIOp::create(builder, loc, integerType, value)};
  if (found > width)
    return {0, arith::TruncIOp::create(builder, loc, integerType, value)};
  return {0, value};
}

Value ArithOps::floating(Word word) {
  if (word.isConstant()) {
    const auto &semantics =
        width == 32 ? APFloat::IEEEsingle() : APFloat::IEEEdouble();
    Type type = getElementTypeOrSelf(floatType);
    return constantOf(
        FloatAttr::get(type, APFloat(semantics, APInt(width, word.bits))));
  }
  return arith::BitcastOp::create(builder, loc, floatType, word.value);
}
