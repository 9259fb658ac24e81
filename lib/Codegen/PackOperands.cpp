// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gives operands of reductions a layout that the kernel reads as vectors.
#include "CollapseLoops.h"
#include "ElementBytes.h"
#include "Fill.h"
#include "KernelCost.h"
#include "KernelPlan.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_PACKOPERANDS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Cycles for an element that is read in one layout and written in another, and
/// where what lay side by side gets into pages of their own.
static constexpr double cyclesPerElement = 0.7, cyclesAcrossPages = 3;
static constexpr int64_t pageBytes = 4096;
/// Instructions of the kernel that does it.
static constexpr double codeOfCopy = 300;

/// `tensor` with dimension i of the result being its dimension order[i].
static Value transposed(RewriterBase &b, Location loc, Value tensor,
                        ArrayRef<int64_t> order) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
  Type element = getElementTypeOrSelf(tensor.getType());
  Value empty =
      tensor::EmptyOp::create(b, loc, applyPermutation(sizes, order), element);
  if (Value value = filledWith(tensor.getDefiningOp()))
    return linalg::FillOp::create(b, loc, value, empty).getResult(0);
  return linalg::TransposeOp::create(b, loc, tensor, empty, order)
      ->getResult(0);
}

namespace {
/// One way to write an operation: `dim` is to be the last dimension of the
/// inputs that depend on it, and of the output on demand.
class Variant {
public:
  Variant(IRRewriter &b, linalg::GenericOp op, const KernelCost &cost,
          unsigned dim, bool packOutput)
      : b(b), op(op), cost(cost), dim(dim) {
    maps = op.getIndexingMapsArray();
    operands = llvm::to_vector(op->getOperands());
    for (OpOperand *input : op.getDpsInputOperands())
      if (isWorthIt(*input))
        pack(*input);
    OpOperand *output = op.getDpsInitOperand(0);
    if (packOutput && isWorthIt(*output)) {
      SmallVector<int64_t> order = pack(*output);
      unpack = invertPermutationVector(order);
      addCopy(*output, order);
    }
  }

  bool changes() const { return extra > 0; }
  double extraCycles() const { return extra; }

  linalg::GenericOp build() {
    auto inputs = ValueRange(operands).take_front(op.getNumDpsInputs());
    Value init = operands.back();
    built = linalg::GenericOp::create(
        b, op.getLoc(), TypeRange{init.getType()}, inputs, ValueRange{init},
        b.getAffineMapArrayAttr(maps), op.getIteratorTypes(), StringAttr(),
        StringAttr());
    built->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    IRMapping mapping;
    op->getRegion(0).cloneInto(&built->getRegion(0), mapping);
    return built;
  }

  Value result() {
    Value value = built.getResult(0);
    return unpack.empty() ? value : transposed(b, op.getLoc(), value, unpack);
  }

private:
  /// It depends on `dim` along one of its dimensions, by itself. The others may
  /// be windows if `dim` is everywhere, as a depthwise filter's channels: else
  /// another dimension serves as well.
  bool isWorthIt(OpOperand &operand) {
    AffineMap map = maps[operand.getOperandNumber()];
    bool isEverywhere = llvm::all_of(op.getIndexingMapsArray(), [&](auto m) {
      return m.isFunctionOfDim(dim);
    });
    return (isEverywhere || map.isProjectedPermutation()) &&
           isa<RankedTensorType>(operand.get().getType()) &&
           llvm::count_if(map.getResults(),
                          [&](AffineExpr result) {
                            return result.isFunctionOfDim(dim);
                          }) == 1 &&
           llvm::is_contained(map.getResults(), b.getAffineDimExpr(dim)) &&
           cost.step(operand.getOperandNumber(), dim) != 1;
  }

  static int64_t sizeOr64(int64_t size) {
    return ShapedType::isDynamic(size) ? 64 : size;
  }

  static double elementsOf(RankedTensorType type) {
    double elements = 1;
    for (int64_t size : type.getShape())
      elements *= double(sizeOr64(size));
    return elements;
  }

  /// `order`: of the packed one's dimensions.
  void addCopy(OpOperand &operand, ArrayRef<int64_t> order) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    int64_t apart = elementBytes(type.getElementType());
    for (int64_t position : llvm::reverse(order)) {
      if (position == type.getRank() - 1)
        break;
      apart *= sizeOr64(type.getDimSize(position));
    }
    extra += (apart < pageBytes ? cyclesPerElement : cyclesAcrossPages) *
                 elementsOf(type) +
             cost.codeCost() * codeOfCopy;
  }

  /// The dimensions in the order of the loops, `dim` last; in their own order
  /// if there are windows.
  SmallVector<int64_t> pack(OpOperand &operand) {
    unsigned number = operand.getOperandNumber();
    SmallVector<int64_t> order =
        llvm::to_vector(llvm::seq<int64_t>(maps[number].getNumResults()));
    bool hasWindows = !maps[number].isProjectedPermutation();
    auto rank = [&](int64_t position) {
      AffineExpr result = maps[number].getResult(position);
      bool isLast = result == b.getAffineDimExpr(dim);
      return std::make_tuple(
          isLast, hasWindows
                      ? position
                      : int64_t(cast<AffineDimExpr>(result).getPosition()));
    };
    llvm::sort(order, [&](int64_t a, int64_t c) { return rank(a) < rank(c); });
    operands[number] = transposed(b, op.getLoc(), operand.get(), order);
    if (!filledWith(operand.get().getDefiningOp()))
      addCopy(operand, order);
    SmallVector<AffineExpr> results;
    for (int64_t position : order)
      results.push_back(maps[number].getResult(position));
    maps[number] =
        AffineMap::get(maps[number].getNumDims(), 0, results, op.getContext());
    return order;
  }

  IRRewriter &b;
  linalg::GenericOp op, built;
  const KernelCost &cost;
  unsigned dim;
  SmallVector<AffineMap> maps;
  SmallVector<Value> operands;
  SmallVector<int64_t> unpack;
  double extra = 0;
};

class PackOperands : public prec::impl::PackOperandsBase<PackOperands> {
public:
  using PackOperandsBase::PackOperandsBase;

  void runOnOperation() override {
    options.vectorBits = vectorBits;
    options.vectorRegisters = vectorRegisters;
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 && op.getNumParallelLoops() > 0 &&
          op.getNumDpsInits() == 1 && op.hasPureTensorSemantics())
        reductions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : reductions)
      pack(rewriter, op);
  }

private:
  void pack(IRRewriter &rewriter, linalg::GenericOp op) {
    std::optional<double> known = cyclesOf(rewriter, op);
    if (!known)
      return;
    KernelCost cost(op);
    double best = *known;
    std::optional<std::pair<unsigned, bool>> choice;
    SmallVector<unsigned> parallel;
    op.getParallelDims(parallel);
    for (unsigned dim : parallel)
      for (bool packOutput : {false, true}) {
        double found = costOf(rewriter, op, cost, dim, packOutput);
        if (found >= best)
          continue;
        best = found;
        choice = {dim, packOutput};
      }
    if (!choice)
      return;
    rewriter.setInsertionPoint(op);
    Variant variant(rewriter, op, cost, choice->first, choice->second);
    variant.build();
    rewriter.replaceOp(op, variant.result());
    ++packed;
  }

  /// Builds the variant, plans it and takes it away again.
  double costOf(IRRewriter &rewriter, linalg::GenericOp op,
                const KernelCost &cost, unsigned dim, bool packOutput) {
    rewriter.setInsertionPoint(op);
    Operation *before = op->getPrevNode();
    Variant variant(rewriter, op, cost, dim, packOutput);
    double cycles = std::numeric_limits<double>::infinity();
    if (variant.changes())
      cycles = variant.extraCycles() + *cyclesOf(rewriter, variant.build());
    while (op->getPrevNode() != before)
      rewriter.eraseOp(op->getPrevNode());
    return cycles;
  }

  /// The cost of the kernel that it will be; nothing if it will be none.
  std::optional<double> cyclesOf(IRRewriter &rewriter, linalg::GenericOp op) {
    Operation *before = op->getPrevNode();
    rewriter.setInsertionPoint(op);
    auto copy = cast<linalg::GenericOp>(rewriter.clone(*op));
    linalg::GenericOp none;
    collapseLoops(rewriter, copy, none);
    std::optional<KernelPlan> plan = planKernel(copy, options);
    while (op->getPrevNode() != before)
      rewriter.eraseOp(op->getPrevNode());
    return plan ? std::optional(plan->cost) : std::nullopt;
  }

  CodegenOptions options;
};
} // namespace
