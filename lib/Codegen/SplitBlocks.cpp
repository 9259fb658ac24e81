// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums that are made block by block (O-BLOCKED, as prec-insert-rounding writes
// them: two accumulators that change places where a block ends) become a loop
// over blocks.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_SPLITBLOCKS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// `total = ends ? total' : total; block = next(begins ? 0 : block)` over one
/// reduction dimension, both from the number of the element.
struct BlockedSum {
  linalg::GenericOp op;
  unsigned dim;    ///< the reduction
  int64_t size;    ///< elements of a block
  Value nextTotal; ///< of total and block
  Value restarted; ///< begins ? 0 : block
  Value nextBlock; ///< of `restarted`
};
} // namespace

static bool isZero(Value value) {
  return matchPattern(value, m_Zero()) || matchPattern(value, m_PosZeroFloat());
}

/// The element's number in `number % size == 0`.
static Value matchBegins(Value condition, Value &size) {
  auto equal = condition.getDefiningOp<arith::CmpIOp>();
  if (!equal || equal.getPredicate() != arith::CmpIPredicate::eq ||
      !isZero(equal.getRhs()))
    return {};
  auto rest = equal.getLhs().getDefiningOp<arith::RemUIOp>();
  if (!rest)
    return {};
  size = rest.getRhs();
  return rest.getLhs();
}

static bool isLater(Value condition, Value number) {
  auto differs = condition.getDefiningOp<arith::CmpIOp>();
  return differs && differs.getPredicate() == arith::CmpIPredicate::ne &&
         differs.getLhs() == number && isZero(differs.getRhs());
}

/// Each input varies along the reduction by a dimension of its own, or not.
static bool canSlice(linalg::GenericOp op, unsigned dim) {
  return llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) {
    return llvm::all_of(map.getResults(), [&](AffineExpr expr) {
      return isa<AffineDimExpr>(expr) || !expr.isFunctionOfDim(dim);
    });
  });
}

static std::optional<BlockedSum> matchBlockedSum(linalg::GenericOp op) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 2 ||
      op.getNumReductionLoops() != 1)
    return std::nullopt;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  BlockedSum sum{op, reductions[0], 0, {}, {}, {}};
  auto yield = op.getBody()->getTerminator();
  Value total = op.getRegionOutputArgs()[0],
        block = op.getRegionOutputArgs()[1];
  auto ended = yield->getOperand(0).getDefiningOp<arith::SelectOp>();
  if (!ended || ended.getFalseValue() != total)
    return std::nullopt;
  auto ends = ended.getCondition().getDefiningOp<arith::AndIOp>();
  Value size, number = ends ? matchBegins(ends.getLhs(), size) : Value();
  if (!number || !isLater(ends.getRhs(), number))
    return std::nullopt;
  auto index = number.getDefiningOp<linalg::IndexOp>();
  APInt known;
  if (!index || index.getDim() != sum.dim ||
      !matchPattern(size, m_ConstantInt(&known)))
    return std::nullopt;
  for (Operation &inner : *op.getBody()) {
    // Positions are counted from the beginning of the sum.
    auto other = dyn_cast<linalg::IndexOp>(inner);
    if (other && other != index && other.getDim() == sum.dim)
      return std::nullopt;
    auto choice = dyn_cast<arith::SelectOp>(inner);
    if (choice && choice.getCondition() == ends.getLhs() &&
        isZero(choice.getTrueValue()) && choice.getFalseValue() == block)
      sum.restarted = choice;
  }
  for (Operation *user : number.getUsers())
    if (!isa<arith::RemUIOp, arith::CmpIOp>(user))
      return std::nullopt;
  const bool isEmpty = op.getStaticLoopRanges()[sum.dim] == 0;
  if (!sum.restarted || isEmpty || !canSlice(op, sum.dim))
    return std::nullopt;
  sum.size = known.getSExtValue();
  sum.nextTotal = ended.getTrueValue();
  sum.nextBlock = yield->getOperand(1);
  return sum;
}

/// What makes `value` in `body`, copied; `mapping` has where it ends.
static Value copyValue(OpBuilder &b, Block *body, Value value,
                       IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != body)
    return value;
  for (Value operand : op->getOperands())
    if (Value copy = copyValue(b, body, operand, mapping); copy != operand)
      mapping.map(operand, copy);
  b.clone(*op, mapping);
  return mapping.lookup(value);
}

namespace {
class Splitter {
public:
  Splitter(IRRewriter &b, BlockedSum &sum)
      : b(b), sum(sum), op(sum.op), loc(op.getLoc()) {}

  void run() {
    b.setInsertionPoint(op);
    sizes = tensor::getMixedSizes(b, loc, op.getDpsInits()[1]);
    const OpFoldResult extent = extentOfSum(), size = b.getIndexAttr(sum.size);
    const std::optional<int64_t> known = getConstantIntValue(extent);
    Value total = op.getDpsInits()[0];
    Value block =
        blockSum(b.getIndexAttr(0), atMost(size, extent), zeros(nullptr));
    // What is left after the whole blocks is known or found in each round.
    const int64_t whole = known ? *known / sum.size * sum.size : 0;
    if (!known || whole > sum.size) {
      Value step = constant(sum.size);
      Value end = known ? constant(whole) : valueOf(extent);
      auto loop = scf::ForOp::create(b, loc, step, end, step, {total, block});
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value from = loop.getInductionVar();
      Value next = add(loop.getRegionIterArg(0), loop.getRegionIterArg(1));
      OpFoldResult count =
          known ? size : atMost(size, difference(extent, from));
      Value sums = blockSum(from, count, zeros(loop.getRegionIterArg(1)));
      scf::YieldOp::create(b, loc, ValueRange{next, sums});
      total = loop.getResult(0), block = loop.getResult(1);
    }
    if (known && whole > 0 && whole < *known) {
      total = add(total, block);
      block = blockSum(b.getIndexAttr(whole), b.getIndexAttr(*known - whole),
                       zeros(nullptr));
    }
    b.replaceOp(op, {total, block});
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value valueOf(OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, loc, size);
  }
  OpFoldResult extentOfSum() {
    AffineMap map;
    for (OpOperand *input : op.getDpsInputOperands()) {
      map = op.getMatchingIndexingMap(input);
      for (auto [d, expr] : llvm::enumerate(map.getResults()))
        if (expr.isFunctionOfDim(sum.dim))
          return tensor::getMixedSize(b, loc, input->get(), d);
    }
    llvm_unreachable("a reduction that no input has");
  }
  OpFoldResult difference(OpFoldResult all, Value from) {
    return arith::SubIOp::create(b, loc, valueOf(all), from).getResult();
  }
  OpFoldResult atMost(OpFoldResult size, OpFoldResult extent) {
    if (auto known = getConstantIntValue(extent))
      return b.getIndexAttr(std::min(sum.size, *known));
    return arith::MinUIOp::create(b, loc, valueOf(size), valueOf(extent))
        .getResult();
  }
  /// In memory of its own, or in that of a block that was added.
  Value zeros(Value place) {
    Type element = getElementTypeOrSelf(op.getResult(1).getType());
    if (!place)
      place = tensor::EmptyOp::create(b, loc, sizes, element);
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    return linalg::FillOp::create(b, loc, zero, place).getResult(0);
  }
  Value slice(OpOperand *input, OpFoldResult from, OpFoldResult count) {
    Value tensor = input->get();
    AffineMap map = op.getMatchingIndexingMap(input);
    if (!map.isFunctionOfDim(sum.dim))
      return tensor;
    SmallVector<OpFoldResult> extents = tensor::getMixedSizes(b, loc, tensor);
    SmallVector<OpFoldResult> offsets(extents.size(), b.getIndexAttr(0)),
        strides(extents.size(), b.getIndexAttr(1));
    for (auto [d, expr] : llvm::enumerate(map.getResults()))
      if (expr.isFunctionOfDim(sum.dim))
        offsets[d] = from, extents[d] = count;
    return tensor::ExtractSliceOp::create(b, loc, tensor, offsets, extents,
                                          strides);
  }
  /// The sum of one block, as the body makes it.
  Value blockSum(OpFoldResult from, OpFoldResult count, Value start) {
    SmallVector<Value> inputs;
    for (OpOperand *input : op.getDpsInputOperands())
      inputs.push_back(slice(input, from, count));
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps.pop_back();
    auto made = linalg::GenericOp::create(
        b, loc, start.getType(), inputs, start, maps,
        op.getIteratorTypesArray(),
        [&](OpBuilder &builder, Location, ValueRange args) {
          IRMapping mapping;
          for (auto [old, arg] :
               llvm::zip(op.getRegionInputArgs(), args.drop_back()))
            mapping.map(old, arg);
          mapping.map(sum.restarted, args.back());
          Value next = copyValue(builder, op.getBody(), sum.nextBlock, mapping);
          linalg::YieldOp::create(builder, loc, next);
        });
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      made->setAttr(attribute.getName(), attribute.getValue());
    return made.getResult(0);
  }
  /// total and block, rounded between blocks.
  Value add(Value total, Value block) {
    auto type = cast<RankedTensorType>(total.getType());
    SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(type.getRank()));
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               b, loc, type, block, total, maps, iterators,
               [&](OpBuilder &builder, Location, ValueRange args) {
                 IRMapping mapping;
                 mapping.map(op.getRegionOutputArgs()[0], args[1]);
                 mapping.map(op.getRegionOutputArgs()[1], args[0]);
                 Value next =
                     copyValue(builder, op.getBody(), sum.nextTotal, mapping);
                 linalg::YieldOp::create(builder, loc, next);
               })
        .getResult(0);
  }

  IRRewriter &b;
  BlockedSum &sum;
  linalg::GenericOp op;
  Location loc;
  SmallVector<OpFoldResult> sizes;
};

class SplitBlocks : public prec::impl::SplitBlocksBase<SplitBlocks> {
public:
  void runOnOperation() override {
    // Results go through memory between two blocks.
    constexpr int64_t fewest = 8;
    SmallVector<BlockedSum> found;
    getOperation()->walk([&](linalg::GenericOp op) {
      auto sum = matchBlockedSum(op);
      if (sum && sum->size >= fewest)
        found.push_back(*sum);
    });
    IRRewriter rewriter(&getContext());
    for (BlockedSum &sum : found) {
      Splitter(rewriter, sum).run();
      ++split;
    }
  }
};
} // namespace
