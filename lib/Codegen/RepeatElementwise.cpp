// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes elementwise results again in each reader where that costs less than
// writing and reading them.
//
// A normalisation is the case in point: x - mean is read by the sum of its
// squares, by the quotient and by the gradient, each of which may as well read
// x. Sums read through a reshape (their partial results): what makes the
// elements moves to its other side.
#include "ElementBytes.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_REPEATELEMENTWISE
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Cycles of a division or a root in those of an addition; about as many bytes
/// move between a register and the second cache in the time of one addition.
static constexpr double divisionCost = 10, bytesOfOperation = 1;

/// A division by a power of two is a multiplication.
static bool isScaling(Operation &op) {
  FloatAttr divisor;
  return isa<arith::DivFOp>(op) &&
         matchPattern(op.getOperand(1), m_Constant(&divisor)) &&
         divisor.getValue().getExactLog2Abs() != INT_MIN;
}

/// Operations for an element in those of an addition; nothing if one of them is
/// a rounding or takes as long as one.
static std::optional<double> costOfElement(linalg::GenericOp op) {
  double cost = 0;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<arith::ConstantOp, linalg::IndexOp>(inner))
      continue;
    if (isa<math::SqrtOp>(inner) ||
        (isa<arith::DivFOp>(inner) && !isScaling(inner)))
      cost += divisionCost;
    else if (isa<arith::ArithDialect>(inner.getDialect()) &&
             isSpeculatable(&inner) && !isa<arith::RemFOp>(inner))
      cost += 1;
    else
      return std::nullopt;
  }
  return cost;
}

/// A size that is not known counts as 64.
static double bytesOf(Value tensor) {
  constexpr int64_t assumedSize = 64;
  auto type = cast<RankedTensorType>(tensor.getType());
  auto bytes = double(elementBytes(type.getElementType()));
  for (int64_t size : type.getShape())
    bytes *= double(ShapedType::isDynamic(size) ? assumedSize : size);
  return bytes;
}

namespace {
/// An operation that reads each element of a value once, behind a reshape or
/// not.
struct Reader {
  OpOperand *use;
  Operation *reshape = nullptr;

  linalg::GenericOp consumer() const {
    return cast<linalg::GenericOp>(use->getOwner());
  }
};

struct RepeatElementwise
    : public prec::impl::RepeatElementwiseBase<RepeatElementwise> {
  void runOnOperation() override;
  bool readsOnce(OpOperand &use, Block *block) const;
  std::optional<SmallVector<Reader>> readersOf(Value value) const;
  bool isWorthIt(linalg::GenericOp op, ArrayRef<Reader> readers) const;
  bool moveBehindReshape(linalg::GenericOp copy, const Reader &reader);
  bool fuseCopy(linalg::GenericOp op, const Reader &reader);
};
} // namespace

bool RepeatElementwise::readsOnce(OpOperand &use, Block *block) const {
  auto consumer = dyn_cast<linalg::GenericOp>(use.getOwner());
  return consumer && consumer->getBlock() == block &&
         consumer.hasPureTensorSemantics() && consumer.isDpsInput(&use) &&
         consumer.getMatchingIndexingMap(&use).isPermutation();
}

/// Everything that reads `value`, or nothing if not all can take its maker in.
std::optional<SmallVector<Reader>>
RepeatElementwise::readersOf(Value value) const {
  SmallVector<Reader> readers;
  Block *block = value.getParentBlock();
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (readsOnce(use, block)) {
      readers.push_back({&use});
      continue;
    }
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
      return std::nullopt;
    for (OpOperand &next : user->getResult(0).getUses()) {
      if (!readsOnce(next, block))
        return std::nullopt;
      readers.push_back({&next, user});
    }
  }
  return readers;
}

/// Weighs the bytes that are moved less against the operations that are made
/// again.
bool RepeatElementwise::isWorthIt(linalg::GenericOp op,
                                  ArrayRef<Reader> readers) const {
  std::optional<double> cost = costOfElement(op);
  Value result = op->getResult(0);
  double own = bytesOf(result), after = 0, inputs = 0;
  for (Value input : op.getDpsInputs()) {
    if (!isa<RankedTensorType>(input.getType()))
      continue;
    double bytes = bytesOf(input);
    inputs += bytes;
    for (const Reader &reader : readers)
      if (!llvm::is_contained(reader.consumer()->getOperands(), input))
        after += bytes;
  }
  if (inputs == 0) // a fill, which costs nothing to read
    return false;
  auto count = double(readers.size());
  // Writing brings a line into the cache first.
  double saved = inputs + 2 * own + count * own - after;
  if (count == 1)
    return saved > 0;
  double each = own / double(elementBytes(getElementTypeOrSelf(result)));
  return cost && (count - 1) * *cost * bytesOfOperation * each <= saved;
}

/// The copy makes what the reader sees behind the reshape.
bool RepeatElementwise::moveBehindReshape(linalg::GenericOp copy,
                                          const Reader &reader) {
  OpBuilder builder(reader.use->getOwner());
  IRMapping map;
  map.map(reader.reshape->getOperand(0), copy->getResult(0));
  Operation *reshape = builder.clone(*reader.reshape, map);
  reader.use->set(reshape->getResult(0));
  RewritePatternSet patterns(&getContext());
  auto isOurs = [&](OpOperand *operand) {
    return operand->getOwner() == reshape;
  };
  linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, isOurs);
  linalg::populateFoldReshapeOpsByCollapsingPatterns(patterns, isOurs);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingOps);
  bool changed = false;
  (void)applyOpPatternsGreedily({reshape}, std::move(patterns), config,
                                &changed);
  auto moved = reader.use->get().getDefiningOp<linalg::GenericOp>();
  if (!moved) {
    reader.use->set(reader.reshape->getResult(0));
    return false;
  }
  // The pattern also reshapes back, for readers of the copy that there are not.
  for (Operation *user : llvm::make_early_inc_range(moved->getUsers()))
    if (isOpTriviallyDead(user))
      user->erase();
  return true;
}

bool RepeatElementwise::fuseCopy(linalg::GenericOp op, const Reader &reader) {
  linalg::GenericOp consumer = reader.consumer();
  IRRewriter rewriter(&getContext());
  rewriter.setInsertionPoint(consumer);
  auto copy = cast<linalg::GenericOp>(rewriter.clone(*op));
  if (reader.reshape) {
    if (!moveBehindReshape(copy, reader))
      return false;
  } else {
    reader.use->set(copy->getResult(0));
  }
  FailureOr<linalg::ElementwiseOpFusionResult> fused =
      linalg::fuseElementwiseOps(rewriter, reader.use);
  if (failed(fused)) {
    reader.use->set(reader.reshape ? reader.reshape->getResult(0)
                                   : op->getResult(0));
    return false;
  }
  fused->fusedOp->setDiscardableAttrs(consumer->getDiscardableAttrDictionary());
  for (Value result : consumer->getResults())
    rewriter.replaceAllUsesWith(result, fused->replacements.lookup(result));
  rewriter.eraseOp(consumer);
  ++repeated;
  return true;
}

void RepeatElementwise::runOnOperation() {
  SmallVector<Block *> blocks;
  getOperation()->walk([&](linalg::LinalgOp op) {
    if (!llvm::is_contained(blocks, op->getBlock()))
      blocks.push_back(op->getBlock());
  });
  for (Block *block : blocks)
    for (Operation *op = &block->front(); op;) {
      auto generic = dyn_cast<linalg::GenericOp>(op);
      if (generic && linalg::isElementwise(generic) &&
          generic->getNumResults() == 1 && generic.hasPureTensorSemantics())
        while (true) {
          auto readers = readersOf(generic->getResult(0));
          if (!readers || readers->empty() || !isWorthIt(generic, *readers) ||
              !fuseCopy(generic, readers->front()))
            break;
        }
      op = op->getNextNode();
    }
  IRRewriter rewriter(&getContext());
  (void)runRegionDCE(rewriter, getOperation()->getRegions());
}
