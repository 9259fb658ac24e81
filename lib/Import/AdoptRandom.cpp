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

/// The words of all positions of a tensor with these extents.
static Value buildWords(OpBuilder &b, Location loc, RankedTensorType type,
                        ArrayRef<OpFoldResult> extents, Value key) {
  int64_t rank = type.getRank();
  Value empty = tensor::EmptyOp::create(b, loc, extents, type.getElementType());
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

/// The extents of an argument of random words: those that its type leaves open
/// are whole multiples of the batch, `batches` says which. Failure: it does
/// not, or no argument has a batch.
static FailureOr<SmallVector<OpFoldResult>>
extentsOf(OpBuilder &b, Location loc, func::FuncOp function,
          RankedTensorType type, StringRef batches) {
  SmallVector<StringRef> words;
  batches.split(words, ',');
  SmallVector<OpFoldResult> extents;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      extents.push_back(b.getIndexAttr(size));
      continue;
    }
    const auto *input = llvm::find_if(function.getArguments(), [](Value v) {
      auto shaped = dyn_cast<RankedTensorType>(v.getType());
      return shaped && shaped.getRank() > 0 && shaped.isDynamicDim(0);
    });
    int64_t count = 0;
    if (dim >= words.size() || words[dim].getAsInteger(10, count) ||
        count < 1 || input == function.getArguments().end() ||
        drawOf(function, input->getArgNumber()))
      return failure();
    Value batch = tensor::DimOp::create(b, loc, *input, 0);
    Value times = arith::ConstantIndexOp::create(b, loc, count);
    extents.push_back(b.createOrFold<arith::MulIOp>(loc, batch, times));
  }
  return extents;
}

void mlir::prec::declareRunNumbers(ModuleOp module) {
  OpBuilder b(module.getBodyRegion());
  for (StringRef name : {seedParameter, stepParameter})
    if (!module.lookupSymbol(name))
      DeclareOp::create(b, module.getLoc(), b.getStringAttr(name),
                        b.getI32IntegerAttr(0), DenseI64ArrayAttr(),
                        UnitAttr());
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
    OpBuilder b = OpBuilder::atBlockBegin(&function.front());
    Location loc = function.getLoc();
    FailureOr<SmallVector<OpFoldResult>> extents = failure();
    auto batches = function.getArgAttrOfType<StringAttr>(i, batchesAttrName);
    if (type && type.getElementType().isInteger(32))
      extents =
          extentsOf(b, loc, function, type, batches ? batches.getValue() : "");
    if (failed(extents))
      return function.emitError("argument ")
             << i << ": random words are " << argument.getType()
             << ", expected a tensor of i32 with static sizes, or multiples of "
                "the batch by "
             << batchesAttrName;
    if (!seed && function->hasAttr(randomAttrName)) {
      declareRunNumbers(function->getParentOfType<ModuleOp>());
      seed = ParameterOp::create(b, loc, b.getI32Type(), seedParameter);
      step = ParameterOp::create(b, loc, b.getI32Type(), stepParameter);
    } else if (!seed) {
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
    b.setInsertionPointAfterValue(key);
    argument.replaceAllUsesWith(buildWords(b, loc, type, *extents, key));
    drawn.set(i);
  }
  if (!seed)
    return success();
  function->removeAttr(randomAttrName);
  drawn.resize(function.getNumArguments());
  return function.eraseArguments(drawn);
}

LogicalResult mlir::prec::drawRandomArguments(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && failed(drawWords(function)))
      return failure();
  return success();
}
