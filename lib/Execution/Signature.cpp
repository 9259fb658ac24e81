// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks the arguments of a call against a signature.
#include "prec/Execution/Signature.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Twine.h"

using namespace mlir::prec;
using llvm::createStringError;
using llvm::Error;
using llvm::Twine;

std::string mlir::prec::describeArgument(const Signature &signature,
                                         size_t index) {
  std::string text = "argument " + std::to_string(index);
  const std::string &name = signature.arguments[index].name;
  if (!name.empty())
    text += " '" + name + "'";
  return text + " of @" + signature.name;
}

Error mlir::prec::checkArguments(const Signature &signature,
                                 llvm::ArrayRef<Tensor *> arguments) {
  if (arguments.size() != signature.arguments.size())
    return createStringError("@" + signature.name + ": found " +
                             Twine(arguments.size()) + " arguments, expected " +
                             Twine(signature.arguments.size()));
  struct Sized {
    int64_t size;
    size_t argument;
    size_t dimension;
  };
  llvm::SmallDenseMap<int64_t, Sized> sizes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Tensor &tensor = *arguments[i];
    const ValueInfo &expected = signature.arguments[i];
    bool fits = isCompatible(tensor.dtype(), expected.dtype) &&
                tensor.rank() == int64_t(expected.shape.size());
    for (size_t d = 0; fits && d < expected.shape.size(); ++d)
      fits = expected.shape[d] < 0 || expected.shape[d] == tensor.shape()[d];
    if (!fits)
      return createStringError(describeArgument(signature, i) + ": found " +
                               describe(tensor) + ", expected " +
                               describe(expected));
    for (size_t d = 0; d < expected.shape.size(); ++d) {
      if (expected.shape[d] >= 0 || expected.shape[d] == kAnySize)
        continue;
      auto [entry, isNew] =
          sizes.try_emplace(expected.shape[d], Sized{tensor.shape()[d], i, d});
      if (!isNew && entry->second.size != tensor.shape()[d])
        return createStringError(
            describeArgument(signature, i) + ": found " + describe(tensor) +
            ", expected dimension " + Twine(d) + " to be " +
            Twine(entry->second.size) + " as dimension " +
            Twine(entry->second.dimension) + " of " +
            describeArgument(signature, entry->second.argument));
    }
  }
  return Error::success();
}
