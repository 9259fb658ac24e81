// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operation does with floating-point values, as far as rounding cares.
#ifndef PREC_ANALYSIS_OPERATIONS_H
#define PREC_ANALYSIS_OPERATIONS_H

#include "prec/Numerics/Format.h"

#include "mlir/IR/Operation.h"

namespace mlir::prec {

/// The kinds of operation that insertion distinguishes.
enum class OpKind {
  /// Makes no f32 or f64 value (integers, narrow floats, memory effects).
  None,
  /// Each element of the result is a new number: it must be rounded.
  Compute,
  /// Each element of the result is an element of an operand, up to sign, or
  /// undefined (`tensor.empty`): rounded operands give a rounded result in the
  /// formats that `isClosed` says.
  Closed,
  /// A float constant: rounded once per call where it is used.
  Constant,
  /// A linalg operation: its body says what it computes.
  Structured,
  /// Passes values of its regions or operands on (scf, affine, cf).
  Control,
  /// A prec.round that was there before: left as its author wrote it.
  Rounded,
  /// Floats come out in a way that no rounding can follow; `why` says how.
  Refused,
};

struct Classification {
  OpKind kind;
  /// For Refused: what was found and what to do instead.
  std::string why;
  /// A result of f16, bf16 or f8, which stays as its author wrote it.
  bool isKeptNarrow = false;
};

/// Classifies by name and types; one row of a table an operation. Rounding a
/// Closed operation's result once more never changes it, so Compute is always
/// a safe answer; an operation that is not known to the table and makes floats
/// is Refused.
Classification classify(Operation *op);

/// Of an operation of kind Closed: are results in the format if all operands
/// are? Elements that only move are, in every elementwise format; a changed
/// sign may leave it (-(-128) in int8, -0 in formats without).
bool isClosed(Operation *op, const Format &format);

/// May a result of a Closed operation be an operand's negative?
bool changesSign(Operation *op);

/// Does the type hold f32 or f64 elements (scalar, vector, tensor)?
bool isCarrierLike(Type type);

/// Operations whose partial results cannot be rounded one by one: reductions
/// hidden in one operation. At elementary granularity they are refused.
bool hidesPartialResults(Operation *op);

} // namespace mlir::prec

#endif // PREC_ANALYSIS_OPERATIONS_H
