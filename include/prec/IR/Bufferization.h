// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One-shot bufferisation of prec.round, and its expansion into loops' bodies.
#ifndef PREC_IR_BUFFERIZATION_H
#define PREC_IR_BUFFERIZATION_H

#include "prec/IR/PrecDialect.h"

namespace mlir {
class RewriterBase;
namespace linalg {
class GenericOp;
}
namespace bufferization {
class BufferizableOpInterface;
}
} // namespace mlir

namespace mlir::prec {

/// Attaches BufferizableOpInterface to `prec.round`.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

/// How to round, without saying what.
struct RoundSpec {
  FormatAttr format;
  ModeAttr mode;
  SiteAttr site;
  SmallVector<Value> parameters;
  /// The call's key in stochastic modes, else null.
  Value key;
  /// Is an element's word that of its bits, not of its position?
  bool isByValue = false;
};

/// Writes a rounding of a tensor or memref `source` as an elementwise
/// linalg.generic into `destination` (of the same shape and kind, or the same
/// memref) whose body rounds one scalar; in stochastic modes with the random
/// word of the element's row-major position, or of its bits.
linalg::GenericOp buildElementwiseRound(OpBuilder &builder, Location loc,
                                        const RoundSpec &spec, Value source,
                                        Value destination);

/// The bits of an f32 or f64, or of a vector of them, as a position.
Value positionOfValue(OpBuilder &builder, Location loc, Value value);

/// The spec of a tensor's rounding.
RoundSpec specOf(RoundOp round);

/// The row-major position of `indices` (values of index type) in a space of
/// the given extents: i32 when all extents are static and the space has at
/// most 2^32 elements, else i64. `extents` holds a value or a constant for
/// each dimension.
Value buildPosition(OpBuilder &builder, Location loc, ValueRange indices,
                    ArrayRef<OpFoldResult> extents);

} // namespace mlir::prec

#endif // PREC_IR_BUFFERIZATION_H
