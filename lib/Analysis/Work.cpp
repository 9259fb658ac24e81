// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Static counts of values and floating-point operations.
#include "prec/Analysis/Work.h"
#include "prec/Analysis/Contraction.h"
#include "prec/Analysis/Operations.h"
#include "prec/IR/PrecDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;
using namespace mlir::prec;

using Count = std::optional<int64_t>;

/// None stays none; what does not fit saturates.
static Count times(Count a, Count b) {
  if (!a || !b)
    return std::nullopt;
  int64_t product;
  return llvm::MulOverflow(*a, *b, product) ? INT64_MAX : product;
}

static Count plus(Count a, Count b) {
  if (!a || !b)
    return std::nullopt;
  int64_t sum;
  return llvm::AddOverflow(*a, *b, sum) ? INT64_MAX : sum;
}

/// The product of sizes, `unknown` for those that are not static.
static Count multiply(ArrayRef<int64_t> sizes, Count unknown) {
  Count product = 1;
  for (int64_t size : sizes)
    product = times(product, ShapedType::isDynamic(size) ? unknown : size);
  return product;
}

static Count elementsOf(Type type, Count unknown) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return 1;
  return shaped.hasRank() ? multiply(shaped.getShape(), unknown) : Count();
}

Count mlir::prec::countElements(Type type) { return elementsOf(type, {}); }

/// Points of a linalg operation's iteration space.
static Count countPoints(linalg::LinalgOp op, Count unknown) {
  return multiply(op.getStaticLoopRanges(), unknown);
}

/// How often an operation runs in one call.
static Count countRuns(Operation *op, Count unknown = {}) {
  Count runs = 1;
  for (Operation *parent = op->getParentOp();
       parent && !isa<func::FuncOp>(parent); parent = parent->getParentOp()) {
    if (auto structured = dyn_cast<linalg::LinalgOp>(parent)) {
      runs = times(runs, countPoints(structured, unknown));
    } else if (auto loop = dyn_cast<LoopLikeOpInterface>(parent)) {
      std::optional<APInt> trips = loop.getStaticTripCount();
      runs = times(runs, trips && trips->isSignedIntN(63)
                             ? Count(trips->getSExtValue())
                             : unknown);
    }
  }
  return runs;
}

Count mlir::prec::countValues(Operation *op) {
  Count values = 0;
  for (Type type : op->getResultTypes())
    if (isCarrierLike(type))
      values = plus(values, countElements(type));
  if (auto structured = dyn_cast<linalg::LinalgOp>(op);
      structured && structured.hasPureBufferSemantics())
    for (Value output : structured.getDpsInits())
      if (carrierOf(output.getType()))
        values = plus(values, countElements(output.getType()));
  return times(values, countRuns(op));
}

int64_t mlir::prec::flopsOfScalar(Operation *op) {
  if (op->getNumResults() != 1)
    return 0;
  Type type = op->getResult(0).getType();
  if (!isCarrierLike(type))
    return isa<FloatType>(getElementTypeOrSelf(type)) &&
           isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp>(op);
  if (isa<math::FmaOp, vector::FMAOp>(op))
    return 2;
  bool isConversion = isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp,
                          arith::UIToFPOp, arith::BitcastOp>(op);
  StringRef dialect = op->getName().getDialectNamespace();
  bool isArithmetic = dialect == "arith" || dialect == "math";
  return isArithmetic && !isConversion && classify(op).kind == OpKind::Compute;
}

Count mlir::prec::countFlops(Operation *op) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    Count flops = 0;
    for (Operation &inner : structured.getBlock()->without_terminator())
      flops = plus(flops, countFlops(&inner));
    return flops;
  }
  int64_t each = flopsOfScalar(op);
  if (each == 0)
    return 0;
  return times(each,
               times(countElements(op->getResult(0).getType()), countRuns(op)));
}

Count mlir::prec::countMultiplyAdds(Operation *op, Count unknownSize) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op)) {
    if (matchContraction(structured))
      return times(countPoints(structured, unknownSize),
                   countRuns(op, unknownSize));
    Count count = 0;
    for (Operation &inner : structured.getBlock()->without_terminator())
      count = plus(count, countMultiplyAdds(&inner, unknownSize));
    return count;
  }
  if (!isa<math::FmaOp, vector::FMAOp>(op))
    return 0;
  return times(elementsOf(op->getResult(0).getType(), unknownSize),
               countRuns(op, unknownSize));
}
