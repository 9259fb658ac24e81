// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which formats and modes are rounded by conversions to words.
#include "prec/Numerics/GridRounding.h"

using namespace mlir::prec;

int mlir::prec::gridExponent(const Format &format) {
  MachineOps<uint64_t> ops; // where every carrier's quantum has room
  const auto p = makeFormatParameters(ops, format, Carrier::F64);
  return int(p.leastQuantum) - layoutOf(Carrier::F64).bias();
}

bool mlir::prec::hasGridRounding(const RoundFacts &facts, RoundingMode mode) {
  // 1 + T has so many bits, one of them T's half.
  constexpr unsigned mostRandomBits = 22;
  return facts.format.isGrid() && facts.carrier.width == 32 &&
         hasShifter(facts) &&
         (facts.format.isRuntime() || gridExponent(facts.format) <= 0) &&
         mode.kind != RoundingMode::Kind::NearestEven &&
         mode.randomBits <= mostRandomBits;
}

bool mlir::prec::heedsTiny(RoundingMode mode) {
  using Kind = RoundingMode::Kind;
  return mode.kind == Kind::Up || mode.kind == Kind::Down ||
         mode.kind == Kind::Away || mode.kind == Kind::ToOdd ||
         mode.kind == Kind::StochasticEqual;
}
