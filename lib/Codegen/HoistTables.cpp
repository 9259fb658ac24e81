// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Computes what only some of a reduction's loops need beforehand.
#include "Coordinates.h"
#include "prec/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using mlir::prec::Coordinate;
using mlir::prec::coordinateOf;

namespace mlir::prec {
#define GEN_PASS_DEF_HOISTTABLES
#include "prec/Codegen/Passes.h.inc"
} // namespace mlir::prec

namespace {
/// One reduction and what its body's values depend on.
class Tables {
public:
  Tables(IRRewriter &b, linalg::GenericOp op)
      : b(b), op(op), extents(op.getStaticLoopRanges()),
        maps(op.getIndexingMapsArray()) {}

  unsigned run() {
    hoistScalars();
    splitWords();
    SmallVector<Value> parts = partsToHoist();
    if (!parts.empty())
      hoist(parts);
    return parts.size();
  }

private:
  using Dims = llvm::SmallBitVector;

  Dims dimsOf(Value value) {
    Dims dims(op.getNumLoops());
    if (value.getParentBlock() != op.getBody())
      return dims;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getArgNumber() >= op.getNumDpsInputs())
        return dims.set();
      AffineMap map = maps[argument.getArgNumber()];
      for (unsigned dim = 0; dim < dims.size(); ++dim)
        if (map.isFunctionOfDim(dim))
          dims.set(dim);
      return dims;
    }
    if (auto index = value.getDefiningOp<linalg::IndexOp>())
      return dims.set(index.getDim());
    if (auto found = known.find(value); found != known.end())
      return found->second;
    for (Value operand : value.getDefiningOp()->getOperands())
      dims |= dimsOf(operand);
    known[value] = dims;
    return dims;
  }
  bool isPart(Value value) {
    Dims dims = dimsOf(value);
    return dims.any() && !dims.all();
  }

  /// What is the same at all points goes before the loops.
  void hoistScalars() {
    for (Operation &inner :
         llvm::make_early_inc_range(op.getBody()->without_terminator()))
      if (isPure(&inner) && !isa<linalg::IndexOp>(inner) &&
          llvm::none_of(inner.getOperands(), [&](Value operand) {
            return operand.getParentBlock() == op.getBody();
          }))
        b.moveOpBefore(&inner, op);
  }

  /// Shifts and masks of x ^ y by something that no loop changes: of x and of
  /// y, if these are parts.
  void splitWords() {
    for (Operation &inner :
         llvm::make_early_inc_range(op.getBody()->without_terminator())) {
      if (!isa<arith::ShLIOp, arith::ShRUIOp, arith::AndIOp, arith::XOrIOp>(
              inner) ||
          dimsOf(inner.getOperand(1)).any())
        continue;
      auto word = inner.getOperand(0).getDefiningOp<arith::XOrIOp>();
      if (!word || !isPart(word.getLhs()) || !isPart(word.getRhs()) ||
          dimsOf(word.getLhs()) == dimsOf(word.getRhs()))
        continue;
      b.setInsertionPoint(&inner);
      auto applied = [&](Value half) {
        Operation *clone = b.clone(inner);
        clone->setOperand(0, half);
        return clone->getResult(0);
      };
      Value left = applied(word.getLhs()), right = word.getRhs();
      if (!isa<arith::XOrIOp>(inner))
        right = applied(right);
      b.replaceOpWithNewOp<arith::XOrIOp>(&inner, left, right);
    }
    known.clear();
    eraseUnused(*op.getBody());
  }

  void eraseUnused(Block &body) {
    SmallVector<Operation *> inside;
    for (Operation &inner : body.without_terminator())
      inside.push_back(&inner);
    for (Operation *inner : llvm::reverse(inside))
      if (isOpTriviallyDead(inner))
        b.eraseOp(inner);
  }

  static constexpr double assumedExtent = 64;

  double points(const Dims &dims) const {
    double count = 1;
    for (unsigned dim : dims.set_bits())
      count *= ShapedType::isDynamic(extents[dim]) ? assumedExtent
                                                   : double(extents[dim]);
    return count;
  }

  /// Is a value computed from the coordinates of an operand alone?
  bool isOver(AffineMap map, Value value) {
    Operation *def = value.getDefiningOp();
    if (value.getParentBlock() != op.getBody())
      return true;
    if (coordinateOf(value, map))
      return true;
    return def && !isa<linalg::IndexOp>(def) &&
           llvm::all_of(def->getOperands(),
                        [&](Value operand) { return isOver(map, operand); });
  }

  /// The input whose elements a part belongs to one by one, although the loops
  /// come to each of them many times, as those of a convolution do: the part
  /// is then a table of the input's shape. Null for all others.
  OpOperand *inputOf(Value part) {
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      if (!map.isProjectedPermutation() && isOver(map, part))
        return input;
    }
    return nullptr;
  }

  double sizeOf(OpOperand *input) const {
    double count = 1;
    for (int64_t size :
         cast<RankedTensorType>(input->get().getType()).getShape())
      count *= ShapedType::isDynamic(size) ? assumedExtent : double(size);
    return count;
  }

  double pointsOfTable(Value part) {
    OpOperand *input = inputOf(part);
    return input ? sizeOf(input) : points(dimsOf(part));
  }

  double largestInput() {
    double largest = 0;
    for (OpOperand *input : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(input);
      Dims dims(op.getNumLoops());
      for (unsigned dim = 0; dim < dims.size(); ++dim)
        if (map.isFunctionOfDim(dim))
          dims.set(dim);
      if (map.isProjectedPermutation())
        largest = std::max(largest, points(dims));
      else
        largest = std::max(largest, sizeOf(input));
    }
    return largest;
  }

  /// The operations of the body that compute `value`, in order.
  SmallVector<Operation *> treeOf(Value value) {
    llvm::SetVector<Operation *> tree;
    SmallVector<Value> work{value};
    while (!work.empty()) {
      Operation *def = work.pop_back_val().getDefiningOp();
      if (def && def->getBlock() == op.getBody() && tree.insert(def))
        llvm::append_range(work, def->getOperands());
    }
    SmallVector<Operation *> ordered(tree.begin(), tree.end());
    llvm::sort(ordered, [](Operation *a, Operation *c) {
      return a->isBeforeInBlock(c);
    });
    return ordered;
  }

  bool isWorthIt(Value value) {
    auto [entry, isNew] = worth.try_emplace(value, false);
    if (isNew)
      entry->second = looksWorthIt(value);
    return entry->second;
  }

  bool looksWorthIt(Value value) {
    constexpr double fewerPoints = 8;
    constexpr size_t leastOps = 5;
    Type type = value.getType();
    if (!isPart(value) || !(isa<FloatType>(type) || type.isInteger(32)))
      return false;
    double size = pointsOfTable(value);
    Dims all(op.getNumLoops(), true);
    return size * fewerPoints <= points(all) && size <= 2 * largestInput() &&
           treeOf(value).size() >= leastOps;
  }

  SmallVector<Value> partsToHoist() {
    SmallVector<Value> parts;
    for (Operation &inner : op.getBody()->without_terminator()) {
      if (inner.getNumResults() != 1 || inner.getNumRegions() != 0)
        continue;
      Value value = inner.getResult(0);
      if (isWorthIt(value) && llvm::any_of(value.getUsers(), [&](auto *user) {
            return user->getNumResults() != 1 || !isWorthIt(user->getResult(0));
          }))
        parts.push_back(value);
    }
    return parts;
  }

  /// Reduction loops first: the last dimension is one that can be a vector.
  SmallVector<unsigned> inOrder(const Dims &dims) {
    SmallVector<unsigned> order, loops;
    op.getReductionDims(order);
    op.getParallelDims(loops);
    llvm::append_range(order, loops);
    llvm::erase_if(order, [&](unsigned dim) { return !dims.test(dim); });
    return order;
  }

  /// The tensor of a part over an input's elements; the reduction reads it as
  /// it reads the input.
  std::pair<Value, AffineMap> tableOver(OpOperand *input, Value part) {
    Location loc = part.getLoc();
    AffineMap map = op.getMatchingIndexingMap(input);
    SmallVector<OpFoldResult> shape =
        tensor::getMixedSizes(b, loc, input->get());
    Value empty = tensor::EmptyOp::create(b, loc, shape, part.getType());
    SmallVector<utils::IteratorType> iterators(shape.size(),
                                               utils::IteratorType::parallel);
    auto table = linalg::GenericOp::create(
        b, loc, empty.getType(), ValueRange(), empty,
        b.getMultiDimIdentityMap(shape.size()), iterators,
        [&](OpBuilder &builder, Location l, ValueRange) {
          IRMapping mapping;
          std::function<Value(Value)> copy = [&](Value value) -> Value {
            if (value.getParentBlock() != op.getBody())
              return value;
            if (Value done = mapping.lookupOrNull(value))
              return done;
            if (std::optional<Coordinate> at = coordinateOf(value, map)) {
              Value index = linalg::IndexOp::create(builder, l, at->result);
              if (at->offset)
                index = arith::AddIOp::create(
                    builder, l, index,
                    arith::ConstantIndexOp::create(builder, l, at->offset));
              mapping.map(value, index);
              return index;
            }
            Operation *def = value.getDefiningOp();
            for (Value operand : def->getOperands())
              copy(operand);
            builder.clone(*def, mapping);
            return mapping.lookup(value);
          };
          linalg::YieldOp::create(builder, l, copy(part));
        });
    return {table.getResult(0), map};
  }

  /// The tensor of a part over its loops, and how the reduction reads it.
  std::pair<Value, AffineMap> tableOf(Value part,
                                      ArrayRef<OpFoldResult> sizes) {
    Location loc = part.getLoc();
    Dims dims = dimsOf(part);
    unsigned count = dims.count();
    SmallVector<AffineExpr> renamed(op.getNumLoops(),
                                    b.getAffineConstantExpr(0)),
        read;
    SmallVector<OpFoldResult> shape;
    for (unsigned dim : inOrder(dims)) {
      renamed[dim] = b.getAffineDimExpr(shape.size());
      read.push_back(b.getAffineDimExpr(dim));
      shape.push_back(sizes[dim]);
    }
    SmallVector<Value> inputs;
    SmallVector<BlockArgument> arguments;
    SmallVector<AffineMap> maps;
    SmallVector<Operation *> tree = treeOf(part);
    for (OpOperand *input : op.getDpsInputOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(input);
      if (llvm::none_of(argument.getUsers(), [&](Operation *user) {
            return llvm::is_contained(tree, user);
          }))
        continue;
      inputs.push_back(input->get());
      arguments.push_back(argument);
      maps.push_back(op.getMatchingIndexingMap(input).replaceDimsAndSymbols(
          renamed, {}, count, 0));
    }
    maps.push_back(b.getMultiDimIdentityMap(count));
    Value empty = tensor::EmptyOp::create(b, loc, shape, part.getType());
    SmallVector<utils::IteratorType> iterators(count,
                                               utils::IteratorType::parallel);
    auto table = linalg::GenericOp::create(
        b, loc, empty.getType(), inputs, empty, maps, iterators,
        [&](OpBuilder &builder, Location l, ValueRange args) {
          IRMapping mapping;
          for (auto [argument, value] : llvm::zip(arguments, args))
            mapping.map(argument, value);
          for (Operation *inner : tree) {
            if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
              auto dim = cast<AffineDimExpr>(renamed[index.getDim()]);
              mapping.map(index.getResult(),
                          Value(linalg::IndexOp::create(builder, l,
                                                        dim.getPosition())));
            } else {
              builder.clone(*inner, mapping);
            }
          }
          linalg::YieldOp::create(builder, l, mapping.lookup(part));
        });
    return {table.getResult(0),
            AffineMap::get(op.getNumLoops(), 0, read, op.getContext())};
  }

  void hoist(ArrayRef<Value> parts) {
    b.setInsertionPoint(op);
    SmallVector<OpFoldResult> sizes;
    for (Range range : cast<linalg::LinalgOp>(op.getOperation())
                           .createLoopRanges(b, op.getLoc()))
      sizes.push_back(range.size);
    SmallVector<Value> inputs(op.getDpsInputs());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    unsigned numInputs = inputs.size();
    for (Value part : parts) {
      OpOperand *input = inputOf(part);
      auto [table, map] = input ? tableOver(input, part) : tableOf(part, sizes);
      maps.insert(maps.begin() + int64_t(inputs.size()), map);
      inputs.push_back(table);
    }
    auto fresh = linalg::GenericOp::create(
        b, op.getLoc(), op.getResultTypes(), inputs, op.getDpsInits(),
        b.getAffineMapArrayAttr(maps), op.getIteratorTypes(), StringAttr(),
        StringAttr());
    fresh->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    b.inlineRegionBefore(op.getRegion(), fresh.getRegion(),
                         fresh.getRegion().begin());
    Block &body = fresh.getRegion().front();
    for (auto [index, part] : llvm::enumerate(parts)) {
      BlockArgument read =
          body.insertArgument(numInputs + index, part.getType(), part.getLoc());
      b.replaceAllUsesWith(part, read);
    }
    eraseUnused(body);
    b.replaceOp(op, fresh.getResults());
  }

  IRRewriter &b;
  linalg::GenericOp op;
  SmallVector<int64_t> extents;
  SmallVector<AffineMap> maps;
  llvm::DenseMap<Value, Dims> known;
  llvm::DenseMap<Value, bool> worth;
};

struct HoistTables : public prec::impl::HoistTablesBase<HoistTables> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> reductions;
    getOperation()->walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() > 0 && op.hasPureTensorSemantics())
        reductions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : reductions)
      tables += Tables(rewriter, op).run();
  }
};
} // namespace
