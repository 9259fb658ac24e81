// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What holds of all numbers of a value, found by going back to where they come
// from: through linalg bodies, choices, changes of a sign, paddings, slices and
// reshapes.
#ifndef PREC_LIB_CODEGEN_TRACEDPROPERTY_H
#define PREC_LIB_CODEGEN_TRACEDPROPERTY_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace mlir::prec {

class TracedProperty {
public:
  virtual ~TracedProperty() = default;

protected:
  /// Does it hold of every number of `value`, a float or a tensor of floats?
  bool holds(Value value);
  bool holdsOfOperands(Operation *op);
  /// Of the numbers that `op` makes; nothing if it only moves or chooses
  /// them or changes signs.
  virtual std::optional<bool> decide(Operation *op) = 0;

private:
  bool look(Value value);
  llvm::DenseMap<Value, bool> known;
};

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_TRACEDPROPERTY_H
