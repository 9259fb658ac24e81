// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which values hold numbers of few fraction bits only, since they were rounded.
#ifndef PREC_LIB_CODEGEN_SHORTVALUES_H
#define PREC_LIB_CODEGEN_SHORTVALUES_H

#include "prec/IR/PrecDialect.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::prec {

/// Numbers of a format as `round` rounds to.
class ShortValues {
public:
  explicit ShortValues(RoundOp round) : round(round) {}

  /// Has every number of `value`, a float or a tensor of floats, at most as
  /// many fraction bits as the format? Infinities and NaNs do not count.
  bool isShort(Value value);

private:
  bool look(Value value);
  /// Is `other` to at most as many fraction bits?
  bool isAsShort(RoundOp other);

  RoundOp round;
  llvm::DenseMap<Value, bool> known;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_SHORTVALUES_H
