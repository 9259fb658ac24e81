// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// scatter, sort and scan of tm_tensor and iree_linalg_ext as loops.
//
// Both dialects came from one source and have one meaning; they are not
// registered here, so their operations are read in generic form: operands in
// the order of the dialect, attributes by name, one region.
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::prec;

/// An attribute or property of an operation that is not registered.
static Attribute attribute(Operation *op, StringRef name) {
  if (Attribute found = op->getDiscardableAttr(name))
    return found;
  if (auto all =
          dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    return all.get(name);
  return {};
}

namespace {
/// What the three rewritings share: constants, loops, elements, the region.
class Loops {
public:
  explicit Loops(Operation *op) : op(op), builder(op), loc(op->getLoc()) {}

  Value index(int64_t n) {
    return arith::ConstantIndexOp::create(builder, loc, n);
  }
  Value size(Value tensor, int64_t dim) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!type.isDynamicDim(dim))
      return index(type.getDimSize(dim));
    return tensor::DimOp::create(builder, loc, tensor, dim);
  }
  Value load(Value tensor, ValueRange at) {
    return tensor::ExtractOp::create(builder, loc, tensor, at);
  }
  Value store(Value value, Value tensor, ValueRange at) {
    return tensor::InsertOp::create(builder, loc, value, tensor, at);
  }
  Value asIndex(Value number) {
    if (number.getType().isIndex())
      return number;
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                      number);
  }

  using Body =
      function_ref<SmallVector<Value>(ValueRange at, ValueRange state)>;
  /// A nest of loops from 0 to each size that carries `state`.
  SmallVector<Value> nest(ArrayRef<Value> sizes, ArrayRef<Value> state,
                          Body body) {
    SmallVector<Value> at;
    return nest(sizes, at, llvm::to_vector(state), body);
  }
  /// One loop from `low` to `high`, by 1 or `step`.
  SmallVector<Value> loop(Value low, Value high, ArrayRef<Value> state,
                          Body body, Value step = {}) {
    auto made = scf::ForOp::create(builder, loc, low, high,
                                   step ? step : index(1), state);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(made.getBody());
    SmallVector<Value> next =
        body(made.getInductionVar(), made.getRegionIterArgs());
    scf::YieldOp::create(builder, loc, next);
    return llvm::to_vector_of<Value>(made.getResults());
  }

  /// The region's result for some arguments.
  Value apply(ValueRange arguments) {
    Block &block = op->getRegion(0).front();
    IRMapping map;
    map.map(block.getArguments(), arguments);
    // The last one yields; it is not registered, so nobody knows that it does.
    for (Operation &inner : llvm::drop_end(block))
      builder.clone(inner, map);
    return map.lookupOrDefault(block.back().getOperand(0));
  }

  /// Replaces the operation; what was made for it takes its scope.
  void replace(ArrayRef<Value> results, Operation *before) {
    Operation *made = before ? before->getNextNode() : &op->getBlock()->front();
    for (; made != op; made = made->getNextNode())
      for (StringRef name : {scopeAttrName, phaseAttrName, roleAttrName})
        if (Attribute value = op->getDiscardableAttr(name))
          made->setAttr(name, value);
    op->replaceAllUsesWith(results);
    op->erase();
  }

  Operation *op;
  OpBuilder builder;
  Location loc;

private:
  SmallVector<Value> nest(ArrayRef<Value> sizes, SmallVector<Value> &at,
                          ArrayRef<Value> state, Body body) {
    if (sizes.empty())
      return body(at, state);
    return loop(
        index(0), sizes.front(), state, [&](ValueRange i, ValueRange inner) {
          at.push_back(i.front());
          SmallVector<Value> next =
              nest(sizes.drop_front(), at, llvm::to_vector(inner), body);
          at.pop_back();
          return next;
        });
  }
};
} // namespace

static int64_t rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : -1;
}

/// scatter(updates, indices, original): for each row of indices, in order, the
/// slice that starts there takes region(update, old).
static bool lowerScatter(Operation *op) {
  if (op->getNumOperands() != 3 || op->getNumResults() != 1)
    return false;
  auto map =
      dyn_cast_or_null<DenseI64ArrayAttr>(attribute(op, "dimension_map"));
  Value updates = op->getOperand(0), indices = op->getOperand(1);
  Value original = op->getOperand(2);
  int64_t batch = rankOf(indices) - 1, rank = rankOf(original);
  int64_t window = rankOf(updates) - batch;
  if (!map || batch < 0 || rank < 0 || window < 0 || window > rank)
    return false;
  Operation *before = op->getPrevNode();
  Loops loops(op);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < rankOf(updates); ++d)
    sizes.push_back(loops.size(updates, d));
  SmallVector<Value> made =
      loops.nest(sizes, {original}, [&](ValueRange at, ValueRange state) {
        SmallVector<Value> place(rank);
        for (auto [k, dim] : llvm::enumerate(map.asArrayRef())) {
          SmallVector<Value> row(at.take_front(batch));
          row.push_back(loops.index(int64_t(k)));
          place[dim] = loops.asIndex(loops.load(indices, row));
        }
        for (int64_t j = 0; j < window; ++j) {
          Value &slot = place[rank - window + j];
          Value offset = at[batch + j];
          slot = slot ? arith::AddIOp::create(loops.builder, loops.loc, slot,
                                              offset)
                      : offset;
        }
        for (Value &slot : place)
          if (!slot)
            slot = loops.index(0);
        Value next =
            loops.apply({loops.load(updates, at), loops.load(state[0], place)});
        return SmallVector<Value>{loops.store(next, state[0], place)};
      });
  loops.replace(made, before);
  return true;
}

/// A line of each tensor is merged into the other buffer's runs of twice the
/// width, and taken back; equal elements keep their order.
static SmallVector<Value> mergeRuns(Loops &loops, Value length, Value width,
                                    ArrayRef<Value> lines,
                                    ArrayRef<Value> spare) {
  OpBuilder &b = loops.builder;
  Location loc = loops.loc;
  size_t count = lines.size();
  Value one = loops.index(1);
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddIOp::create(b, loc, x, y);
  };
  auto least = [&](Value x, Value y) -> Value {
    return arith::MinUIOp::create(b, loc, x, y);
  };
  auto isBelow = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x, y);
  };
  auto both = [&](Value x, Value y) -> Value {
    return arith::AndIOp::create(b, loc, x, y);
  };
  auto choose = [&](Value yes, Value x, Value y) -> Value {
    return arith::SelectOp::create(b, loc, yes, x, y);
  };
  auto order = [&](ArrayRef<Value> p, ArrayRef<Value> q) {
    SmallVector<Value> pairs;
    for (auto [x, y] : llvm::zip_equal(p, q))
      pairs.append({x, y});
    return loops.apply(pairs);
  };
  Value always = arith::ConstantIntOp::create(b, loc, 1, 1);
  Value last = arith::SubIOp::create(b, loc, length, one);
  auto merge = [&](ValueRange start, ValueRange state) {
    Value middle = least(add(start[0], width), length);
    Value end = least(add(middle, width), length);
    SmallVector<Value> given{start[0], middle};
    llvm::append_range(given, state);
    SmallVector<Value> made =
        loops.loop(start[0], end, given, [&](ValueRange at, ValueRange state) {
          Value left = state[0], right = state[1];
          SmallVector<Value> x, y, next;
          for (Value line : lines) {
            x.push_back(loops.load(line, least(left, last)));
            y.push_back(loops.load(line, least(right, last)));
          }
          // The right one goes first if it belongs there and not the other
          // way round, whether the comparison is strict or not.
          Value before = both(
              order(y, x), arith::XOrIOp::create(b, loc, order(x, y), always));
          Value isRight = choose(isBelow(left, middle), before, always);
          isRight = both(isRight, isBelow(right, end));
          next.push_back(choose(isRight, left, add(left, one)));
          next.push_back(choose(isRight, add(right, one), right));
          for (size_t k = 0; k < count; ++k)
            next.push_back(
                loops.store(choose(isRight, y[k], x[k]), state[2 + k], at));
          return next;
        });
    return SmallVector<Value>(llvm::drop_begin(made, 2));
  };
  SmallVector<Value> merged = loops.loop(loops.index(0), length, spare, merge,
                                         /*step=*/add(width, width));
  SmallVector<Value> taken = loops.loop(
      loops.index(0), length, lines, [&](ValueRange at, ValueRange state) {
        SmallVector<Value> next;
        for (size_t k = 0; k < count; ++k)
          next.push_back(loops.store(loops.load(merged[k], at), state[k], at));
        return next;
      });
  llvm::append_range(taken, merged);
  return taken;
}

/// sort(tensors): each line along a dimension, by merging runs of 1, 2, 4, ...
/// elements.
static bool lowerSort(Operation *op) {
  auto dim = dyn_cast_or_null<IntegerAttr>(attribute(op, "dimension"));
  if (!dim || op->getNumOperands() == 0 ||
      op->getNumOperands() != op->getNumResults())
    return false;
  int64_t axis = dim.getInt(), rank = rankOf(op->getOperand(0));
  if (axis < 0 || axis >= rank)
    return false;
  Operation *before = op->getPrevNode();
  Loops loops(op);
  OpBuilder &b = loops.builder;
  Value first = op->getOperand(0);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      sizes.push_back(loops.size(first, d));
  Value zero = loops.index(0), one = loops.index(1);
  Value length = loops.size(first, axis);
  size_t count = op->getNumOperands();
  // Of 1 element there is nothing to merge: log2, rounded up.
  Value last = arith::IndexCastOp::create(
      b, loops.loc, b.getI64Type(),
      arith::SubIOp::create(b, loops.loc, length, one));
  Value bits = arith::ConstantIntOp::create(b, loops.loc, 64, 64);
  Value passes = loops.asIndex(arith::SubIOp::create(
      b, loops.loc, bits,
      math::CountLeadingZerosOp::create(b, loops.loc, last)));
  SmallVector<Value> made = loops.nest(
      sizes, llvm::to_vector_of<Value>(op->getOperands()),
      [&](ValueRange at, ValueRange state) {
        SmallVector<OpFoldResult> offsets(at), ones(rank, b.getIndexAttr(1));
        offsets.insert(offsets.begin() + axis, b.getIndexAttr(0));
        SmallVector<OpFoldResult> line = ones;
        line[axis] = getAsOpFoldResult(length);
        // Not empty tensors: two of them are one to CSE, and one buffer then.
        SmallVector<Value> given;
        for (Value tensor : state) {
          auto type = cast<RankedTensorType>(tensor.getType());
          auto part = RankedTensorType::get({type.getDimSize(axis)},
                                            type.getElementType());
          given.push_back(tensor::ExtractSliceOp::create(
              b, loops.loc, part, tensor, offsets, line, ones));
        }
        given.append(llvm::to_vector(given));
        SmallVector<Value> sorted = loops.loop(
            zero, passes, given, [&](ValueRange pass, ValueRange inner) {
              Value width =
                  arith::ShLIOp::create(b, loops.loc, one, pass.front());
              SmallVector<Value> all(inner);
              return mergeRuns(loops, length, width,
                               ArrayRef(all).take_front(count),
                               ArrayRef(all).drop_front(count));
            });
        SmallVector<Value> next;
        for (auto [tensor, row] :
             llvm::zip_equal(state, ArrayRef(sorted).take_front(count)))
          next.push_back(tensor::InsertSliceOp::create(
              b, loops.loc, row, tensor, offsets, line, ones));
        return next;
      });
  loops.replace(made, before);
  return true;
}

/// scan(input, output, accumulator): running region(element, total) along a
/// dimension.
static bool lowerScan(Operation *op) {
  auto dim = dyn_cast_or_null<IntegerAttr>(attribute(op, "dimension"));
  auto inclusive = dyn_cast_or_null<BoolAttr>(attribute(op, "inclusive"));
  if (!dim || !inclusive || op->getNumOperands() != 3 ||
      op->getNumResults() != 2)
    return false;
  Value input = op->getOperand(0);
  int64_t axis = dim.getInt(), rank = rankOf(input);
  if (axis < 0 || axis >= rank)
    return false;
  Operation *before = op->getPrevNode();
  Loops loops(op);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      sizes.push_back(loops.size(input, d));
  Value zero = loops.index(0), length = loops.size(input, axis);
  bool isInclusive = inclusive.getValue();
  SmallVector<Value> made = loops.nest(
      sizes, {op->getOperand(1), op->getOperand(2)},
      [&](ValueRange line, ValueRange state) {
        SmallVector<Value> outer(line);
        Value start = loops.load(state[1], outer);
        SmallVector<Value> end = loops.loop(
            zero, length, {state[0], start},
            [&](ValueRange i, ValueRange state) {
              SmallVector<Value> full(outer);
              full.insert(full.begin() + axis, i.front());
              Value element = loops.load(input, full);
              Value total = loops.apply({element, state[1]});
              if (isInclusive) {
                // The first element is taken as it is.
                Value isFirst = arith::CmpIOp::create(loops.builder, loops.loc,
                                                      arith::CmpIPredicate::eq,
                                                      i.front(), zero);
                total = arith::SelectOp::create(loops.builder, loops.loc,
                                                isFirst, element, total);
              }
              Value shown = isInclusive ? total : state[1];
              return SmallVector<Value>{loops.store(shown, state[0], full),
                                        total};
            });
        return SmallVector<Value>{end[0], loops.store(end[1], state[1], outer)};
      });
  loops.replace(made, before);
  return true;
}

int64_t mlir::prec::lowerForeignOperations(ModuleOp module) {
  SmallVector<Operation *> found;
  module.walk([&](Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    if (!op->isRegistered() &&
        (dialect == "tm_tensor" || dialect == "iree_linalg_ext") &&
        op->getNumRegions() == 1 && op->getRegion(0).hasOneBlock())
      found.push_back(op);
  });
  int64_t count = 0;
  for (Operation *op : found) {
    StringRef name = op->getName().stripDialect();
    count += (name == "scatter" && lowerScatter(op)) ||
             (name == "sort" && lowerSort(op)) ||
             (name == "scan" && lowerScan(op));
  }
  return count;
}
