// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model of the abstract word that emits arith operations: the compiled face
// of rounding, random bits and math functions.
//
// A Word is a constant that nobody has needed as a value yet, or a value.
// Operations on constants are performed at once by the machine model, and
// neutral and absorbing constants vanish, so a static format leaves only the
// short formula; a constant becomes an arith.constant when an operation that
// remains needs it.
#ifndef PREC_CODEGEN_ARITHOPS_H
#define PREC_CODEGEN_ARITHOPS_H

#include "prec/Numerics/Word.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

/// Emits at the builder's insertion point, which must stay in one block while
/// the object lives: constants are emitted once.
class ArithOps {
public:
  struct Word {
    uint64_t bits = 0; ///< the constant, if `value` is null
    Value value;
    bool isConstant() const { return !value; }
  };
  struct Bit {
    bool bit = false;
    Value value;
    bool isConstant() const { return !value; }
  };
  struct Double {
    double real = 0;
    Value value;
    bool isConstant() const { return !value; }
  };
  using Single = Value;

  /// `width` is 32 or 64. `like` is a scalar type, or a vector type whose shape
  /// all words take.
  ArithOps(OpBuilder &builder, Location loc, unsigned width, Type like);

  unsigned width;

  Word constant(uint64_t bits) const;
  Word add(Word a, Word b);
  Word sub(Word a, Word b);
  Word mul(Word a, Word b);
  Word bitAnd(Word a, Word b);
  Word bitOr(Word a, Word b);
  Word bitXor(Word a, Word b);
  Word shl(Word a, Word amount);
  Word lshr(Word a, Word amount);
  Word minimum(Word a, Word b);
  Word maximum(Word a, Word b);
  Bit less(Word a, Word b);
  Bit equal(Word a, Word b);
  Word select(Bit bit, Word a, Word b);

  /// The carrier's arithmetic on words that are bits of floats.
  Word carrierAdd(Word a, Word b);
  Word carrierSub(Word a, Word b);
  Word carrierMul(Word a, Word b);
  Word carrierDiv(Word a, Word b);
  Word carrierFma(Word a, Word b, Word c);
  Word wholeOf(Word a);
  Word carrierOfWhole(Word a);
  Word carrierMinimum(Word a, Word b);
  Word carrierMaximum(Word a, Word b);

  Double real(double value) const { return {value, {}}; }
  Double fadd(Double a, Double b);
  Double fsub(Double a, Double b);
  Double fmul(Double a, Double b);
  Double fdiv(Double a, Double b);
  Double fma(Double a, Double b, Double c);
  Double fsqrt(Double a);
  Bit fless(Double a, Double b);
  Double fselect(Bit bit, Double a, Double b);
  Word toWord(Double a);
  Double toDouble(Word a);
  Double extend(Single a);
  Single truncate(Double a);

  /// The word of a value's bits: a float of `width` bits, or an integer of any
  /// width (zero-extended or truncated); a scalar is spread over a vector.
  Word word(Value value);
  /// The value of a word (an integer), or its bits as a float.
  Value integer(Word word);
  Value floating(Word word);
  Value value(Double real);
  Double real(Value value) const { return {0, value}; }

private:
  Type shaped(Type element) const;
  Value constantOf(TypedAttr scalar);
  Value value(Bit bit);
  template <class Op> Word emit(Word a, Word b);
  template <class Op> Word emitCarrier(Word a, Word b);
  Word chooseCarrier(bool isLess, Word a, Word b);
  template <class Op> Double emitReal(Double a, Double b);

  OpBuilder &builder;
  Location loc;
  VectorType vectorLike; ///< null for scalars
  Type integerType, floatType;
  llvm::DenseMap<Attribute, Value> constants;
};

} // namespace mlir::prec

#endif // PREC_CODEGEN_ARITHOPS_H
