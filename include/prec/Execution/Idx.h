// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// IDX files, the format of MNIST and of the sets that took its place.
//
//   0 0 type dimensions   size of each dimension (4 bytes, big-endian)   data
//
// type: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64; data is big-endian and
// row-major. A gzip file is recognised by its first bytes, whatever its name.
// Errors: any header field that is not so, fewer or more bytes than the header
// needs, truncated or corrupt gzip data.
#ifndef PREC_EXECUTION_IDX_H
#define PREC_EXECUTION_IDX_H

#include "prec/Execution/Tensor.h"
#include "llvm/Support/Error.h"

namespace mlir::prec {

/// Reads a file, plain or gzip.
llvm::Expected<Tensor> readIdx(llvm::StringRef path);

/// The same on plain bytes; `name` is for messages.
llvm::Expected<Tensor> parseIdx(llvm::ArrayRef<uint8_t> bytes,
                                llvm::StringRef name);

} // namespace mlir::prec

#endif // PREC_EXECUTION_IDX_H
