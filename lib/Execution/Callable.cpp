// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled functions as callables.
#include "prec/Execution/Callable.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;

Callable mlir::prec::makeCallable(Function function,
                                  std::vector<int32_t> context,
                                  llvm::StringRef stepSlot) {
  Signature signature = function.signature();
  size_t slot = size_t(llvm::find_if(signature.parameters,
                                     [&](const ParameterSlot &candidate) {
                                       return candidate.name == stepSlot;
                                     }) -
                       signature.parameters.begin());
  auto call = [function = std::move(function), context = std::move(context),
               slot](llvm::ArrayRef<Tensor *> arguments, uint32_t step) {
    std::vector<int32_t> current = context;
    if (slot < current.size())
      current[slot] = int32_t(step);
    return function.call(arguments, current);
  };
  return {std::move(signature), std::move(call)};
}
