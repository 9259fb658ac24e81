// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counts beside the roundings of a function and of the loops in it.
#include "StepRoundings.h"
#include "ElementSums.h"
#include "prec/Analysis/Sites.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::prec;
using Predicate = arith::CmpFPredicate;
using Values = SmallVector<Value>;

static Value zeroCount(ImplicitLocOpBuilder &b) {
  return arith::ConstantIntOp::create(b, 0, 64);
}

static StringRef scopeOfRound(RoundOp round) {
  return round.getSite() ? round.getSite()->getScope() : scopeOf(round);
}

static Value isFinite(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<FloatType>(x.getType());
  auto isBelow = [&](Predicate predicate, bool isNegative) -> Value {
    Value limit = arith::ConstantOp::create(
        b, b.getFloatAttr(
               type, APFloat::getInf(type.getFloatSemantics(), isNegative)));
    return arith::CmpFOp::create(b, predicate, x, limit);
  };
  return arith::AndIOp::create(b, isBelow(Predicate::OLT, false),
                               isBelow(Predicate::OGT, true));
}

static Values countsOf(RoundOp round) {
  ImplicitLocOpBuilder b(round.getLoc(), round.getContext());
  b.setInsertionPointAfter(round);
  const Format &format = round.getFormat().getValue();
  Values limits;
  if (format.isElementwise())
    limits.push_back(limitOf(b, round, false));
  if (format.isElementwise() && format.isSigned)
    limits.push_back(limitOf(b, round, true));
  auto next = [&](ImplicitLocOpBuilder &n, ValueRange x, ValueRange old) {
    auto is = [&](Predicate predicate, Value a, Value c) -> Value {
      return arith::CmpFOp::create(n, predicate, a, c);
    };
    auto both = [&](Value a, Value c) -> Value {
      return arith::AndIOp::create(n, a, c);
    };
    Value before = x[0], after = x[1], wasFinite = isFinite(n, before);
    Value yes = arith::ConstantIntOp::create(n, 1, 1);
    Value zero =
        arith::ConstantOp::create(n, n.getFloatAttr(before.getType(), 0));
    Values found = {
        both(wasFinite, arith::XOrIOp::create(n, isFinite(n, after), yes)),
        both(is(Predicate::ONE, before, zero),
             is(Predicate::OEQ, after, zero))};
    Value isClamped;
    for (auto [i, limit] : llvm::enumerate(limits)) {
      Value isBeyond =
          both(is(Predicate::OEQ, after, limit),
               is(i ? Predicate::OLT : Predicate::OGT, before, limit));
      isClamped = isClamped
                      ? arith::OrIOp::create(n, isClamped, isBeyond).getResult()
                      : isBeyond;
    }
    if (isClamped)
      found.push_back(both(wasFinite, isClamped));
    Values sums;
    for (auto [sum, one] : llvm::zip_equal(old, found))
      sums.push_back(arith::AddIOp::create(
          n, sum, arith::ExtUIOp::create(n, n.getI64Type(), one)));
    return sums;
  };
  Values zeros(limits.empty() ? 2 : 3, zeroCount(b));
  Values counts = {countElements(b, round.getOperand())};
  llvm::append_range(
      counts,
      sumElements(b, {round.getOperand(), round.getResult()}, zeros, next));
  return counts;
}

namespace {
/// Counts block by block; loops carry the counts of their bodies.
class RoundingCounter {
public:
  FailureOr<CountsByScope> count(Block &block);
  int64_t numLeft = 0;

private:
  FailureOr<CountsByScope> carry(scf::ForOp loop);

  /// Adds at the end of the block.
  static void add(CountsByScope &all, StringRef scope, const Values &more,
                  Operation *end) {
    auto [entry, isNew] = all.insert({scope, more});
    if (isNew)
      return;
    Values &sum = entry->second;
    sum.truncate(std::min(sum.size(), more.size()));
    ImplicitLocOpBuilder b(end->getLoc(), end);
    for (auto [old, one] : llvm::zip(sum, more))
      old = arith::AddIOp::create(b, old, one);
  }
};
} // namespace

FailureOr<CountsByScope> RoundingCounter::count(Block &block) {
  CountsByScope all;
  Operation *end = block.getTerminator();
  SmallVector<Operation *> operations;
  for (Operation &op : block.without_terminator())
    operations.push_back(&op);
  for (Operation *op : operations) {
    if (auto round = dyn_cast<RoundOp>(op);
        round && !isa<VectorType>(round.getType())) {
      add(all, scopeOfRound(round), countsOf(round), end);
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      FailureOr<CountsByScope> inner = carry(loop);
      if (failed(inner))
        return failure();
      for (auto &[scope, counts] : *inner)
        add(all, scope, counts, end);
    } else {
      op->walk([&](RoundOp) { ++numLeft; });
    }
  }
  return all;
}

FailureOr<CountsByScope> RoundingCounter::carry(scf::ForOp loop) {
  FailureOr<CountsByScope> inner = count(*loop.getBody());
  if (failed(inner) || inner->empty())
    return inner;
  Values counted;
  for (auto &[scope, counts] : *inner)
    llvm::append_range(counted, counts);
  IRRewriter rewriter(loop);
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  Values zeros(counted.size(), zeroCount(b));
  auto next = [&](OpBuilder &nested, Location loc,
                  ArrayRef<BlockArgument> sums) {
    Values news;
    for (auto [sum, more] : llvm::zip_equal(sums, counted))
      news.push_back(arith::AddIOp::create(nested, loc, sum, more));
    return news;
  };
  auto made = loop.replaceWithAdditionalYields(
      rewriter, zeros, /*replaceInitOperandUsesInLoop=*/false, next);
  if (failed(made))
    return loop.emitError("cannot carry counts of roundings");
  ValueRange totals = (*made)->getResults().take_back(counted.size());
  for (auto &[scope, counts] : *inner) {
    counts = llvm::to_vector(totals.take_front(counts.size()));
    totals = totals.drop_front(counts.size());
  }
  return inner;
}

FailureOr<CountsByScope> mlir::prec::countRoundings(func::FuncOp function,
                                                    int64_t &numLeft) {
  RoundingCounter counter;
  FailureOr<CountsByScope> found = counter.count(function.front());
  numLeft = counter.numLeft;
  return found;
}
