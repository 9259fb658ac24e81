// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights that a function's arguments get: what --save-weights, a checkpoint or
// an importer wrote.
#ifndef PREC_LIB_DRIVER_WEIGHTSFILE_H
#define PREC_LIB_DRIVER_WEIGHTSFILE_H

#include "prec/Execution/Npz.h"
#include "prec/Execution/Signature.h"

namespace mlir::prec {

class WeightsFile {
public:
  /// Reads a .npz, or the state of a checkpoint.
  static llvm::Expected<WeightsFile> read(llvm::StringRef path);

  /// The array of an argument's name; null if there is none. Errors: another
  /// type or shape than the argument's.
  llvm::Expected<const Tensor *> find(const Signature &signature,
                                      size_t argument) const;
  /// That the file has no array for it, and which it has.
  llvm::Error missing(const Signature &signature, size_t argument) const;

private:
  std::string path;
  std::vector<NamedTensor> arrays;
};

} // namespace mlir::prec

#endif // PREC_LIB_DRIVER_WEIGHTSFILE_H
