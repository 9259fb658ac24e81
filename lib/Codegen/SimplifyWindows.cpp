// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Windows of one element are none: a 1 x 1 convolution is a product.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace mlir::prec {
#define GEN_PASS_DEF_SIMPLIFYWINDOWS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Loops of one iteration that are reductions or part of a sum of loops.
static SmallVector<unsigned> unitLoopsOfWindows(linalg::GenericOp op) {
  SmallVector<unsigned> found;
  for (auto [d, size] : llvm::enumerate(op.getStaticLoopRanges())) {
    bool isReduction =
        op.getIteratorTypesArray()[d] == utils::IteratorType::reduction;
    bool isPart =
        isReduction ||
        llvm::any_of(op.getIndexingMapsArray(), [&](AffineMap map) {
          return llvm::any_of(map.getResults(), [&](AffineExpr expr) {
            return !isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(d);
          });
        });
    if (size == 1 && isPart)
      found.push_back(unsigned(d));
  }
  return found;
}

/// Would an operand be read by a loop alone that does not reach the end of its
/// dimension? A loop that stands alone says how large the dimension is.
static bool readsPart(linalg::GenericOp op, ArrayRef<unsigned> units) {
  SmallVector<int64_t> ranges = op.getStaticLoopRanges();
  AffineExpr zero = getAffineConstantExpr(0, op.getContext());
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<ShapedType>(operand.get().getType());
    for (auto [i, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults())) {
      AffineExpr left = expr;
      for (unsigned unit : units)
        left = left.replace(getAffineDimExpr(unit, op.getContext()), zero);
      auto dim = dyn_cast<AffineDimExpr>(left);
      if (dim && left != expr &&
          type.getDimSize(i) != ranges[dim.getPosition()])
        return true;
    }
  }
  return false;
}

/// d of `s * d`, s > 1.
static std::optional<unsigned> stridedLoop(AffineExpr expr) {
  auto product = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!product || product.getKind() != AffineExprKind::Mul)
    return std::nullopt;
  auto dim = dyn_cast<AffineDimExpr>(product.getLHS());
  auto by = dyn_cast<AffineConstantExpr>(product.getRHS());
  if (!dim || !by || by.getValue() < 2)
    return std::nullopt;
  return dim.getPosition();
}

namespace {
struct SimplifyWindows
    : public prec::impl::SimplifyWindowsBase<SimplifyWindows> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.hasPureTensorSemantics() && op.getNumReductionLoops() > 0)
        reductions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : reductions) {
      op = dropUnitLoops(rewriter, op);
      for (OpOperand *input : op.getDpsInputOperands())
        compact(rewriter, op, *input);
    }
  }

private:
  linalg::GenericOp dropUnitLoops(IRRewriter &rewriter, linalg::GenericOp op) {
    SmallVector<unsigned> units = unitLoopsOfWindows(op);
    if (units.empty() || op.hasIndexSemantics() || readsPart(op, units))
      return op;
    linalg::ControlDropUnitDims control;
    control.controlFn = [&](Operation *) { return units; };
    rewriter.setInsertionPoint(op);
    auto dropped = linalg::dropUnitDims(rewriter, op, control);
    if (failed(dropped))
      return op;
    auto made = cast<linalg::GenericOp>(dropped->resultOp.getOperation());
    made->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.replaceOp(op, dropped->replacements);
    ++simplified;
    return made;
  }

  /// Copies the elements that are read of an input, if it is read at multiples
  /// of a stride, and by several points of the loops that it does not have.
  void compact(IRRewriter &rewriter, linalg::GenericOp op, OpOperand &input) {
    AffineMap map = op.getMatchingIndexingMap(&input);
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    SmallVector<AffineExpr> read, compacted;
    SmallVector<int64_t> shape;
    bool isStrided = false;
    for (AffineExpr expr : map.getResults()) {
      std::optional<unsigned> strided = stridedLoop(expr);
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!strided && !dim)
        return;
      unsigned d = strided ? *strided : dim.getPosition();
      if (ShapedType::isDynamic(ranges[d]))
        return;
      isStrided |= strided.has_value();
      AffineExpr place = rewriter.getAffineDimExpr(shape.size());
      read.push_back(expr.replace(rewriter.getAffineDimExpr(d), place));
      compacted.push_back(rewriter.getAffineDimExpr(d));
      shape.push_back(ranges[d]);
    }
    int64_t uses = 1;
    for (auto [d, range] : llvm::enumerate(ranges))
      if (!map.isFunctionOfDim(d) && !ShapedType::isDynamic(range))
        uses *= range;
    if (!isStrided || uses < 2)
      return;
    rewriter.setInsertionPoint(op);
    Value copy = gather(rewriter, op.getLoc(), input.get(), read, shape);
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[input.getOperandNumber()] =
        AffineMap::get(map.getNumDims(), 0, compacted, rewriter.getContext());
    rewriter.modifyOpInPlace(op, [&] {
      input.set(copy);
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    ++simplified;
  }

  static Value gather(OpBuilder &b, Location loc, Value tensor,
                      ArrayRef<AffineExpr> at, ArrayRef<int64_t> shape) {
    Value empty = tensor::EmptyOp::create(
        b, loc, shape, getElementTypeOrSelf(tensor.getType()));
    unsigned rank = shape.size();
    AffineMap maps[] = {AffineMap::get(rank, 0, at, b.getContext()),
                        b.getMultiDimIdentityMap(rank)};
    return linalg::GenericOp::create(
               b, loc, empty.getType(), tensor, empty, maps,
               SmallVector<utils::IteratorType>(rank,
                                                utils::IteratorType::parallel),
               [](OpBuilder &body, Location l, ValueRange args) {
                 linalg::YieldOp::create(body, l, args[0]);
               })
        .getResult(0);
  }
};
} // namespace
