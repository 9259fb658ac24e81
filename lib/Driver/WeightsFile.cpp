// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finds the arrays of a weights file by the names of arguments.
#include "WeightsFile.h"
#include "prec/Execution/Checkpoint.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir::prec;

llvm::Expected<WeightsFile> WeightsFile::read(llvm::StringRef path) {
  WeightsFile file;
  file.path = path.str();
  llvm::Expected<std::vector<NamedTensor>> arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  if (arrays->empty() || !isCheckpoint(arrays->front())) {
    file.arrays = std::move(*arrays);
    return file;
  }
  llvm::Expected<Checkpoint> checkpoint = readCheckpoint(path);
  if (!checkpoint)
    return checkpoint.takeError();
  for (auto [name, tensor] :
       llvm::zip_equal(checkpoint->state.names, checkpoint->state.tensors))
    file.arrays.push_back({name, std::move(tensor)});
  return file;
}

llvm::Expected<const Tensor *> WeightsFile::find(const Signature &signature,
                                                 size_t argument) const {
  const ValueInfo &wanted = signature.arguments[argument];
  auto found = llvm::find_if(arrays, [&](const NamedTensor &candidate) {
    return candidate.name == wanted.name;
  });
  if (found == arrays.end())
    return nullptr;
  if (found->tensor.dtype() != wanted.dtype ||
      found->tensor.shape() != llvm::ArrayRef(wanted.shape))
    return llvm::createStringError(describeArgument(signature, argument) +
                                   ": found " + describe(found->tensor) +
                                   " in '" + path + "', expected " +
                                   describe(wanted));
  return &found->tensor;
}

llvm::Error WeightsFile::missing(const Signature &signature,
                                 size_t argument) const {
  std::string known = llvm::join(
      llvm::map_range(arrays, [](const NamedTensor &a) { return a.name; }),
      ", ");
  return llvm::createStringError(describeArgument(signature, argument) + ": '" +
                                 path +
                                 "' has no such array; it has: " + known);
}
