// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The operations that layers are made of. All tensors that depend on a sample
// have the batch as dimension 0, and no other dimension that is unknown.
#ifndef PREC_LIB_IMPORT_LAYERBUILDER_H
#define PREC_LIB_IMPORT_LAYERBUILDER_H

#include "LayerType.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::prec {

/// Builds inside a function; constants of f32, one scope at a time.
class LayerBuilder : public ImplicitLocOpBuilder {
public:
  /// An operand of `map` and the dimensions of the result it is indexed by;
  /// without dimensions it has all of them.
  struct Operand {
    Operand(Value value) : value(value) {}
    Operand(Value value, ArrayRef<int64_t> dims) : value(value), dims(dims) {}
    Value value;
    std::optional<SmallVector<int64_t>> dims;
  };
  using Body = llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)>;

  LayerBuilder(Location loc, const Layer &layer, Block *block,
               OpBuilder::Listener *listener);

  const Layer &layer;
  SmallVector<Value> inputs;
  llvm::StringMap<Value> parameters;
  /// The states' next values, when training.
  llvm::StringMap<Value> nextStates;
  /// The number of samples, if it is known at run time only.
  Value batch;
  int64_t staticBatch = ShapedType::kDynamic;
  bool isTraining = false;

  Value input(unsigned i = 0) const { return inputs[i]; }
  Value parameter(StringRef key) const { return parameters.lookup(key); }

  /// The type of a tensor of samples.
  RankedTensorType samples(ArrayRef<int64_t> sizes);
  /// A scalar constant.
  Value constant(double value);
  /// A tensor without contents; `rows` is its size where it is unknown,
  /// without it the batch.
  Value empty(RankedTensorType type, Value rows = {});
  Value filled(RankedTensorType type, double value, Value rows = {});
  /// The size of dimension 0 where it is unknown, else null.
  Value rows(Value tensor) const;

  /// One linalg.generic over the elements of the first operand, into `out`,
  /// whose elements are not read, if there is one.
  Value map(ArrayRef<Operand> operands, Body body, Value out = {});
  /// `acc = body(element, acc)` over `dims`, from `init`.
  Value reduce(Value tensor, ArrayRef<int64_t> dims, double init, Body body);
  Value sum(Value tensor, ArrayRef<int64_t> dims);
  /// The sum divided by how many there are; `dims` have known sizes, or
  /// dimension 0 is among them.
  Value mean(Value tensor, ArrayRef<int64_t> dims);

  /// rows x in times in x out.
  Value matmul(Value a, Value b);
  /// The last dimension times `weight`, plus `bias` unless it is null.
  Value affine(Value x, Value weight, Value bias);
  /// exp(x - max) over its sum, along the last dimension. Causal: row i of the
  /// last two dimensions has elements 0 to i only, zeros after them.
  Value softmax(Value x, bool isCausal = false);
  Value transpose(Value tensor, ArrayRef<int64_t> order);
  /// Samples of the same elements with other sizes.
  Value reshape(Value tensor, ArrayRef<int64_t> sizes);
  /// Joins the batch and the first `count` sizes of a sample.
  Value joinRows(Value tensor, unsigned count);
  /// The inverse: rows that are samples of `sizes` again.
  Value splitRows(Value tensor, ArrayRef<int64_t> sizes);
  /// Surrounds height and width.
  Value pad(Value tensor, ArrayRef<int64_t> padding, double value);
  /// `part` in its place in `whole`, from `offset` along dimension `axis`.
  Value insert(Value part, Value whole, int64_t axis, OpFoldResult offset);
  /// `tensor` at `place` along `axis`, a dimension that goes.
  Value element(Value tensor, int64_t axis, OpFoldResult place);
  /// 64-bit integers as linalg's named operations want them.
  DenseIntElementsAttr integers(ArrayRef<int64_t> values);
  /// How many samples there are times `others`, as a float.
  Value countAsFloat(int64_t others);
  /// Notes that dimension 0 of `tensor` is what it is in `like`.
  Value withRowsOf(Value tensor, Value like);

private:
  /// Where dimension 0 is more than the batch.
  llvm::DenseMap<Value, Value> joinedRows;
};

} // namespace mlir::prec

#endif // PREC_LIB_IMPORT_LAYERBUILDER_H
