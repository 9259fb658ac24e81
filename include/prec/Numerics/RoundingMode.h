// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which of two neighbouring representable numbers a value is rounded to.
#ifndef PREC_NUMERICS_ROUNDINGMODE_H
#define PREC_NUMERICS_ROUNDINGMODE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlir::prec {

/// A rounding mode as a value: its kind, and for the stochastic ones the number
/// of random bits. Spelled `nearest-even`, `stochastic` (16 random bits),
/// `stochastic<8>`, `stochastic<?>` (1..16 bits, known at run time),
/// `stochastic<?/32>` (1..32 bits, of longer words); docs/numerics.md defines
/// each, with bias and variance.
struct RoundingMode {
  enum class Kind : uint8_t {
#define PREC_ROUNDING_MODE(kind, word, stochastic, text) kind,
#include "prec/Numerics/RoundingModes.def"
#undef PREC_ROUNDING_MODE
  };

  static constexpr unsigned defaultRandomBits = 16;
  static constexpr unsigned maxRandomBits = 32;

  Kind kind = Kind::NearestEven;
  /// 1..32 random bits for a stochastic mode, 0 for the others; the most there
  /// may be if they are known at run time.
  unsigned randomBits = 0;
  /// Is their number known at run time only?
  bool isRuntime = false;

  constexpr RoundingMode() = default;
  constexpr RoundingMode(Kind kind)
      : kind(kind), randomBits(isStochastic() ? defaultRandomBits : 0) {}
  constexpr RoundingMode(Kind kind, unsigned randomBits)
      : kind(kind), randomBits(randomBits) {}

  static constexpr RoundingMode
  runtimeStochastic(unsigned most = defaultRandomBits) {
    RoundingMode mode(Kind::Stochastic, most);
    mode.isRuntime = true;
    return mode;
  }
  /// The same with a number of random bits, clamped to the legal range.
  constexpr RoundingMode with(uint32_t bits) const {
    unsigned legal = bits < 1 ? 1 : bits < randomBits ? bits : randomBits;
    return isRuntime ? RoundingMode(kind, legal) : *this;
  }
  /// How many run-time numbers it takes.
  constexpr unsigned numRuntimeParameters() const { return isRuntime; }

  /// Does the result depend on random bits?
  constexpr bool isStochastic() const {
    return kind == Kind::Stochastic || kind == Kind::StochasticEqual;
  }
  /// Does it need more than the 16-bit half of a random word?
  constexpr bool needsWholeWord() const { return randomBits > 16; }

  /// Reads the spelling; on failure the text in `error` (if not null) says
  /// what was found, the legal words and the nearest one.
  static std::optional<RoundingMode> parse(std::string_view text,
                                           std::string *error = nullptr);
  /// Canonical text, which parses back to the same mode.
  std::string str() const;

  struct Row {
    Kind kind;
    std::string_view word;
    bool isStochastic;
    std::string_view text;
  };
  /// All kinds with spelling and one-line meaning, in the order of the enum.
  static const std::vector<Row> &table();

  constexpr bool operator==(const RoundingMode &) const = default;
};

} // namespace mlir::prec

#endif // PREC_NUMERICS_ROUNDINGMODE_H
