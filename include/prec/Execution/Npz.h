// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's archives: a zip file with one .npy file for each array.
//
// Stored and deflated members are read (numpy.savez, numpy.savez_compressed);
// a member's name loses its ending .npy, and need not have one. Members are
// written stored, with a fixed date, so equal arrays give equal files. Errors:
// not a zip file, a member whose checksum is wrong, that is encrypted, that is
// no .npy file, or whose name stands twice.
#ifndef PREC_EXECUTION_NPZ_H
#define PREC_EXECUTION_NPZ_H

#include "prec/Execution/Files.h"
#include "prec/Execution/Tensor.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::prec {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Reads all arrays in the file's order; "-" is standard input.
llvm::Expected<std::vector<NamedTensor>> readNpz(llvm::StringRef path);

/// Names an array that somebody else owns.
struct NamedTensorRef {
  llvm::StringRef name;
  const Tensor *tensor;
};

/// Writes all arrays, whole or not at all; "-" is standard output.
llvm::Error writeNpz(llvm::StringRef path,
                     llvm::ArrayRef<NamedTensorRef> arrays,
                     Durable durable = Durable::No);

} // namespace mlir::prec

#endif // PREC_EXECUTION_NPZ_H
