// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The abstract word that rounding, random bits and math functions are written
// over, and its model on machine integers.
//
// Idea: an algorithm is a template over `Ops`, an object that performs (machine
// model) or emits (code generator) one operation at a time. Rounding in tests
// and folders and rounding in generated code are then one text.
//
// A model of the concept offers
//
//   types      Word  an unsigned integer of `width` bits (or a vector of them)
//              Bit   a truth value of a comparison
//   width      32 or 64, static or a member
//   constant   Word constant(uint64_t)      truncated to the width
//   arithmetic add sub mul bitAnd bitOr bitXor shl lshr minimum maximum
//              modulo 2^width, unsigned. A shift amount is a Word and is less
//              than the width in every call made here; the model may rely on
//              it (LLVM: poison otherwise).
//   choice     Bit less(a, b), equal(a, b); Word select(Bit, a, b)
//
// Values that are known when code is emitted go through `constant`; a code
// generator is expected to fold operations on constants (createOrFold), so that
// a static format leaves only the short formula.
//
// Math functions (MathFunctions.h) need floating point as well; a model with
// width 64 offers
//
//   types      Double  an f64; Single  an f32
//   constant   Double real(double)
//   arithmetic fadd fsub fmul fdiv fma (one rounding) fsqrt, nearest-even,
//              without contraction or reassociation
//   choice     Bit fless(a, b) ordered; Double fselect(Bit, a, b)
//   casts      Word toWord(Double), Double toDouble(Word): same bits
//              Double extend(Single), Single truncate(Double): nearest-even
//
// Formats whose step is no power of two need the carrier's own arithmetic
// (CarrierOps): carrierAdd, carrierSub, carrierMul, carrierDiv on words that
// are bit patterns of floating-point numbers of the word's width, nearest-even;
// carrierMinimum and carrierMaximum, which give the second if one is a NaN;
// some formulas need conversions to words (ConversionOps), or a fused
// carrierFma, too (FusedOps).
#ifndef PREC_NUMERICS_WORD_H
#define PREC_NUMERICS_WORD_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>

namespace mlir::prec {

template <class T>
concept WordOps = requires(T ops, typename T::Word word, typename T::Bit bit) {
  { ops.width } -> std::convertible_to<unsigned>;
  { ops.constant(uint64_t()) } -> std::same_as<typename T::Word>;
  { ops.add(word, word) } -> std::same_as<typename T::Word>;
  { ops.sub(word, word) } -> std::same_as<typename T::Word>;
  { ops.mul(word, word) } -> std::same_as<typename T::Word>;
  { ops.bitAnd(word, word) } -> std::same_as<typename T::Word>;
  { ops.bitOr(word, word) } -> std::same_as<typename T::Word>;
  { ops.bitXor(word, word) } -> std::same_as<typename T::Word>;
  { ops.shl(word, word) } -> std::same_as<typename T::Word>;
  { ops.lshr(word, word) } -> std::same_as<typename T::Word>;
  { ops.minimum(word, word) } -> std::same_as<typename T::Word>;
  { ops.maximum(word, word) } -> std::same_as<typename T::Word>;
  { ops.less(word, word) } -> std::same_as<typename T::Bit>;
  { ops.equal(word, word) } -> std::same_as<typename T::Bit>;
  { ops.select(bit, word, word) } -> std::same_as<typename T::Word>;
};

template <class T>
concept CarrierOps = WordOps<T> && requires(T ops, typename T::Word word) {
  { ops.carrierAdd(word, word) } -> std::same_as<typename T::Word>;
  { ops.carrierSub(word, word) } -> std::same_as<typename T::Word>;
  { ops.carrierMul(word, word) } -> std::same_as<typename T::Word>;
  { ops.carrierDiv(word, word) } -> std::same_as<typename T::Word>;
  { ops.carrierMinimum(word, word) } -> std::same_as<typename T::Word>;
  { ops.carrierMaximum(word, word) } -> std::same_as<typename T::Word>;
};

/// Where these are one operation each: the whole part of a number below
/// 2^(width-1) as a word, anything of others; the carrier's number of such a
/// word.
template <class T>
concept ConversionOps =
    CarrierOps<T> && requires(T ops, typename T::Word word) {
      { ops.wholeOf(word) } -> std::same_as<typename T::Word>;
      { ops.carrierOfWhole(word) } -> std::same_as<typename T::Word>;
    };

/// Where that is one, too: a * b + c of the carrier, rounded once.
template <class T>
concept FusedOps = ConversionOps<T> && requires(T ops, typename T::Word word) {
  { ops.carrierFma(word, word, word) } -> std::same_as<typename T::Word>;
};

template <class T>
concept MathOps =
    WordOps<T> && requires(T ops, typename T::Word word, typename T::Bit bit,
                           typename T::Double real, typename T::Single single) {
      { ops.real(double()) } -> std::same_as<typename T::Double>;
      { ops.fadd(real, real) } -> std::same_as<typename T::Double>;
      { ops.fsub(real, real) } -> std::same_as<typename T::Double>;
      { ops.fmul(real, real) } -> std::same_as<typename T::Double>;
      { ops.fdiv(real, real) } -> std::same_as<typename T::Double>;
      { ops.fma(real, real, real) } -> std::same_as<typename T::Double>;
      { ops.fsqrt(real) } -> std::same_as<typename T::Double>;
      { ops.fless(real, real) } -> std::same_as<typename T::Bit>;
      { ops.fselect(bit, real, real) } -> std::same_as<typename T::Double>;
      { ops.toWord(real) } -> std::same_as<typename T::Word>;
      { ops.toDouble(word) } -> std::same_as<typename T::Double>;
      { ops.extend(single) } -> std::same_as<typename T::Double>;
      { ops.truncate(real) } -> std::same_as<typename T::Single>;
    };

/// The model on machine integers: each operation is performed at once.
template <std::unsigned_integral T> struct MachineOps {
  using Word = T;
  using Bit = bool;
  static constexpr unsigned width = sizeof(T) * 8;

  constexpr Word constant(uint64_t value) const { return Word(value); }
  constexpr Word add(Word a, Word b) const { return a + b; }
  constexpr Word sub(Word a, Word b) const { return a - b; }
  constexpr Word mul(Word a, Word b) const { return a * b; }
  constexpr Word bitAnd(Word a, Word b) const { return a & b; }
  constexpr Word bitOr(Word a, Word b) const { return a | b; }
  constexpr Word bitXor(Word a, Word b) const { return a ^ b; }
  constexpr Word shl(Word a, Word amount) const { return a << amount; }
  constexpr Word lshr(Word a, Word amount) const { return a >> amount; }
  constexpr Word minimum(Word a, Word b) const { return std::min(a, b); }
  constexpr Word maximum(Word a, Word b) const { return std::max(a, b); }
  constexpr Bit less(Word a, Word b) const { return a < b; }
  constexpr Bit equal(Word a, Word b) const { return a == b; }
  constexpr Word select(Bit bit, Word a, Word b) const { return bit ? a : b; }

  using Real = std::conditional_t<sizeof(T) == 4, float, double>;
  static Real carrier(Word word) { return std::bit_cast<Real>(word); }
  Word carrierAdd(Word a, Word b) const {
    return std::bit_cast<Word>(carrier(a) + carrier(b));
  }
  Word carrierSub(Word a, Word b) const {
    return std::bit_cast<Word>(carrier(a) - carrier(b));
  }
  Word carrierMul(Word a, Word b) const {
    return std::bit_cast<Word>(carrier(a) * carrier(b));
  }
  Word carrierDiv(Word a, Word b) const {
    return std::bit_cast<Word>(carrier(a) / carrier(b));
  }
  Word carrierFma(Word a, Word b, Word c) const {
    return std::bit_cast<Word>(std::fma(carrier(a), carrier(b), carrier(c)));
  }
  using Whole = std::make_signed_t<T>;
  Word wholeOf(Word a) const {
    const bool fits = std::abs(carrier(a)) < std::ldexp(Real(1), width - 1);
    return fits ? Word(static_cast<Whole>(carrier(a))) : 0;
  }
  Word carrierOfWhole(Word a) const {
    return std::bit_cast<Word>(static_cast<Real>(static_cast<Whole>(a)));
  }
  Word carrierMinimum(Word a, Word b) const {
    return carrier(a) < carrier(b) ? a : b;
  }
  Word carrierMaximum(Word a, Word b) const {
    return carrier(a) > carrier(b) ? a : b;
  }

  using Double = double;
  using Single = float;
  Double real(double value) const { return value; }
  Double fadd(Double a, Double b) const { return a + b; }
  Double fsub(Double a, Double b) const { return a - b; }
  Double fmul(Double a, Double b) const { return a * b; }
  Double fdiv(Double a, Double b) const { return a / b; }
  Double fma(Double a, Double b, Double c) const { return std::fma(a, b, c); }
  Double fsqrt(Double a) const { return std::sqrt(a); }
  Bit fless(Double a, Double b) const { return a < b; }
  Double fselect(Bit bit, Double a, Double b) const { return bit ? a : b; }
  Word toWord(Double a) const
    requires(width == 64)
  {
    return std::bit_cast<Word>(a);
  }
  Double toDouble(Word a) const
    requires(width == 64)
  {
    return std::bit_cast<Double>(a);
  }
  Double extend(Single a) const { return a; }
  Single truncate(Double a) const { return static_cast<Single>(a); }
};

static_assert(CarrierOps<MachineOps<uint32_t>> &&
              MathOps<MachineOps<uint64_t>>);

} // namespace mlir::prec

#endif // PREC_NUMERICS_WORD_H
