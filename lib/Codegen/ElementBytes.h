// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many bytes an element takes in memory.
#ifndef PREC_CODEGEN_ELEMENTBYTES_H
#define PREC_CODEGEN_ELEMENTBYTES_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::prec {

/// An index, and what is neither integer nor float, takes 8.
inline int64_t elementBytes(Type element) {
  return element.isIntOrFloat()
             ? int64_t(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8))
             : 8;
}

} // namespace mlir::prec

#endif // PREC_CODEGEN_ELEMENTBYTES_H
