// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The descriptor of a number format: which numbers are representable, and what
// becomes of the others.
#ifndef PREC_NUMERICS_FORMAT_H
#define PREC_NUMERICS_FORMAT_H

#include <cstdint>
#include <optional>
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
/// bits, 16-9 fraction bits, on both carriers), or by a name of the table of
/// formats (`bf16`, `f8e4m3fn`). With `-sat` appended it saturates: what would
/// be infinity is the largest finite number. A width may be a run-time number,
/// spelled `?`: `m?`, `e5m?`, `e?m10`, `e?m?`, `bits?`; its value comes from a
/// parameter, one for each `?` in the order of the text, and is clamped to the
/// legal range.
struct Format {
  /// How the text counts the widths.
  enum class Family : uint8_t {
    Float,    ///< both widths given
    Mantissa, ///< the exponent is the carrier's
    Word,     ///< one word width; 8 exponent bits, the rest is fraction
  };
  /// What becomes of a finite value whose rounded magnitude exceeds the
  /// largest finite number (docs/numerics.md, R-OVERFLOW).
  enum class Overflow : uint8_t {
    Ieee,     ///< infinity or the largest finite number, as the mode says
    Saturate, ///< always the largest finite number; so for infinities
  };
  enum class Infinities : uint8_t { Yes, No };
  enum class NaNs : uint8_t { Yes, No };
  enum class Subnormals : uint8_t { Kept, Flushed };

  /// The value of a width that is known at run time only.
  static constexpr int runtime = -1;

  Family family = Family::Float;
  /// Exponent bits; unused (0) for Mantissa, 8 for Word.
  int exponentBits = 8;
  /// Explicit fraction bits. For Word the fraction that remains: `bits16` has
  /// 7 here.
  int fractionBits = 23;
  /// Added to IEEE's exponent bias 2^(exponentBits-1) - 1.
  int biasOffset = 0;
  Overflow overflow = Overflow::Ieee;
  Infinities infinities = Infinities::Yes;
  NaNs nans = NaNs::Yes;
  Subnormals subnormals = Subnormals::Kept;
  bool hasNegativeZero = true;
  /// IEEE's last exponent, whose codes are infinity and NaNs. Formats that
  /// count with it give only `reservedTopCodes` of its codes away (f8e4m3fn: 1,
  /// its NaN).
  bool reservesLastExponent = true;
  uint8_t reservedTopCodes = 0;

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

  /// Reads the spelling; on failure the text in `error` (if not null) says
  /// what was found, the legal words and the nearest one.
  static std::optional<Format> parse(std::string_view text,
                                     std::string *error = nullptr);
  /// Canonical text, which parses back to the same format (`bf16` is `e8m7`).
  std::string str() const;

  /// Why the carrier cannot hold every number of this format; empty if it can.
  std::string whyNotIn(Carrier carrier) const;

  /// Is a width known at run time only?
  constexpr bool isRuntime() const { return numRuntimeParameters() != 0; }
  constexpr unsigned numRuntimeParameters() const {
    return (exponentBits == runtime) + (fractionBits == runtime);
  }

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
