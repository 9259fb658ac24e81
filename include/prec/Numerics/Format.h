// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The descriptor of a number format: which numbers are representable, and what
// becomes of the others.
#ifndef PREC_NUMERICS_FORMAT_H
#define PREC_NUMERICS_FORMAT_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mlir::prec {

/// The machine type that holds a rounded value.
enum class Carrier : uint8_t { F32, F64 };

/// Layout of a carrier: sign, `exponentBits`, `fractionBits` from the top.
struct CarrierLayout {
  unsigned width, exponentBits, fractionBits;
  constexpr int bias() const { return (1 << (exponentBits - 1)) - 1; }
};
constexpr CarrierLayout layoutOf(Carrier carrier) {
  return carrier == Carrier::F32 ? CarrierLayout{32, 8, 23}
                                 : CarrierLayout{64, 11, 52};
}
constexpr std::string_view nameOf(Carrier carrier) {
  return carrier == Carrier::F32 ? "f32" : "f64";
}

/// A number format as a value.
///
/// Spelled `e5m10` (5 exponent bits, 10 explicit fraction bits, IEEE layout),
/// `m7` (7 fraction bits, the carrier's exponent), `bits16` (sign, 8 exponent
/// bits, 16-9 fraction bits, on both carriers), `fixed<4,12>`, `int8`,
/// `int8<0.1>`, `posit<16,1>`, `pow2<-8,0>`, `binary8p3se`, or by a name of the
/// table of formats (`bf16`, `f8e4m3fn`). Suffixes change what happens at the
/// ends of the range: `-sat` (what would be infinity is the largest finite
/// number), `-wrap` (fixed point and integers), `-sym` (integers without their
/// lowest code), `-ftz`, `-nosub` (subnormals). A width of a float may be a
/// run-time number, spelled `?`: `m?`, `e5m?`, `e?m10`, `e?m?`, `bits?`; its
/// value comes from a parameter, one for each `?` in the order of the text, and
/// is clamped to the legal range. So may the integer bits of fixed point:
/// `fixed<?/10>` are 10 bits with the point at a run-time place, `fixed<?,?>`
/// any number of bits on both sides of it, `fixed<?/?>` a place and a number of
/// bits. And so may the bits of an integer, the exponent of its scale,
/// `int?<2^?>`, the scale itself and the zero point, `int?<?,?>`, and the
/// numbers of `binary?p?se`, `posit<?,?>`, `pow2<?,?>`, `bfp<?,?>`,
/// `mx<e?m?,?>` and `adaptivfloat<?,?>`.
///
/// Formats with a shared scale (`mxfp4`, `bfp<8,16>`, `nvfp4`,
/// `adaptivfloat<8,4>`) round whole arrays: the scale of an element depends on
/// its neighbours. They have the fields of their elements' format beside
/// `sharing`.
struct Format {
  /// How the text counts the widths.
  enum class Family : uint8_t {
    Float,    ///< both widths given
    Mantissa, ///< the exponent is the carrier's
    Word,     ///< one word width; 8 exponent bits, the rest is fraction
    P3109,    ///< width and precision, as IEEE P3109 names its floats
    Fixed,    ///< fixed<IL,FL>: whole numbers times 2^-FL
    Integer,  ///< whole numbers, times a scale
    Power,    ///< zero and powers of two
    Posit,    ///< Posit Standard (2022), any exponent size
    Sign,     ///< -1 and +1
    Exponent, ///< unsigned powers of two without zero (f8e8m0fnu)
  };
  /// What becomes of a finite value whose rounded magnitude exceeds the
  /// largest finite number (docs/numerics.md, R-OVERFLOW).
  enum class Overflow : uint8_t {
    Ieee,     ///< infinity or the largest finite number, as the mode says
    Saturate, ///< always the largest finite number; so for infinities
    Wrap,     ///< whole numbers modulo 2^width; infinities saturate
  };
  enum class Infinities : uint8_t { Yes, No };
  enum class NaNs : uint8_t { Yes, No };
  /// Flushed: rounded as if kept, then zero. Absent: no number lies between
  /// zero and the least normal number, and the mode decides.
  enum class Subnormals : uint8_t { Kept, Flushed, Absent };
  /// What elements have in common, computed where an array is rounded.
  enum class Sharing : uint8_t {
    None,     ///< nothing: each element is rounded by itself
    Exponent, ///< a power of two for each block of the last axis (OCP MX, BFP)
    TwoLevel, ///< an f8e4m3fn scale a block, an f32 scale a tensor (NVFP4)
    Bias,     ///< the exponent bias of the whole tensor (AdaptivFloat)
    Maximum,  ///< scale = greatest magnitude / greatest code, whole tensor
    Mean,     ///< scale = mean magnitude, whole tensor (binary networks)
  };
  /// The shared exponent of a block, from the exponent e of its greatest
  /// magnitude: e; e + 1 unless that is a power of two; the nearest in log2; e
  /// of the magnitude rounded to the element's fraction.
  enum class ScaleRule : uint8_t { Floor, Ceil, Round, Even };

  /// The value of a width that is known at run time only.
  static constexpr int runtime = -1;
  /// No axis.
  static constexpr int none = -1;
  static constexpr int maxAxis = 15;
  /// The same of a code, and of a number of bits that stands in its place.
  static constexpr int64_t runtimeCode = INT64_MIN;

  Family family = Family::Float;
  /// Exponent bits; unused (0) for Mantissa, 8 for Word; `es` of a posit. For
  /// Fixed without known codes the integer bits, for Integer `runtime`. 0 for
  /// P3109 of which a number is not known.
  int exponentBits = 8;
  /// Explicit fraction bits. For Word the fraction that remains: `bits16` has
  /// 7 here. For Fixed and Integer FL: a code counts 2^-FL; `runtime` if that
  /// follows from integer bits, or is a scale, known at run time only.
  int fractionBits = 23;
  /// Added to IEEE's exponent bias 2^(exponentBits-1) - 1.
  int biasOffset = 0;
  Overflow overflow = Overflow::Ieee;
  Infinities infinities = Infinities::Yes;
  NaNs nans = NaNs::Yes;
  Subnormals subnormals = Subnormals::Kept;
  bool hasNegativeZero = true;
  bool isSigned = true;
  /// IEEE's last exponent, whose codes are infinity and NaNs. Formats that
  /// count with it give only `reservedTopCodes` of its codes away (f8e4m3fn: 1,
  /// its NaN).
  bool reservesLastExponent = true;
  uint8_t reservedTopCodes = 0;

  /// Fixed, Integer: least and greatest code. Power: least and greatest
  /// exponent. Posit: 0 and the number of bits; so P3109 of which one is not
  /// known. Fixed and Integer with 0 and 0: the codes are known at run time
  /// only (`fixed<4,?>`, `int?`, `bfp<?,16>`).
  int64_t low = 0, high = 0;
  /// Grids without known codes: `fixed<?/?>`, whose second number are all bits;
  /// integers without their lowest code, `int?-sym`.
  bool countsBits = false, isBalanced = false;
  /// Integer: a code k means (k - zeroPoint) * scale; a scale of 0 is one that
  /// is known at run time only.
  int64_t zeroPoint = 0;
  double scale = 1;

  Sharing sharing = Sharing::None;
  ScaleRule scaleRule = ScaleRule::Floor;
  /// Elements of one scale; 0 is the whole array.
  int block = 0;
  /// Where said (`mxfp8-axis0`, `int8<max>-axis1`): the dimension along which
  /// blocks lie, instead of the last one; of formats with one scale for the
  /// array the dimension of which each index has a scale of its own.
  int axis = none;

  static constexpr Format ieee(int exponentBits, int fractionBits) {
    Format format;
    format.exponentBits = exponentBits;
    format.fractionBits = fractionBits;
    return format;
  }
  static constexpr Format mantissa(int fractionBits) {
    Format format = ieee(0, fractionBits);
    format.family = Family::Mantissa;
    return format;
  }
  /// All exponent codes are numbers; no infinities, no NaN.
  static constexpr Format finite(int exponentBits, int fractionBits) {
    Format format = ieee(exponentBits, fractionBits);
    format.infinities = Infinities::No;
    format.nans = NaNs::No;
    format.reservesLastExponent = false;
    return format;
  }
  /// The same with the last code given to NaN.
  static constexpr Format finiteWithNaN(int exponentBits, int fractionBits) {
    Format format = finite(exponentBits, fractionBits);
    format.nans = NaNs::Yes;
    format.reservedTopCodes = 1;
    return format;
  }
  /// The code of negative zero given to NaN.
  static constexpr Format unsignedZero(int exponentBits, int fractionBits,
                                       int biasOffset) {
    Format format = finite(exponentBits, fractionBits);
    format.nans = NaNs::Yes;
    format.hasNegativeZero = false;
    format.biasOffset = biasOffset;
    return format;
  }
  /// The study's word of `bits` bits (>= 9), or `runtime`.
  static constexpr Format word(int bits) {
    Format format = ieee(8, bits == runtime ? runtime : bits - 9);
    format.family = Family::Word;
    return format;
  }
  /// IEEE P3109: `width` bits, of which `precision` count the implied one.
  static constexpr Format p3109(int width, int precision, bool isSigned,
                                bool isExtended) {
    int exponentBits = width - precision + (isSigned ? 0 : 1);
    Format format = unsignedZero(exponentBits, precision - 1, 1);
    format.family = Family::P3109;
    format.isSigned = isSigned;
    if (isExtended)
      format.infinities = Infinities::Yes;
    // Signed: NaN has the code of negative zero. Unsigned: the last code.
    format.reservedTopCodes = uint8_t(isExtended) + uint8_t(!isSigned);
    return format;
  }
  /// Codes low..high, each counting 2^-fractionBits.
  static constexpr Format grid(Family family, int64_t low, int64_t high,
                               int fractionBits) {
    Format format = finite(0, fractionBits);
    format.family = family;
    format.low = low;
    format.high = high;
    format.overflow = Overflow::Saturate;
    format.hasNegativeZero = false;
    format.isSigned = low < 0;
    return format;
  }
  static constexpr Format integer(int width, bool isSigned) {
    return isSigned ? grid(Family::Integer, -(int64_t(1) << (width - 1)),
                           (int64_t(1) << (width - 1)) - 1, 0)
                    : grid(Family::Integer, 0, (int64_t(1) << width) - 1, 0);
  }
  /// Fixed point of which one number, or both, is `runtime`.
  static constexpr Format runtimeFixed(int whole, int fraction, bool isSigned) {
    Format format = grid(Family::Fixed, 0, 0, fraction);
    format.exponentBits = whole;
    format.isSigned = isSigned;
    return format;
  }
  /// An integer of any number of bits.
  static constexpr Format runtimeInteger(bool isSigned) {
    Format format = runtimeFixed(runtime, 0, isSigned);
    format.family = Family::Integer;
    return format;
  }
  /// Width, precision or both are unknown: runtimeCode, `runtime`.
  static constexpr Format runtimeP3109(int64_t width, int precision,
                                       bool isSigned, bool isExtended) {
    Format format = p3109(8, 3, isSigned, isExtended);
    format.exponentBits = 0;
    format.fractionBits = precision == runtime ? runtime : precision - 1;
    format.high = width;
    return format;
  }
  static constexpr Format power(int64_t low, int64_t high) {
    Format format = grid(Family::Power, low, high, 0);
    format.isSigned = true;
    return format;
  }
  static constexpr Format posit(int width, int exponentBits) {
    Format format = finiteWithNaN(exponentBits, 0);
    format.family = Family::Posit;
    format.high = width;
    format.hasNegativeZero = false;
    return format;
  }
  static constexpr Format sign() {
    Format format = grid(Family::Sign, -1, 1, 0);
    return format;
  }
  static constexpr Format exponentOnly() {
    Format format = unsignedZero(8, 0, 0);
    format.family = Family::Exponent;
    format.isSigned = false;
    format.reservedTopCodes = 1;
    return format;
  }
  /// `element` with a shared scale for each `block` elements.
  static constexpr Format shared(Format element, Sharing sharing, int block,
                                 ScaleRule rule = ScaleRule::Floor) {
    element.sharing = sharing;
    element.block = block;
    element.scaleRule = rule;
    element.axis = none;
    return element;
  }

  /// Reads the spelling; on failure the text in `error` (if not null) says
  /// what was found, the legal words and the nearest one.
  static std::optional<Format> parse(std::string_view text,
                                     std::string *error = nullptr);
  /// Canonical text, which parses back to the same format (`bf16` is `e8m7`).
  std::string str() const;

  /// Why the carrier cannot hold every number of this format; empty if it can.
  std::string whyNotIn(Carrier carrier) const;

  /// Is each element rounded by itself? Others round arrays only.
  constexpr bool isElementwise() const { return sharing == Sharing::None; }
  /// What the elements of an array are in units of their scale.
  constexpr Format element() const { return shared(*this, Sharing::None, 0); }
  /// Whole numbers times a step: fixed point and integers.
  constexpr bool isGrid() const {
    return family == Family::Fixed || family == Family::Integer;
  }
  /// Is the negative of every number a number?
  constexpr bool isSymmetric() const {
    return isSigned && hasNegativeZero && isElementwise();
  }
  /// Is the magnitude of every number a number?
  constexpr bool hasMagnitudes() const {
    return isElementwise() &&
           (!isGrid() || (hasKnownCodes() && low + high >= 2 * zeroPoint));
  }
  /// Grids: are the codes, counted from the zero point, known?
  constexpr bool hasKnownCodes() const {
    return (low != 0 || high != 0) && zeroPoint != runtimeCode;
  }
  /// Grids without known codes: are the codes those of a number of bits, which
  /// one `?` gives?
  constexpr bool hasRuntimeBits() const {
    return isGrid() && low == 0 && high == 0 &&
           (family == Family::Integer || countsBits);
  }
  /// A float of which width or precision is known at run time only.
  constexpr bool isRuntimeP3109() const {
    return family == Family::P3109 && high != 0;
  }
  /// Grids of known codes: is only their place known at run time?
  constexpr bool isMoved() const {
    return isGrid() && hasKnownCodes() && fractionBits == runtime;
  }
  /// Grids: the fraction bits of a float format whose numbers up to the
  /// greatest magnitude are equally spaced.
  int gridFractionBits() const;
  /// Is the scale a power of two?
  bool hasPlainScale() const;
  /// The same of one that a `?` gives as its exponent.
  bool hasPowerStep() const;
  /// Grids of a number of bits known at run time only: how many they may be, so
  /// that quotients and codes are exact.
  int mostRuntimeBits(CarrierLayout carrier) const;
  /// Bits of a code; for Mantissa those of the carrier's sign and exponent
  /// count too.
  int width(Carrier carrier) const;

  /// Is a number known at run time only?
  constexpr bool isRuntime() const { return numRuntimeParameters() != 0; }
  /// One for each `?` of the text.
  constexpr unsigned numRuntimeParameters() const {
    return (exponentBits == runtime) + (fractionBits == runtime) +
           (block == runtime) + (low == runtimeCode) + (high == runtimeCode) +
           (zeroPoint == runtimeCode) + hasRuntimeScale();
  }
  /// Words of 32 bits that these take: a real number has two.
  constexpr unsigned numRuntimeWords() const {
    return numRuntimeParameters() + hasRuntimeScale();
  }
  constexpr bool hasRuntimeScale() const { return scale == 0; }

  /// What a `?` stands for.
  struct RuntimeNumber {
    std::string_view what;
    /// Values outside mean the nearest that is legal.
    double low, high;
    /// A real number travels as the bits of an f64, the high word first; others
    /// as whole numbers of 32 bits in two's complement.
    bool isReal = false;
  };
  /// In the order of the text.
  std::vector<RuntimeNumber> runtimeNumbers() const;
  /// The format with a written number in the place of each `?`, within the
  /// legal range; none if there is no such text (`fixed<?/10>` with -3 integer
  /// bits), which `error` then says.
  std::optional<Format> with(std::span<const double> numbers, Carrier carrier,
                             std::string *error = nullptr) const;

  struct Name {
    std::string_view word;
    std::string_view canonical;
    std::string_view text;
  };
  /// The names (aliases) of the table of formats, with their meaning.
  static const std::vector<Name> &names();
  /// The legal spellings that are patterns, not words, in a line for messages.
  static std::string_view patterns();

  constexpr bool operator==(const Format &) const = default;
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_FORMAT_H
