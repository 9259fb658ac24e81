// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes the order of every floating-point reduction explicit.
#include "PartialResults.h"
#include "prec/Analysis/Contraction.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_FIXORDER
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
class FixOrder : public prec::impl::FixOrderBase<FixOrder> {
public:
  void runOnOperation() override {
    stripFastMath();
    IRRewriter rewriter(&getContext());
    SmallVector<linalg::LinalgOp> reductions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() > 0)
        reductions.push_back(op);
    });
    for (linalg::LinalgOp op : reductions) {
      rewriter.setInsertionPoint(op);
      fix(rewriter, op);
    }
  }

private:
  void stripFastMath() {
    getOperation()->walk([](arith::ArithFastMathInterface op) {
      op->setAttr(op.getFastMathAttrName(),
                  arith::FastMathFlagsAttr::get(op.getContext(),
                                                arith::FastMathFlags::none));
    });
  }

  void fix(IRRewriter &rewriter, linalg::LinalgOp op) {
    auto contraction = matchContraction(op);
    if (contraction && op.getNumParallelLoops() > 0) {
      useFma(rewriter, op, *contraction);
      ++contractions;
      return;
    }
    // A contraction whose product is rounded ascends: multiply, round, add.
    if (!contraction && (matchContraction(op, true) || !takesPartials(op)))
      return;
    auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
    if (!generic) {
      FailureOr<linalg::GenericOp> named =
          linalg::generalizeNamedOp(rewriter, op);
      if (failed(named))
        return;
      generic = *named;
      contraction = matchContraction(generic);
    }
    if (!generic.hasPureTensorSemantics())
      generic = onTensors(rewriter, generic);
    rewriter.setInsertionPoint(generic);
    rewriter.replaceOp(generic,
                       buildPartialResults(rewriter, generic, contraction));
    ++partials;
  }

  static void useFma(IRRewriter &rewriter, linalg::LinalgOp op,
                     const Contraction &contraction) {
    Operation *add = contraction.add, *multiply = contraction.multiply;
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(add);
    rewriter.replaceOpWithNewOp<math::FmaOp>(add, multiply->getOperand(0),
                                             multiply->getOperand(1),
                                             op.getRegionOutputArgs()[0]);
    rewriter.eraseOp(multiply);
  }

  /// DESIGN, "What is computed, exactly": the form of a reduction that has 16
  /// partial results.
  static bool takesPartials(linalg::LinalgOp op) {
    if (op.getNumDpsInits() != 1 || op.getNumDpsInputs() == 0)
      return false;
    Operation *combiner = matchCombiner(op, 0);
    if (!isa_and_nonnull<arith::AddFOp, arith::MulFOp, arith::MaximumFOp,
                         arith::MinimumFOp>(combiner))
      return false;
    AffineMap first = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
    if (first.getNumResults() == 0)
      return false;
    auto last = dyn_cast<AffineDimExpr>(first.getResults().back());
    auto iterators = op.getIteratorTypesArray();
    return last && linalg::isReductionIterator(iterators[last.getPosition()]) &&
           writesParallelDims(op);
  }

  /// The result has one element for each point of the parallel dimensions.
  static bool writesParallelDims(linalg::LinalgOp op) {
    AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    return out.isProjectedPermutation() &&
           out.getNumResults() == op.getNumParallelLoops() &&
           llvm::all_of(out.getResults(), [&](AffineExpr expr) {
             auto dim = cast<AffineDimExpr>(expr).getPosition();
             return linalg::isParallelIterator(op.getIteratorTypesArray()[dim]);
           });
  }

  /// The same operation on tensors, its result stored where it went before.
  static linalg::GenericOp onTensors(IRRewriter &rewriter,
                                     linalg::GenericOp op) {
    Location loc = op.getLoc();
    auto asTensor = [&](Value value, bool isWritable) -> Value {
      if (!isa<MemRefType>(value.getType()))
        return value;
      return bufferization::ToTensorOp::create(
          rewriter, loc, memref::getTensorTypeFromMemRefType(value.getType()),
          value, /*restrict=*/true, isWritable);
    };
    IRMapping mapping;
    SmallVector<Value> operands;
    for (OpOperand *input : op.getDpsInputOperands())
      operands.push_back(asTensor(input->get(), false));
    Value target = op.getDpsInits()[0];
    operands.push_back(asTensor(target, true));
    auto clone = cast<linalg::GenericOp>(mlir::clone(
        rewriter, op, TypeRange(operands.back().getType()), operands));
    bufferization::MaterializeInDestinationOp::create(
        rewriter, loc, Type(), clone.getResult(0), target, /*restrict=*/true,
        /*writable=*/true);
    rewriter.eraseOp(op);
    return clone;
  }
};
} // namespace
