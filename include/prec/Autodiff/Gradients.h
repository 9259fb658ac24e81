// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reverse sweep: gradients of values, accumulated from the last use to the
// first.
#ifndef PREC_AUTODIFF_GRADIENTS_H
#define PREC_AUTODIFF_GRADIENTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::prec {

/// The gradients of one scalar with respect to the values of a block.
///
/// Two activity analyses keep the result small: a value gets a gradient only
/// if the scalar depends on it (the sweep goes backward from the seed), and a
/// rule is asked only for values that depend on a source (`wants`).
///
/// A value with several uses gets the sum of their contributions in the order
/// of the sweep: `((last use + second to last) + ...) + first use`, by
/// arith.addf.
///
/// Every operation built at the level of the swept block is stamped: the scope
/// of the operation whose gradient it builds (of the value's producer for a
/// sum), phase "backward", and role "weight-gradient" if the value is an
/// argument of role weight or a re-arrangement of one, else "gradient".
class Gradients {
public:
  enum class Stamp { No, Yes };

  /// Gradients with respect to `sources`, built at the builder's insertion
  /// point. `parent` is the sweep that this one is part of, for error paths.
  Gradients(OpBuilder &builder, ValueRange sources, Stamp stamp,
            Gradients *parent = nullptr);

  OpBuilder &builder;

  /// Whether a value carries a gradient to a source: it is a float or a tensor
  /// of floats and depends on a source. True may be an over-estimate.
  bool wants(Value value);

  /// The gradient accumulated so far; null is zero.
  Value lookup(Value value) const { return gradients.lookup(value); }

  /// The same with zeros in place of null.
  Value lookupOrZero(Value value);

  /// Adds a contribution. One to a value that nobody wants is dropped.
  void add(Value value, Value gradient);

  /// Goes through the operations from the last to the first.
  LogicalResult sweep(ArrayRef<Operation *> operations);

  /// Starts an error that names the operation and the path from the result
  /// to it; the caller appends the reason.
  InFlightDiagnostic error(Operation *op);

  /// Whether a value is known to be the same in every element and call.
  bool isConstant(Value value) const;
  void markConstant(Value value) { constants.insert(value); }

  /// The operation's place in the block is taken by another one.
  void replaced(Operation *op, Operation *replacement);

  /// No gradient goes to or through a value.
  void stop(Value value) { wanted[value] = false; }

  /// Stamps one operation that stands elsewhere, in a loop's body.
  void stampAs(Operation *op, Value value);

  /// Stamps what was built since the last time, for the gradient of `value`.
  void stamp(Value value);

private:
  /// How a gradient came to a value: through which use, and that one's own.
  struct Step {
    OperationName name;
    Location loc;
    StringAttr scope;
    int next;
  };

  bool dependsOnSource(Operation *op);
  void stampScoped(Value value, StringAttr scope);

  DenseMap<Value, Value> gradients;
  DenseMap<Value, bool> wanted;
  DenseSet<Value> constants;
  DenseMap<Value, int> pathOf;
  std::vector<Step> path;
  int currentStep = -1;
  Operation *current = nullptr;
  Operation *lastStamped = nullptr;
  bool stamps;
  Gradients *parent;
};

/// A zero of a float type or a tensor of zeros as large as `like`.
Value makeZero(OpBuilder &builder, Location loc, Value like);

/// A tensor of zeros (`linalg.fill`); `sizes` holds the dynamic ones.
Value makeZeros(OpBuilder &builder, Location loc, RankedTensorType type,
                ValueRange sizes = {});

/// An uninitialised tensor of `like`'s shape.
Value makeEmpty(OpBuilder &builder, Location loc, Value like);

/// Whether a type is a float, or a tensor or vector of floats.
bool carriesGradient(Type type);

} // namespace mlir::prec

#endif // PREC_AUTODIFF_GRADIENTS_H
