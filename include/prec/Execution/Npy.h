// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NumPy's array files.
//
// Format (NumPy enhancement proposal 1; numpy.lib.format):
//
//   \x93NUMPY  major minor  length(2 bytes in version 1, else 4)  header  data
//
// where the header is a Python dictionary with the keys descr, fortran_order,
// shape. Versions 1, 2, 3 are read; version 1 is written. Big-endian data and
// Fortran order are converted. bfloat16, which NumPy does not know, is what
// ml_dtypes writes: two opaque bytes, 'V2'.
//
// Errors name the file, what was found and what was expected: not an .npy file,
// another version, a broken header, a dtype that is not in the list (object
// arrays hold Python pickles and are never read), fewer or more data bytes than
// the shape needs, a bool that is neither 0 nor 1.
#ifndef PREC_EXECUTION_NPY_H
#define PREC_EXECUTION_NPY_H

#include "prec/Execution/Tensor.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::prec {

/// Reads a file; "-" is standard input.
llvm::Expected<Tensor> readNpy(llvm::StringRef path);
/// Writes a file, whole or not at all; "-" is standard output.
llvm::Error writeNpy(llvm::StringRef path, const Tensor &tensor);

/// The same on bytes in memory; `name` is for messages.
llvm::Expected<Tensor> parseNpy(llvm::ArrayRef<uint8_t> bytes,
                                llvm::StringRef name);
/// Everything of the file before the data.
std::string npyHeader(const Tensor &tensor);

/// What the header of a file says.
struct NpyHeader {
  DType dtype = DType::F32;
  bool bigEndian = false;
  bool fortranOrder = false;
  llvm::SmallVector<int64_t, 4> shape;
  size_t dataOffset = 0;
};
llvm::Expected<NpyHeader> parseNpyHeader(llvm::ArrayRef<uint8_t> bytes,
                                         llvm::StringRef name);

} // namespace mlir::prec

#endif // PREC_EXECUTION_NPY_H
