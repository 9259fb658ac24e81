// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which operation made the first number that is not finite.
//
// A function gets one result more, a tensor of i32 with an element for each of
// its float values at the level of its body, arguments included: 0 if all its
// numbers are finite, 1 if there is an infinity, 2 if there is a NaN. Nothing
// else changes, and since the order of operations is part of the program, the
// other results keep their bits.
//
// From such a call, `trace` walks back: from the last result that is not finite
// (the loss, in a training step), else the first one, to the operand that is
// worst, of equals the one that is computed first, until no operand has a
// number that is not finite. Constants count as finite: the infinity that a
// maximum begins with is meant, and so is one that an operation brings in by a
// constant of its body, to hide what lies ahead.
#ifndef PREC_TRANSFORMS_WATCHFINITE_H
#define PREC_TRANSFORMS_WATCHFINITE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>

namespace mlir::prec {

struct WatchedValue {
  /// "linalg.matmul", "linalg.generic (arith.mulf, arith.addf)"; empty for an
  /// argument.
  std::string operation;
  std::string scope, phase, role, location;
  std::optional<unsigned> argument;
  /// Whether its operation has an infinite constant inside.
  bool hasInfinity = false;
  /// The watched values that it is computed from, ascending.
  SmallVector<unsigned> operands;
};

struct FiniteWatch {
  /// In the order of the flags, which is that of the program.
  std::vector<WatchedValue> values;
  /// For each result of the function as it was: its value, if it is watched.
  SmallVector<std::optional<unsigned>> results;

  /// The value that `flags` blame; none if all results are finite.
  std::optional<unsigned> trace(ArrayRef<int32_t> flags) const;
};

/// Instruments a function of one block whose roundings are in place.
FiniteWatch watchFinite(func::FuncOp function);

} // namespace mlir::prec

#endif // PREC_TRANSFORMS_WATCHFINITE_H
