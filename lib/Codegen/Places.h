// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an operation was in the program, kept in its location: upstream's passes
// drop attributes, but what they make has the location of what it is made from.
#ifndef PREC_CODEGEN_PLACES_H
#define PREC_CODEGEN_PLACES_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::prec {

struct Place {
  StringRef phase, scope, role;
  StringRef word; ///< "matmul", "elementwise", "rounding", ...
};

/// The location with a place in it.
Location withPlace(Location location, const Place &place);

/// The place in a location, of several the first.
std::optional<Place> placeOf(Location location);

/// Is it a part of a rounding?
bool isRounding(Operation *op);

/// A readable name of what some operations are together, from their places:
/// "forward conv1+relu1: elementwise", "weight-gradient conv1: contraction".
/// `word`, if not empty, replaces theirs. Without places that have a scope it
/// begins with where the first stands in its file.
std::string nameOfPlaces(ArrayRef<Location> locations, StringRef word = "");

/// The same without words: what a value belongs to.
std::string nameOfOwner(Location location);

} // namespace mlir::prec

#endif // PREC_CODEGEN_PLACES_H
