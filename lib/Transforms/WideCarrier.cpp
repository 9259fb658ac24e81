// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// f32 operations and the rounding of their results, in f64.
#include "prec/Transforms/WideCarrier.h"
#include "prec/IR/Bufferization.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

/// The operations that IEEE 754 defines by their exact result.
static bool isWidened(Operation *op) {
  return isa_and_nonnull<arith::AddFOp, arith::SubFOp, arith::MulFOp,
                         arith::DivFOp, math::SqrtOp, math::FmaOp>(op) &&
         getElementTypeOrSelf(op->getResult(0).getType()).isF32();
}

static Type withElement(Type type, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

/// f64's name of a format's numbers in f32.
static Format inDouble(Format format) {
  if (format.family == Format::Family::Mantissa) {
    format.family = Format::Family::Float;
    format.exponentBits = int(layoutOf(Carrier::F32).exponentBits);
  }
  return format;
}

namespace {
class Widener {
public:
  explicit Widener(ModuleOp module) : module(module), b(module.getContext()) {}

  LogicalResult run() {
    SmallVector<RoundOp> rounds;
    module.walk([&](RoundOp round) {
      if (getElementTypeOrSelf(round.getType()).isF32())
        rounds.push_back(round);
    });
    for (RoundOp round : rounds)
      if (failed(widen(round)))
        return failure();
    for (Operation *conversion : made)
      eraseIfUnused(conversion);
    SmallVector<linalg::GenericOp> reductions;
    module.walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 && op.hasPureTensorSemantics())
        reductions.push_back(op);
    });
    for (linalg::GenericOp op : reductions)
      keepAccumulators(op);
    return success();
  }

private:
  LogicalResult widen(RoundOp round) {
    Operation *op = round.getOperand().getDefiningOp();
    if (isWidened(op)) {
      if (failed(check(round)))
        return failure();
      b.setInsertionPoint(op);
      replace(round, inDouble(op, op->getOperands()));
      eraseIfUnused(op);
      return success();
    }
    auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
    if (!structured || structured.getNumReductionLoops() > 0 ||
        !structured.hasPureTensorSemantics())
      return success();
    unsigned index = cast<OpResult>(round.getOperand()).getResultNumber();
    if (!isWidened(lastOf(structured, index)))
      return success();
    if (failed(check(round)))
      return failure();
    return widenBody(round, structured, index);
  }

  /// The operation of the body that makes a result.
  static Operation *lastOf(linalg::LinalgOp op, unsigned index) {
    Operation *last =
        op.getBlock()->getTerminator()->getOperand(index).getDefiningOp();
    return last && last->getBlock() == op.getBlock() ? last : nullptr;
  }

  static LogicalResult check(RoundOp round) {
    const Format &format = round.getFormat().getValue();
    if (!format.isElementwise())
      return round.emitError("format ")
             << format.str()
             << " shares scales, which are numbers of the carrier; "
                "--carrier=f64 expects formats that round each element by "
                "itself";
    if (!format.hasPlainScale())
      return round.emitError("the numbers of ")
             << format.str()
             << " are f32's products of a whole number and the scale; "
                "--carrier=f64 expects a scale that is a power of two";
    return success();
  }

  /// The operation on f64.
  Value inDouble(Operation *op, ValueRange operands) {
    SmallVector<Value> wide;
    for (Value operand : operands)
      wide.push_back(extended(operand));
    Type type = withElement(op->getResult(0).getType(), b.getF64Type());
    OperationState state(op->getLoc(), op->getName(), wide, type);
    return b.create(state)->getResult(0);
  }

  /// Scalars that were just rounded are taken before they became f32.
  Value extended(Value value) {
    auto truncated = value.getDefiningOp<arith::TruncFOp>();
    if (truncated && made.contains(truncated) &&
        !isa<TensorType>(value.getType()))
      return truncated.getIn();
    return b.createOrFold<arith::ExtFOp>(
        value.getLoc(), withElement(value.getType(), b.getF64Type()), value);
  }

  /// Rounds `wide` in the place of `round`.
  void replace(RoundOp round, Value wide) {
    b.setInsertionPoint(round);
    Location loc = round.getLoc();
    const Format &format = round.getFormat().getValue();
    auto rounded = RoundOp::create(
        b, loc, wide.getType(), wide, boundedParameters(round),
        wordOf(round, wide),
        FormatAttr::get(b.getContext(), ::inDouble(format)), round.getMode(),
        round.getSiteAttr(), round.getByValue());
    rounded->setDiscardableAttrs(round->getDiscardableAttrDictionary());
    auto narrow = arith::TruncFOp::create(b, loc, round.getType(), rounded);
    made.insert(narrow);
    round.replaceAllUsesWith(narrow.getResult());
    Value word = round.getRandom();
    round.erase();
    auto random = word ? word.getDefiningOp<RandomOp>() : RandomOp();
    if (random && random->use_empty()) { // it was for the f32 value
      auto bits = random.getPosition().getDefiningOp<arith::BitcastOp>();
      random.erase();
      if (bits)
        eraseIfUnused(bits);
    }
  }

  /// The random word; one for the value is for the one that is rounded now.
  Value wordOf(RoundOp round, Value wide) {
    Value word = round.getRandom();
    auto random = word ? word.getDefiningOp<RandomOp>() : RandomOp();
    if (!random)
      return word;
    auto bits = random.getPosition().getDefiningOp<arith::BitcastOp>();
    if (!bits || bits.getIn() != round.getOperand())
      return word;
    return RandomOp::create(b, round.getLoc(), word.getType(), random.getKey(),
                            positionOfValue(b, round.getLoc(), wide));
  }

  /// Run-time widths, limited to what is legal on f32.
  SmallVector<Value> boundedParameters(RoundOp round) {
    const Format &format = round.getFormat().getValue();
    SmallVector<Value> parameters(round.getParameters());
    CarrierLayout carrier = layoutOf(Carrier::F32);
    unsigned next = 0;
    auto limit = [&](unsigned bound) {
      Value &parameter = parameters[next++];
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointAfterValue(parameter);
      Value most = arith::ConstantOp::create(
          b, round.getLoc(), b.getI32IntegerAttr(int32_t(bound)));
      if (auto type = dyn_cast<VectorType>(parameter.getType()))
        most = arith::ConstantOp::create(
            b, round.getLoc(),
            DenseElementsAttr::get(type, b.getI32IntegerAttr(int32_t(bound))));
      parameter = arith::MinUIOp::create(b, round.getLoc(), parameter, most);
    };
    // Others are checked where they are inserted, or clamped alike.
    if (format.isGrid() || format.family == Format::Family::Posit ||
        format.family == Format::Family::P3109)
      return parameters;
    if (format.exponentBits == Format::runtime)
      limit(carrier.exponentBits -
            (format.subnormals == Format::Subnormals::Absent));
    if (format.fractionBits == Format::runtime)
      limit(format.family == Format::Family::Word ? carrier.width
                                                  : carrier.fractionBits);
    return parameters;
  }

  /// The linalg operation with one result more, in f64, in the place of
  /// result `index`.
  LogicalResult widenBody(RoundOp round, linalg::LinalgOp op, unsigned index) {
    IRRewriter rewriter(b.getContext());
    if (!isa<linalg::GenericOp>(op)) {
      rewriter.setInsertionPoint(op);
      auto generic = linalg::generalizeNamedOp(rewriter, op);
      if (failed(generic))
        return round.emitError("what it rounds cannot be written as "
                               "linalg.generic, which --carrier=f64 needs");
      op = cast<linalg::LinalgOp>(generic->getOperation());
    }
    b.setInsertionPoint(op);
    Location loc = op.getLoc();
    SmallVector<Value> inputs(op.getDpsInputs()), outputs(op.getDpsInits());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    BlockArgument output = op.getRegionOutputArgs()[index];
    unsigned numInputs = inputs.size();
    bool readsOutput = !output.use_empty();
    if (readsOutput) { // it has another type now
      maps.insert(maps.begin() + numInputs, maps[numInputs + index]);
      inputs.push_back(outputs[index]);
    }
    outputs[index] = tensor::EmptyOp::create(
        b, loc, tensor::getMixedSizes(b, loc, outputs[index]), b.getF64Type());
    auto wide = linalg::GenericOp::create(
        b, loc, TypeRange(ValueRange(outputs)), inputs, outputs, maps,
        op.getIteratorTypesArray(),
        [&](OpBuilder &builder, Location, ValueRange arguments) {
          IRMapping mapping;
          for (BlockArgument argument : op.getBlock()->getArguments()) {
            unsigned number = argument.getArgNumber();
            if (argument == output)
              mapping.map(argument, arguments[numInputs]);
            else
              mapping.map(
                  argument,
                  arguments[number + (number >= numInputs && readsOutput)]);
          }
          for (Operation &inner : op.getBlock()->without_terminator())
            builder.clone(inner, mapping);
          SmallVector<Value> yielded;
          for (Value value : op.getBlock()->getTerminator()->getOperands())
            yielded.push_back(mapping.lookupOrDefault(value));
          OpBuilder::InsertionGuard guard(b);
          b.restoreInsertionPoint(builder.saveInsertionPoint());
          Operation *clone = yielded[index].getDefiningOp();
          yielded[index] = inDouble(clone, clone->getOperands());
          if (llvm::count(yielded, clone->getResult(0)) == 0)
            eraseIfUnused(clone);
          linalg::YieldOp::create(b, loc, yielded);
        });
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      wide->setAttr(attribute.getName(), attribute.getValue());
    for (OpResult result : op->getResults())
      if (result.getResultNumber() != index)
        result.replaceAllUsesWith(wide.getResult(result.getResultNumber()));
    replace(round, wide.getResult(index));
    eraseIfUnused(op);
    return success();
  }

  /// Is the output only read to be extended, and what is yielded only
  /// truncated? Then it may as well be f64 from element to element.
  static bool isWideOutput(linalg::GenericOp op, unsigned index) {
    Value yielded = op.getBody()->getTerminator()->getOperand(index);
    auto truncated = yielded.getDefiningOp<arith::TruncFOp>();
    return truncated && truncated->getBlock() == op.getBody() &&
           truncated.getIn().getDefiningOp<RoundOp>() &&
           truncated.getIn().getType().isF64() &&
           llvm::all_of(op.getRegionOutputArgs()[index].getUsers(),
                        llvm::IsaPred<arith::ExtFOp>);
  }

  Value wideInit(Value init) {
    Location loc = init.getLoc();
    Type type = withElement(init.getType(), b.getF64Type());
    auto fill = init.getDefiningOp<linalg::FillOp>();
    if (!fill)
      return arith::ExtFOp::create(b, loc, type, init);
    Value empty = tensor::EmptyOp::create(
        b, loc, tensor::getMixedSizes(b, loc, init), b.getF64Type());
    Value scalar =
        b.createOrFold<arith::ExtFOp>(loc, b.getF64Type(), fill.getInputs()[0]);
    return linalg::FillOp::create(b, loc, scalar, empty).getResult(0);
  }

  /// Accumulators of a reduction stay f64 until its end.
  void keepAccumulators(linalg::GenericOp op) {
    SmallVector<unsigned> indices;
    for (unsigned i = 0; i < op.getNumDpsInits(); ++i)
      if (isWideOutput(op, i))
        indices.push_back(i);
    if (indices.empty())
      return;
    b.setInsertionPoint(op);
    SmallVector<Value> outputs(op.getDpsInits());
    for (unsigned index : indices)
      outputs[index] = wideInit(outputs[index]);
    auto wide = linalg::GenericOp::create(
        b, op.getLoc(), TypeRange(ValueRange(outputs)), op.getDpsInputs(),
        outputs, op.getIndexingMapsArray(), op.getIteratorTypesArray(),
        [&](OpBuilder &builder, Location loc, ValueRange arguments) {
          IRMapping mapping;
          mapping.map(op.getBody()->getArguments(), arguments);
          for (Operation &inner : op.getBody()->without_terminator()) {
            auto extend = dyn_cast<arith::ExtFOp>(inner);
            Value from =
                extend ? mapping.lookupOrDefault(extend.getIn()) : Value();
            if (from && from.getType().isF64())
              mapping.map(extend.getResult(), from);
            else
              builder.clone(inner, mapping);
          }
          SmallVector<Value> yielded;
          for (Value value : op.getBody()->getTerminator()->getOperands())
            yielded.push_back(mapping.lookupOrDefault(value));
          for (unsigned index : indices) {
            auto truncated = yielded[index].getDefiningOp<arith::TruncFOp>();
            yielded[index] = truncated.getIn();
            eraseIfUnused(truncated);
          }
          linalg::YieldOp::create(builder, loc, yielded);
        });
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      wide->setAttr(attribute.getName(), attribute.getValue());
    for (OpResult result : op->getResults()) {
      Value value = wide.getResult(result.getResultNumber());
      if (value.getType() != result.getType())
        value =
            arith::TruncFOp::create(b, op.getLoc(), result.getType(), value);
      result.replaceAllUsesWith(value);
    }
    op.erase();
  }

  static void eraseIfUnused(Operation *op) {
    if (op->use_empty())
      op->erase();
  }

  ModuleOp module;
  OpBuilder b;
  /// The conversions back to f32.
  llvm::SetVector<Operation *> made;
};
} // namespace

LogicalResult mlir::prec::computeInDouble(ModuleOp module) {
  return Widener(module).run();
}
