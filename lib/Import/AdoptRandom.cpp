// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments that stand for random words become the words of their positions.
#include "prec/IR/Bufferization.h"
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"
#include "prec/Numerics/Random.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

/// An argument is an importer's only way to bring in what no foreign dialect
/// has: an operation of ours.
static StringAttr drawOf(func::FuncOp function, unsigned argument) {
  return function.getArgAttrOfType<StringAttr>(argument, randomAttrName);
}

/// The words of all positions of a tensor.
static Value buildWords(OpBuilder &b, Location loc, RankedTensorType type,
                        Value key) {
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> extents;
  for (int64_t size : type.getShape())
    extents.push_back(b.getIndexAttr(size));
  Value empty =
      tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType());
  return linalg::GenericOp::create(
             b, loc, type, ValueRange{}, empty,
             ArrayRef<AffineMap>{b.getMultiDimIdentityMap(rank)},
             SmallVector<utils::IteratorType>(rank,
                                              utils::IteratorType::parallel),
             [&](OpBuilder &n, Location l, ValueRange) {
               SmallVector<Value> indices;
               for (int64_t d = 0; d < rank; ++d)
                 indices.push_back(linalg::IndexOp::create(n, l, d));
               Value position = buildPosition(n, l, indices, extents);
               Value word =
                   RandomOp::create(n, l, type.getElementType(), key, position);
               linalg::YieldOp::create(n, l, word);
             })
      .getResult(0);
}

/// Appends the argument that all draws of a call have their key from.
static Value appendKeyArgument(func::FuncOp function) {
  OpBuilder b(function.getContext());
  unsigned place = function.getNumArguments();
  auto type = RankedTensorType::get({2}, b.getI32Type());
  auto words = b.getDictionaryAttr(
      {b.getNamedAttr(nameAttrName, b.getStringAttr("random")),
       b.getNamedAttr(roleAttrName, b.getStringAttr("input"))});
  (void)function.insertArgument(place, type, words, function.getLoc());
  return function.getArgument(place);
}

static LogicalResult drawWords(func::FuncOp function) {
  Value seed, step;
  llvm::BitVector drawn(function.getNumArguments());
  for (unsigned i = 0, n = drawn.size(); i < n; ++i) {
    StringAttr draw = drawOf(function, i);
    if (!draw)
      continue;
    BlockArgument argument = function.getArgument(i);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isInteger(32))
      return function.emitError("argument ")
             << i << ": random words are " << argument.getType()
             << ", expected a tensor of i32 with static sizes";
    OpBuilder b = OpBuilder::atBlockBegin(&function.front());
    Location loc = function.getLoc();
    if (!seed) {
      Value numbers = appendKeyArgument(function);
      auto number = [&](int64_t k) {
        Value index = arith::ConstantIndexOp::create(b, loc, k);
        return tensor::ExtractOp::create(b, loc, numbers, index);
      };
      seed = number(0);
      step = number(1);
    }
    b.setInsertionPointAfterValue(step);
    auto site = static_cast<int64_t>(
        hash64(std::string_view("random"), std::string_view(draw.getValue())));
    Value key = KeyOp::create(b, loc, b.getI64Type(), seed, step,
                              b.getI64IntegerAttr(site));
    argument.replaceAllUsesWith(buildWords(b, loc, type, key));
    drawn.set(i);
  }
  if (!seed)
    return success();
  drawn.resize(function.getNumArguments());
  return function.eraseArguments(drawn);
}

LogicalResult mlir::prec::drawRandomArguments(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && failed(drawWords(function)))
      return failure();
  return success();
}
