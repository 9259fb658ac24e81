// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A place in the user's file as one line of text.
#ifndef PREC_IR_LOCATION_H
#define PREC_IR_LOCATION_H

#include "mlir/IR/Location.h"
#include <string>

namespace mlir::prec {

/// "file.mlir:3:5"; without a file the name; of a fused location the first;
/// empty if nothing is known.
std::string describe(Location location);

} // namespace mlir::prec

#endif // PREC_IR_LOCATION_H
