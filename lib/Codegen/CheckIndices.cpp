// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Indices that come from data are looked at before they are used.
#include "Texts.h"
#include "prec/Codegen/Passes.h"
#include "prec/IR/Location.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_CHECKINDICES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

/// Is an index made of what a tensor (a constant one, too) or an argument
/// holds, rather than of constants, sizes and loops?
static bool isData(Value index) {
  if (auto argument = dyn_cast<BlockArgument>(index)) {
    auto loop =
        dyn_cast<LoopLikeOpInterface>(argument.getOwner()->getParentOp());
    return !loop || !loop.getLoopInductionVars() ||
           !llvm::is_contained(*loop.getLoopInductionVars(), index);
  }
  Operation *op = index.getDefiningOp();
  if (isa<tensor::ExtractOp>(op))
    return true;
  if (isa<linalg::IndexOp, tensor::DimOp>(op) ||
      op->hasTrait<OpTrait::ConstantLike>())
    return false;
  return op->getNumOperands() == 0 || llvm::any_of(op->getOperands(), isData);
}

static Value stripCasts(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::IndexCastOp, arith::ExtSIOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// min(max(x, 0), size - 1) in either order?
static bool isClamped(Value index, int64_t size) {
  bool isLow = false, isHigh = false;
  while (Operation *op = (index = stripCasts(index)).getDefiningOp()) {
    APInt bound;
    if (op->getNumOperands() != 2 ||
        !matchPattern(op->getOperand(1), m_ConstantInt(&bound)))
      break;
    // What is outside is only limited further by what is inside.
    if (isa<arith::MaxSIOp>(op) && !bound.isNegative())
      isLow |= isHigh || bound.slt(size);
    else if (isa<arith::MinSIOp>(op) && bound.slt(size))
      isHigh |= isLow || !bound.isNegative();
    else
      break;
    index = op->getOperand(0);
  }
  return isLow && isHigh;
}

namespace {
/// An element of a tensor that is read or written, and the operation it is in.
struct Access {
  Operation *op;
  TypedValue<RankedTensorType> tensor;
  MutableOperandRange indices;
};

class CheckIndices : public prec::impl::CheckIndicesBase<CheckIndices> {
public:
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation()->walk([&](Operation *op) {
      if (isa<tensor::ExtractOp, tensor::InsertOp>(op))
        found.push_back(op);
    });
    texts.emplace(getOperation(), "prec.place.");
    for (Operation *op : found) {
      if (auto read = dyn_cast<tensor::ExtractOp>(op))
        check({op, read.getTensor(), read.getIndicesMutable()});
      else if (auto write = dyn_cast<tensor::InsertOp>(op))
        check({op, write.getDest(), write.getIndicesMutable()});
    }
  }

private:
  void check(Access access) {
    for (unsigned d = 0; d < access.indices.size(); ++d) {
      OpOperand &index = access.indices[d];
      RankedTensorType type = access.tensor.getType();
      if (!isData(index.get()) ||
          (!type.isDynamicDim(d) && isClamped(index.get(), type.getDimSize(d))))
        continue;
      OpBuilder b(access.op);
      Location loc = access.op->getLoc();
      Value size = b.createOrFold<tensor::DimOp>(loc, access.tensor, d);
      auto generic = dyn_cast<linalg::GenericOp>(access.op->getParentOp());
      if (generic)
        checkBefore(generic, index.get(), access.tensor, d, loc);
      else
        report(b, loc, index.get(), size, isOutside(b, loc, index.get(), size));
      // The report does not stop the code, so it goes on inside the tensor.
      Value zero = arith::ConstantIndexOp::create(b, loc, 0);
      Value one = arith::ConstantIndexOp::create(b, loc, 1);
      Value last = b.createOrFold<arith::SubIOp>(loc, size, one);
      Value inside = arith::MinSIOp::create(b, loc, index.get(), last);
      index.set(arith::MaxSIOp::create(b, loc, inside, zero));
    }
  }

  /// Unsigned, so that what is negative is beyond the end.
  static Value isOutside(OpBuilder &b, Location loc, Value index, Value size) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, index,
                                 size);
  }

  void report(OpBuilder &b, Location loc, Value index, Value size,
              Value outside) {
    scf::IfOp::create(b, loc, outside, [&](OpBuilder &then, Location) {
      auto word = [&](Value value) -> Value {
        return arith::IndexCastOp::create(then, loc, then.getI64Type(), value);
      };
      func::CallOp::create(then, loc, reporter(),
                           ValueRange{texts->address(then, loc, describe(loc)),
                                      word(index), word(size)});
      scf::YieldOp::create(then, loc);
    });
  }

  /// Of all the indices that a body computes one that is outside, by a
  /// reduction of its own: the operation keeps its fast forms.
  void checkBefore(linalg::GenericOp generic, Value index, Value tensor,
                   unsigned d, Location loc) {
    Block *body = generic.getBody();
    SetVector<Operation *> slice;
    SetVector<unsigned> operands, loops;
    std::function<bool(Value)> collect = [&](Value value) {
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        if (argument.getOwner() != body)
          return true;
        OpOperand *operand = generic.getMatchingOpOperand(argument);
        if (!generic.isDpsInput(operand))
          return false;
        operands.insert(operand->getOperandNumber());
        return true;
      }
      Operation *op = value.getDefiningOp();
      if (op->getBlock() != body || slice.contains(op))
        return true;
      if (op->getNumRegions() || !isMemoryEffectFree(op) ||
          !llvm::all_of(op->getOperands(), collect))
        return false;
      if (auto loop = dyn_cast<linalg::IndexOp>(op))
        loops.insert(unsigned(loop.getDim()));
      slice.insert(op); // after its operands
      return true;
    };
    if (!collect(index))
      return;
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    for (unsigned operand : operands)
      for (unsigned loop = 0; loop < generic.getNumLoops(); ++loop)
        if (maps[operand].isFunctionOfDim(loop))
          loops.insert(loop);
    emitReduction(generic, index, tensor, d, slice.getArrayRef(),
                  operands.getArrayRef(), loops.getArrayRef(), loc);
  }

  void emitReduction(linalg::GenericOp generic, Value index, Value tensor,
                     unsigned d, ArrayRef<Operation *> slice,
                     ArrayRef<unsigned> operands, ArrayRef<unsigned> loops,
                     Location loc) {
    OpBuilder b(generic);
    SmallVector<AffineExpr> place(generic.getNumLoops(),
                                  b.getAffineConstantExpr(0));
    SmallVector<OpFoldResult> sizes;
    SmallVector<Range> ranges =
        cast<linalg::LinalgOp>(generic.getOperation()).createLoopRanges(b, loc);
    for (auto [i, loop] : llvm::enumerate(loops)) {
      place[loop] = b.getAffineDimExpr(i);
      sizes.push_back(ranges[loop].size);
    }
    SmallVector<AffineMap> maps;
    SmallVector<Value> inputs;
    for (unsigned operand : operands) {
      inputs.push_back(generic->getOperand(operand));
      maps.push_back(
          generic.getIndexingMapsArray()[operand].replaceDimsAndSymbols(
              place, {}, loops.size(), 0));
    }
    // A tensor that is not read says how many there are of each loop.
    inputs.push_back(tensor::EmptyOp::create(b, loc, sizes, b.getI1Type()));
    maps.push_back(b.getMultiDimIdentityMap(loops.size()));
    maps.push_back(AffineMap::get(loops.size(), 0, b.getContext()));
    auto scalar = RankedTensorType::get({}, b.getIndexType());
    // The start stands for "none": no tensor is so large.
    APInt least = APInt::getSignedMinValue(64);
    Value none = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(scalar, least));
    Value size = b.createOrFold<tensor::DimOp>(loc, tensor, d);
    SmallVector<utils::IteratorType> kinds(loops.size(),
                                           utils::IteratorType::reduction);
    auto found = linalg::GenericOp::create(
        b, loc, scalar, inputs, none, maps, kinds,
        [&](OpBuilder &inner, Location, ValueRange arguments) {
          IRMapping map;
          for (auto [i, operand] : llvm::enumerate(operands))
            map.map(generic.getMatchingBlockArgument(
                        &generic->getOpOperand(operand)),
                    arguments[i]);
          for (Operation *op : slice) {
            if (auto loop = dyn_cast<linalg::IndexOp>(op)) {
              auto at = llvm::find(loops, unsigned(loop.getDim()));
              map.map(loop.getResult(),
                      linalg::IndexOp::create(inner, loc, at - loops.begin())
                          .getResult());
              continue;
            }
            inner.clone(*op, map);
          }
          Value here = map.lookupOrDefault(index);
          Value outside = isOutside(inner, loc, here, size);
          linalg::YieldOp::create(inner, loc,
                                  arith::SelectOp::create(inner, loc, outside,
                                                          here,
                                                          arguments.back())
                                      .getResult());
        });
    Value worst =
        tensor::ExtractOp::create(b, loc, found.getResult(0), ValueRange{});
    Value start = arith::ConstantIndexOp::create(b, loc, least.getSExtValue());
    report(
        b, loc, worst, size,
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, worst, start));
  }

  func::FuncOp reporter() {
    Type word = Builder(&getContext()).getI64Type();
    return declareEngineFunction(
        getOperation(), "prec_report_index",
        {LLVM::LLVMPointerType::get(&getContext()), word, word});
  }

  /// Where accesses stand in the user's file.
  std::optional<Texts> texts;
};
} // namespace
