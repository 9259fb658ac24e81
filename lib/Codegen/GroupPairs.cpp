// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pairwise sums (O-PAIRWISE, as prec-insert-rounding writes them: a counter
// whose levels each element may change) take eight elements at a time, whose
// additions are a tree without choices.
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::prec;

namespace mlir::prec {
#define GEN_PASS_DEF_GROUPPAIRS
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// Elements of a group, and their levels.
constexpr unsigned groupLevels = 3;
constexpr int64_t groupSize = 1 << groupLevels;

/// level l = keeps(l) ? carry(l) : level l, where keeps(l) says that the number
/// of the element ends in a zero and l ones, carry(0) is the element, and
/// carry(l + 1) a function of level l and carry(l).
struct PairwiseSum {
  linalg::GenericOp op;
  unsigned dim; ///< the reduction
  int64_t count;
  SmallVector<Value> carries;

  unsigned levels() const { return carries.size(); }
};
} // namespace

/// The value of integer operations on the element's number.
static std::optional<uint64_t> valueFor(Value value, unsigned dim,
                                        uint64_t number) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getZExtValue();
  Operation *op = value.getDefiningOp();
  if (auto index = dyn_cast_or_null<linalg::IndexOp>(op))
    return index.getDim() == dim ? std::optional<uint64_t>(number)
                                 : std::nullopt;
  if (!isa_and_nonnull<arith::AndIOp, arith::OrIOp, arith::XOrIOp,
                       arith::CmpIOp>(op))
    return std::nullopt;
  auto left = valueFor(op->getOperand(0), dim, number),
       right = valueFor(op->getOperand(1), dim, number);
  if (!left || !right)
    return std::nullopt;
  if (isa<arith::AndIOp>(op))
    return *left & *right;
  if (isa<arith::OrIOp>(op))
    return *left | *right;
  if (isa<arith::XOrIOp>(op))
    return *left ^ *right;
  const auto predicate = cast<arith::CmpIOp>(op).getPredicate();
  if (predicate == arith::CmpIPredicate::eq)
    return *left == *right;
  if (predicate == arith::CmpIPredicate::ne)
    return *left != *right;
  return std::nullopt;
}

/// Where the element with this number is kept.
static bool keeps(unsigned level, uint64_t number) {
  const uint64_t mask = (uint64_t(2) << level) - 1;
  return (number & mask) == mask >> 1;
}

/// What makes `value` in the body depends on no arguments but these and the
/// inputs.
static bool dependsOnlyOn(linalg::GenericOp op, Value value,
                          ArrayRef<Value> known) {
  if (llvm::is_contained(known, value) ||
      value.getParentBlock() != op.getBody())
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber() < op.getNumDpsInputs();
  Operation *def = value.getDefiningOp();
  return def->getNumRegions() == 0 &&
         llvm::all_of(def->getOperands(), [&](Value operand) {
           return dependsOnlyOn(op, operand, known);
         });
}

/// No body reads it.
static bool isUnread(Value result) {
  return llvm::all_of(result.getUses(), [](OpOperand &use) {
    auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
    return reader && reader.isDpsInput(&use) &&
           reader.getMatchingBlockArgument(&use).use_empty();
  });
}

static std::optional<PairwiseSum> matchPairwiseSum(linalg::GenericOp op) {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (!op.hasPureTensorSemantics() || reductions.size() != 1)
    return std::nullopt;
  PairwiseSum sum{
      op, reductions[0], op.getStaticLoopRanges()[reductions[0]], {}};
  if (ShapedType::isDynamic(sum.count) ||
      op.getNumDpsInits() != llvm::Log2_64_Ceil(sum.count + 1))
    return std::nullopt;
  const auto numbers = uint64_t(std::min<int64_t>(sum.count, 1 << 12));
  for (auto [level, yielded] :
       llvm::enumerate(op.getBody()->getTerminator()->getOperands())) {
    auto choice = yielded.getDefiningOp<arith::SelectOp>();
    Value total = op.getRegionOutputArgs()[level];
    if (!choice || choice.getFalseValue() != total)
      return std::nullopt;
    SmallVector<Value> known;
    if (level > 0)
      known = {op.getRegionOutputArgs()[level - 1], sum.carries.back()};
    if (!dependsOnlyOn(op, choice.getTrueValue(), known))
      return std::nullopt;
    for (uint64_t number = 0; number < numbers; ++number)
      if (valueFor(choice.getCondition(), sum.dim, number) !=
          std::optional<uint64_t>(keeps(level, number)))
        return std::nullopt;
    // The last group leaves these as they were.
    const bool isStale = level < groupLevels && !(sum.count >> level & 1);
    if (isStale && !isUnread(op.getResult(level)))
      return std::nullopt;
    sum.carries.push_back(choice.getTrueValue());
  }
  for (AffineMap map : op.getIndexingMapsArray())
    for (AffineExpr expr : map.getResults())
      if (!isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(sum.dim))
        return std::nullopt;
  return sum;
}

namespace {
class Grouper {
public:
  Grouper(IRRewriter &b, PairwiseSum &sum)
      : b(b), sum(sum), op(sum.op), loc(op.getLoc()) {}

  void run() {
    b.setInsertionPoint(op);
    SmallVector<Value> results(op.getDpsInits());
    const int64_t whole = sum.count / groupSize;
    auto groups = sumGroups(whole);
    llvm::copy(groups.getResults(), results.begin() + groupLevels);
    const int64_t rest = sum.count % groupSize;
    if (rest != 0)
      sumRest(whole * groupSize, rest, results);
    b.replaceOp(op, results);
  }

private:
  /// One element's number, from where the body reads it.
  using Number = function_ref<Value(OpBuilder &)>;

  Value copy(OpBuilder &builder, Value value, Number number,
             IRMapping &mapping) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    if (value.getParentBlock() != op.getBody())
      return value;
    Operation *def = value.getDefiningOp();
    auto index = dyn_cast<linalg::IndexOp>(def);
    if (index && index.getDim() == sum.dim) {
      mapping.map(value, number(builder));
      return mapping.lookup(value);
    }
    IRMapping operands;
    for (Value operand : def->getOperands())
      operands.map(operand, copy(builder, operand, number, mapping));
    Operation *made = builder.clone(*def, operands);
    if (auto moved = dyn_cast<linalg::IndexOp>(made);
        moved && dropsDim && moved.getDim() > sum.dim)
      moved.setDim(moved.getDim() - 1);
    mapping.map(value, made->getResult(0));
    return made->getResult(0);
  }

  /// The element, of these inputs.
  Value leaf(OpBuilder &builder, ValueRange inputs, Number number,
             IRMapping &mapping) {
    for (auto [old, arg] : llvm::zip(op.getRegionInputArgs(), inputs))
      mapping.map(old, arg);
    return copy(builder, sum.carries[0], number, mapping);
  }

  /// What level l hands on; `mapping` is the element's own.
  Value add(OpBuilder &builder, unsigned level, Value total, Value carry,
            Number number, IRMapping mapping) {
    mapping.map(op.getRegionOutputArgs()[level], total);
    mapping.map(sum.carries[level], carry);
    return copy(builder, sum.carries[level + 1], number, mapping);
  }

  /// Adds element `t` of a group to the levels below; what they hand on.
  Value count(OpBuilder &builder, int64_t t, ValueRange inputs, Number number,
              MutableArrayRef<Value> low, IRMapping &mapping) {
    Value carry = leaf(builder, inputs, number, mapping);
    for (unsigned level = 0; level < low.size(); ++level) {
      if (!(t >> level & 1)) {
        low[level] = carry;
        return {};
      }
      carry = add(builder, level, low[level], carry, number, mapping);
    }
    return carry;
  }

  /// Elements from, from + step, ... of each input.
  SmallVector<Value> slices(int64_t from, int64_t step, int64_t many) {
    SmallVector<Value> result;
    for (OpOperand *input : op.getDpsInputOperands()) {
      Value tensor = input->get();
      AffineMap map = op.getMatchingIndexingMap(input);
      SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, tensor);
      SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)),
          strides(sizes.size(), b.getIndexAttr(1));
      SmallVector<int64_t> shape;
      for (auto [d, expr] : llvm::enumerate(map.getResults())) {
        if (expr.isFunctionOfDim(sum.dim)) {
          offsets[d] = b.getIndexAttr(from);
          strides[d] = b.getIndexAttr(step);
          sizes[d] = b.getIndexAttr(many);
          if (dropsDim)
            continue;
          shape.push_back(many);
        } else {
          shape.push_back(
              cast<RankedTensorType>(tensor.getType()).getDimSize(d));
        }
      }
      auto type = cast<RankedTensorType>(tensor.getType()).clone(shape);
      result.push_back(
          tensor::ExtractSliceOp::create(b, loc, cast<RankedTensorType>(type),
                                         tensor, offsets, sizes, strides));
    }
    return result;
  }

  linalg::GenericOp sumGroups(int64_t groups) {
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps, own = op.getIndexingMapsArray();
    const unsigned each = op.getNumDpsInputs();
    for (int64_t t = 0; t < groupSize; ++t) {
      llvm::append_range(inputs, slices(t, groupSize, groups));
      llvm::append_range(maps, ArrayRef(own).take_front(each));
    }
    llvm::append_range(maps, ArrayRef(own).drop_front(each + groupLevels));
    SmallVector<Value> outputs(op.getDpsInits().drop_front(groupLevels));
    return linalg::GenericOp::create(
        b, loc, ValueRange(outputs).getTypes(), inputs, outputs, maps,
        op.getIteratorTypesArray(),
        [&](OpBuilder &builder, Location, ValueRange args) {
          Value group = linalg::IndexOp::create(builder, loc, sum.dim);
          auto constant = [&](int64_t value) -> Value {
            return arith::ConstantIndexOp::create(builder, loc, value);
          };
          Value first =
              arith::MulIOp::create(builder, loc, group, constant(groupSize));
          SmallVector<Value> low(groupLevels), next;
          IRMapping last;
          Value carry, number;
          auto current = [&](OpBuilder &) { return number; };
          for (int64_t t = 0; t < groupSize; ++t) {
            number = arith::AddIOp::create(builder, loc, first, constant(t));
            last = IRMapping();
            carry = count(builder, t, args.slice(t * each, each), current, low,
                          last);
          }
          for (unsigned level = groupLevels; level < sum.levels(); ++level) {
            Value total = args[groupSize * each + level - groupLevels];
            const int64_t ones = int64_t(1) << (level - groupLevels);
            Value rest = arith::AndIOp::create(builder, loc, group,
                                               constant(2 * ones - 1));
            Value isKept =
                arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                      rest, constant(ones - 1));
            next.push_back(
                arith::SelectOp::create(builder, loc, isKept, carry, total));
            if (level + 1 < sum.levels())
              carry = add(builder, level, total, carry, current, last);
          }
          linalg::YieldOp::create(builder, loc, next);
        });
  }

  /// Elements that make no group change the levels of their number's bits.
  void sumRest(int64_t from, int64_t rest, SmallVectorImpl<Value> &results) {
    dropsDim = true;
    SmallVector<Value> inputs, outputs;
    SmallVector<AffineMap> maps, own;
    for (AffineMap map : op.getIndexingMapsArray()) {
      SmallVector<AffineExpr> left;
      for (AffineExpr expr : map.getResults())
        if (!expr.isFunctionOfDim(sum.dim))
          left.push_back(expr.shiftDims(op.getNumLoops(), -1, sum.dim + 1));
      own.push_back(
          AffineMap::get(op.getNumLoops() - 1, 0, left, b.getContext()));
    }
    const unsigned each = op.getNumDpsInputs();
    for (int64_t t = 0; t < rest; ++t) {
      llvm::append_range(inputs, slices(from + t, 1, 1));
      llvm::append_range(maps, ArrayRef(own).take_front(each));
    }
    SmallVector<unsigned> written;
    for (unsigned level = 0; level < groupLevels; ++level)
      if (rest >> level & 1) {
        written.push_back(level);
        outputs.push_back(op.getDpsInits()[level]);
        maps.push_back(own[each + level]);
      }
    SmallVector<utils::IteratorType> iterators(op.getNumLoops() - 1,
                                               utils::IteratorType::parallel);
    auto made = linalg::GenericOp::create(
        b, loc, ValueRange(outputs).getTypes(), inputs, outputs, maps,
        iterators, [&](OpBuilder &builder, Location, ValueRange args) {
          SmallVector<Value> low(groupLevels), yielded;
          for (int64_t t = 0; t < rest; ++t) {
            Value number =
                arith::ConstantIndexOp::create(builder, loc, from + t);
            IRMapping mapping;
            count(
                builder, t, args.slice(t * each, each),
                [&](OpBuilder &) { return number; }, low, mapping);
          }
          for (unsigned level : written)
            yielded.push_back(low[level]);
          linalg::YieldOp::create(builder, loc, yielded);
        });
    for (auto [level, result] : llvm::zip(written, made.getResults()))
      results[level] = result;
  }

  IRRewriter &b;
  PairwiseSum &sum;
  linalg::GenericOp op;
  Location loc;
  bool dropsDim = false; ///< the copies have no reduction
};

class GroupPairs : public prec::impl::GroupPairsBase<GroupPairs> {
public:
  void runOnOperation() override {
    SmallVector<PairwiseSum> found;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumDpsInits() <= groupLevels)
        return;
      if (auto sum = matchPairwiseSum(op))
        found.push_back(*sum);
    });
    IRRewriter rewriter(&getContext());
    for (PairwiseSum &sum : found) {
      Grouper(rewriter, sum).run();
      ++grouped;
    }
  }
};
} // namespace
