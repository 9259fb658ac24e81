// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A function that training and evaluation call, compiled or not.
#ifndef PREC_EXECUTION_CALLABLE_H
#define PREC_EXECUTION_CALLABLE_H

#include "prec/Execution/Engine.h"
#include "prec/Execution/Signature.h"
#include <functional>
#include <vector>

namespace mlir::prec {

/// `step` is the number that schedules and random bits see.
struct Callable {
  Signature signature;
  std::function<llvm::Expected<std::vector<Tensor>>(
      llvm::ArrayRef<Tensor *> arguments, uint32_t step)>
      call;
};

/// A compiled function with this context. The slot named `stepSlot`, if the
/// function has it, becomes the step in each call.
Callable makeCallable(Function function, std::vector<int32_t> context,
                      llvm::StringRef stepSlot = "step");

} // namespace mlir::prec

#endif // PREC_EXECUTION_CALLABLE_H
