// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The formula is as short as what is known of the format allows: operations are
// counted on a word that folds constants, as a code generator's builder does.
#include "prec/Numerics/Random.h"
#include "prec/Numerics/Rounding.h"

#include <gtest/gtest.h>

using namespace mlir::prec;
using Kind = RoundingMode::Kind;

namespace {
/// Counts operations whose operands are not all constants and that are not the
/// identity.
struct CountingOps {
  struct Word {
    bool isConstant;
    uint32_t value;
  };
  using Bit = bool;
  static constexpr unsigned width = 32;
  unsigned count = 0;
  MachineOps<uint32_t> machine;

  Word constant(uint64_t value) { return {true, uint32_t(value)}; }
  Word variable(uint32_t value) { return {false, value}; }
  Word binary(Word a, Word b, uint32_t value) {
    bool isConstant = a.isConstant && b.isConstant;
    count += !isConstant;
    return {isConstant, value};
  }
  static bool is(Word word, uint32_t value) {
    return word.isConstant && word.value == value;
  }
  Word add(Word a, Word b) {
    return is(b, 0) ? a : binary(a, b, a.value + b.value);
  }
  Word sub(Word a, Word b) {
    return is(b, 0) ? a : binary(a, b, a.value - b.value);
  }
  Word mul(Word a, Word b) { return binary(a, b, a.value * b.value); }
  Word bitAnd(Word a, Word b) { return binary(a, b, a.value & b.value); }
  Word bitOr(Word a, Word b) {
    return is(b, 0) ? a : binary(a, b, a.value | b.value);
  }
  Word bitXor(Word a, Word b) { return binary(a, b, a.value ^ b.value); }
  Word shl(Word a, Word b) {
    return is(b, 0) ? a : binary(a, b, a.value << b.value);
  }
  Word lshr(Word a, Word b) {
    return is(b, 0) ? a : binary(a, b, a.value >> b.value);
  }
  Word minimum(Word a, Word b) {
    return binary(a, b, std::min(a.value, b.value));
  }
  Word maximum(Word a, Word b) {
    return binary(a, b, std::max(a.value, b.value));
  }
  Bit less(Word a, Word b) {
    binary(a, b, 0);
    return a.value < b.value;
  }
  Bit equal(Word a, Word b) {
    binary(a, b, 0);
    return a.value == b.value;
  }
  Word select(Bit bit, Word a, Word b) {
    return binary(a, b, bit ? a.value : b.value);
  }
};
static_assert(WordOps<CountingOps>);

unsigned cost(const char *format, RoundingMode mode) {
  CountingOps ops;
  Format parsed = *Format::parse(format);
  std::vector<CountingOps::Word> runtime(parsed.numRuntimeWords(),
                                         ops.variable(5));
  auto parameters = makeRoundParameters(
      ops, parsed, Carrier::F32,
      std::span<const CountingOps::Word>(runtime.data(), runtime.size()));
  ops.count = 0; // parameters are loop invariant
  roundWord(ops, ops.variable(0x40490fdb), parameters, mode,
            ops.variable(0x12345678));
  return ops.count;
}
} // namespace

// NaN handling is three operations: and, compare, select.
TEST(Cost, Mantissa) {
  EXPECT_EQ(cost("m23", Kind::NearestEven), 3u);
  EXPECT_EQ(cost("m7", Kind::TowardZero), 3u + 1);
  EXPECT_EQ(cost("m7", Kind::Away), 3u + 2);
  EXPECT_EQ(cost("m7", Kind::NearestAway), 3u + 2);
  EXPECT_EQ(cost("m7", Kind::NearestEven), 3u + 5);
  EXPECT_EQ(cost("m7", Kind::Stochastic), 3u + 4);
  EXPECT_EQ(cost("m3", Kind::Stochastic), 3u + 5); // centred
  EXPECT_EQ(cost("m0", Kind::NearestEven), 3u + 5);
}

TEST(Cost, FullExponentIsMantissa) {
  for (const RoundingMode::Row &row : RoundingMode::table())
    for (const char *same : {"e8m7", "bits16", "bf16"})
      EXPECT_EQ(cost(same, row.kind), cost("m7", row.kind)) << row.word;
}

// Run-time widths of a full exponent add loop-invariant work only, but for the
// code that no bits may be discarded.
TEST(Cost, RuntimeMantissa) {
  EXPECT_LE(cost("m?", Kind::TowardZero), 3u + 2);
  EXPECT_LE(cost("m?", Kind::NearestEven), 3u + 9);
  EXPECT_LE(cost("bits?", Kind::NearestEven), 3u + 9);
  EXPECT_LE(cost("m?", Kind::Stochastic), 3u + 10);
}

TEST(Cost, Gradual) {
  EXPECT_LE(cost("e5m10", Kind::TowardZero), 19u);
  EXPECT_LE(cost("e5m10", Kind::NearestEven), 26u);
  EXPECT_LE(cost("e4m3", Kind::NearestEven), 26u);
  EXPECT_LE(cost("e5m10", Kind::Stochastic), 40u);
  EXPECT_LE(cost("e?m?", Kind::NearestEven), 29u);
}

TEST(Cost, RandomWord) {
  CountingOps ops;
  h32(ops, ops.variable(1), ops.variable(2), ops.variable(3));
  EXPECT_EQ(ops.count, 10u);
}
