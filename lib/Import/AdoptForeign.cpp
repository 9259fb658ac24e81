// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// scatter, sort and scan of tm_tensor and iree_linalg_ext as loops.
//
// Both dialects came from one source and have one meaning; they are not
// registered here, so their operations are read in generic form: operands in
// the order of the dialect, attributes by name, one region.
#include "prec/IR/PrecDialect.h"
#include "prec/Import/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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
  /// One loop from `low` to `high`.
  SmallVector<Value> loop(Value low, Value high, ArrayRef<Value> state,
                          Body body) {
    auto made = scf::ForOp::create(builder, loc, low, high, index(1), state);
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

/// sort(tensors): along a dimension, by neighbours that change places; equal
/// elements keep their order.
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
  Value first = op->getOperand(0);
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      sizes.push_back(loops.size(first, d));
  Value zero = loops.index(0), one = loops.index(1);
  Value length = loops.size(first, axis);
  auto order = [&](ValueRange p, ValueRange q) {
    SmallVector<Value> pairs;
    for (auto [a, b] : llvm::zip_equal(p, q))
      pairs.append({a, b});
    return loops.apply(pairs);
  };
  SmallVector<Value> made = loops.nest(
      sizes, llvm::to_vector_of<Value>(op->getOperands()),
      [&](ValueRange at, ValueRange state) {
        auto place = [&](Value i) {
          SmallVector<Value> full(at);
          full.insert(full.begin() + axis, i);
          return full;
        };
        auto step = [&](ValueRange j, ValueRange state) {
          Value next =
              arith::AddIOp::create(loops.builder, loops.loc, j[0], one);
          SmallVector<Value> p, q, result;
          for (Value tensor : state) {
            p.push_back(loops.load(tensor, place(j[0])));
            q.push_back(loops.load(tensor, place(next)));
          }
          // Changed if the right one belongs first and not the other way
          // round, whether the comparison is strict or not.
          Value yes = order(q, p), no = order(p, q);
          Value always =
              arith::ConstantIntOp::create(loops.builder, loops.loc, 1, 1);
          no = arith::XOrIOp::create(loops.builder, loops.loc, no, always);
          yes = arith::AndIOp::create(loops.builder, loops.loc, yes, no);
          for (auto [tensor, a, b] : llvm::zip_equal(state, p, q)) {
            Value low =
                arith::SelectOp::create(loops.builder, loops.loc, yes, b, a);
            Value high =
                arith::SelectOp::create(loops.builder, loops.loc, yes, a, b);
            Value changed = loops.store(low, tensor, place(j[0]));
            result.push_back(loops.store(high, changed, place(next)));
          }
          return result;
        };
        return loops.loop(
            one, length, llvm::to_vector(state),
            [&](ValueRange i, ValueRange state) {
              Value last =
                  arith::SubIOp::create(loops.builder, loops.loc, length, i[0]);
              return loops.loop(zero, last, llvm::to_vector(state), step);
            });
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
