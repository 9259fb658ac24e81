// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which element of an operand an index in a linalg body speaks of.
#ifndef PREC_LIB_CODEGEN_COORDINATES_H
#define PREC_LIB_CODEGEN_COORDINATES_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Value.h"

namespace mlir::prec {

/// A result of an indexing map and what has to be added to it.
struct Coordinate {
  unsigned result;
  int64_t offset;
};

/// The coordinate of an operand, read by `map`, that an index value in the body
/// is: sums and multiples of linalg.index by constants are looked through.
std::optional<Coordinate> coordinateOf(Value value, AffineMap map);

} // namespace mlir::prec

#endif // PREC_LIB_CODEGEN_COORDINATES_H
