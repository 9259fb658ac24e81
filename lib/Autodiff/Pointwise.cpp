// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the generics, each with the inputs it uses.
#include "Pointwise.h"
#include "prec/Autodiff/Gradients.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mlir::prec;

static SmallVector<Expression> wrap(OpBuilder &b, Location loc,
                                    ValueRange values) {
  SmallVector<Expression> result;
  for (Value v : values)
    result.emplace_back(b, loc, v);
  return result;
}

/// Which inputs a formula uses, found by building it once aside.
static SmallVector<bool> findUsed(Location loc, ValueRange inputs,
                                  Formula formula) {
  Region region;
  Block *block = new Block;
  region.push_back(block);
  OpBuilder b(loc.getContext());
  b.setInsertionPointToEnd(block);
  for (Value input : inputs)
    block->addArgument(getElementTypeOrSelf(input.getType()), loc);
  Value result = formula(wrap(b, loc, block->getArguments())).value;
  return llvm::map_to_vector(block->getArguments(), [&](Value v) {
    return v == result || !v.use_empty();
  });
}

Value mlir::prec::pointwise(OpBuilder &b, Location loc, Value like,
                            ValueRange inputs, Formula formula) {
  unsigned rank = cast<RankedTensorType>(like.getType()).getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  SmallVector<bool> isUsed = findUsed(loc, inputs, formula);
  SmallVector<Value> used;
  SmallVector<AffineMap> maps;
  for (auto [input, usesIt] : llvm::zip_equal(inputs, isUsed)) {
    if (!usesIt)
      continue;
    used.push_back(input);
    auto type = dyn_cast<RankedTensorType>(input.getType());
    maps.push_back(AffineMap::get(
        rank, 0, identity.getResults().take_front(type ? type.getRank() : 0),
        b.getContext()));
  }
  maps.push_back(identity);
  SmallVector<utils::IteratorType> parallel(rank,
                                            utils::IteratorType::parallel);
  auto body = [&](OpBuilder &inner, Location l, ValueRange args) {
    // The formula sees all inputs; those it does not use stand for nothing.
    SmallVector<Value> all;
    unsigned next = 0;
    for (bool usesIt : isUsed)
      all.push_back(usesIt ? args[next++] : args.back());
    linalg::YieldOp::create(inner, l, formula(wrap(inner, l, all)).value);
  };
  return linalg::GenericOp::create(b, loc, like.getType(), used,
                                   makeEmpty(b, loc, like), maps, parallel,
                                   body)
      .getResult(0);
}

Value mlir::prec::reduceLast(OpBuilder &b, Location loc, Value input,
                             Value initial, unsigned count, Formula formula) {
  unsigned rank = cast<RankedTensorType>(input.getType()).getRank();
  AffineMap identity = b.getMultiDimIdentityMap(rank);
  AffineMap maps[] = {
      identity, AffineMap::get(rank, 0, identity.getResults().drop_back(count),
                               b.getContext())};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.rbegin(), count, utils::IteratorType::reduction);
  auto body = [&](OpBuilder &inner, Location l, ValueRange args) {
    Value all[] = {args[1], args[0]};
    linalg::YieldOp::create(inner, l, formula(wrap(inner, l, all)).value);
  };
  return linalg::GenericOp::create(b, loc, initial.getType(), input, initial,
                                   maps, iterators, body)
      .getResult(0);
}

Expression mlir::prec::isAtLabel(Expression like, Expression label,
                                 unsigned lastDim) {
  OpBuilder &b = *like.builder;
  Value index = linalg::IndexOp::create(b, like.loc, lastDim);
  Value column = arith::IndexCastOp::create(b, like.loc, b.getI32Type(), index);
  return like.with(arith::CmpIOp::create(b, like.loc, arith::CmpIPredicate::eq,
                                         column, label.value));
}

Stamp::Stamp(OpBuilder &builder, StringAttr scope, StringRef phase,
             StringRef role)
    : builder(builder), scope(scope), phase(phase), role(role) {
  bool isFirst =
      builder.getInsertionPoint() == builder.getInsertionBlock()->begin();
  before = isFirst ? nullptr : &*std::prev(builder.getInsertionPoint());
}

Stamp::~Stamp() {
  Block *block = builder.getInsertionBlock();
  auto it = before ? std::next(before->getIterator()) : block->begin();
  for (; it != builder.getInsertionPoint(); ++it) {
    if (scope)
      it->setAttr(scopeAttrName, scope);
    it->setAttr(phaseAttrName, builder.getStringAttr(phase));
    if (!role.empty() && !it->hasAttr(roleAttrName) &&
        !it->hasTrait<OpTrait::ConstantLike>())
      it->setAttr(roleAttrName, builder.getStringAttr(role));
  }
}
